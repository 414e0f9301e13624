#include "apps/upgrade.h"

#include "apps/config.h"
#include "codec/json/json.h"

namespace careledger::apps {
namespace {

namespace json = codec::json;

constexpr std::size_t kConfigBytesMax = 1u << 20;

// 1 -> 2: how much disk is held back was fixed in the program and is a setting now.
void add_reserve(json::Document& document) {
  document.set(document.root(), "reserve_mib", document.number(static_cast<std::int64_t>(kReserveMibDefault)));
}

using Step = void (*)(json::Document&);
constexpr Step kSteps[] = {add_reserve};  // of format 1, 2, …: to the next
static_assert(std::size(kSteps) + 1 == kConfigFormat);

}  // namespace

Result<Upgraded> upgrade_config(Files& files, const std::string& path) {
  CARELEDGER_TRY(const Bytes text, files.read_all(path, kConfigBytesMax));
  CARELEDGER_TRY(json::Document document, json::parse(text));
  CARELEDGER_TRY(const std::int64_t from, format_of(document.root()));
  for (std::int64_t format = from; format < kConfigFormat; ++format) {
    kSteps[format - 1](document);
    document.set(document.root(), "format", document.number(format + 1));
    CARELEDGER_CHECK(files.replace(path, json::pretty(document.root()) + "\n"));
  }
  return Upgraded{from, kConfigFormat};
}

}  // namespace careledger::apps
