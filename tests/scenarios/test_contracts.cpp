#include "test_contracts.h"

#include <charconv>

#include "contracts/all.h"
#include "kernel/tables.h"

namespace careledger::scenarios {

namespace {

constexpr kernel::Table<kernel::Activation, Digest> kNested{{0x70}, "nested keys"};
constexpr kernel::Table<kernel::Activation, kernel::Counter> kForbidden{{0x71}, "forbidden rows"};

// Keys that share one more bit each with the last: the worst that raw keys can do to a tree.
Digest nested(std::uint32_t depth) {
  Digest digest;
  digest.value[depth / 8] = static_cast<char>(0x80 >> (depth % 8));
  return digest;
}

struct Hostile final : kernel::Prepared {
  std::string what;
  std::uint32_t count = 0;
  kernel::Code decide(const kernel::Call&, const kernel::Reader& state) const override {
    for (std::uint32_t i = 0; what == "read" && i < count; ++i) state.has(kForbidden, i);
    return {kHostile, 0};
  }
  void apply(const kernel::Call&, kernel::Writer& state) const override {
    for (std::uint32_t i = 0; what == "write" && i < count; ++i) state.put(kNested, kernel::Activation{}, nested(i % 8));
    for (std::uint32_t i = 0; what == "deepen" && i < count; ++i) state.put(kNested, kernel::Activation{}, nested(i));
    if (what == "break") state.put(kForbidden, kernel::Activation{}, count);
    if (what == "refound") state.put(kernel::kFounding, kernel::Founding{}, 0);
  }
};

Result<std::unique_ptr<const kernel::Prepared>, kernel::DecodeError> decode(ByteView payload) {
  auto hostile = std::make_unique<Hostile>();
  const auto space = payload.find(' ');
  hostile->what = Bytes(payload.substr(0, space));
  if (hostile->what.empty()) return tl::make_unexpected(kernel::DecodeError{});
  if (space != ByteView::npos) std::from_chars(payload.data() + space + 1, payload.data() + payload.size(), hostile->count);
  return std::unique_ptr<const kernel::Prepared>(std::move(hostile));
}

bool never(const kernel::Call&, const kernel::Key&, kernel::RowBytes, kernel::RowBytes, const kernel::Reader&) { return false; }

constexpr kernel::Invariant kInvariants[] = {{kForbidden.space, "no row may stand here", &never}};
constexpr kernel::CodeName kCodes[] = {{0, "ok"}};

}  // namespace

std::span<const kernel::Contract> contracts_with_hostile() {
  static const std::vector<kernel::Contract> contracts = [] {
    std::vector<kernel::Contract> list(contracts::all().begin(), contracts::all().end());
    list.push_back({kHostile, "hostile", {1}, &decode, kInvariants, kCodes});
    list.push_back({kLater, "later", {2}, &decode, {}, kCodes});
    return list;
  }();
  return contracts;
}

}  // namespace careledger::scenarios
