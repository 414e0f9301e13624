#include "ordering/headers_kept.h"

#include <algorithm>

namespace careledger::ordering {
namespace {

constexpr ByteView kKey = "headers from";

}  // namespace

Result<std::optional<Height>> headers_remembered(const replica::View& view) {
  CARELEDGER_TRY(const auto row, view.side_row(kKey));
  if (!row) return std::optional<Height>();
  ByteView rest = *row;
  const auto first = take_u64(rest);
  if (!first || !rest.empty()) return fail(ErrorKind::corrupt, "ledger: the record of the lowest signed header does not read");
  // Written with a block above it; and no root covers it, so that nobody else would notice.
  if (*first > view.height().value)
    return fail(ErrorKind::corrupt, "ledger: its record says that signed headers begin with block " + std::to_string(*first) +
                                        ", and its newest block is " + std::to_string(view.height().value));
  return std::optional(Height{*first});
}

Result<Height> first_header(const replica::View& view) {
  CARELEDGER_TRY(const auto remembered, headers_remembered(view));
  return std::max(remembered.value_or(Height{}), view.first_height());
}

Result<void> check_header_kept(const replica::View& view, Height height) {
  CARELEDGER_TRY(const auto remembered, headers_remembered(view));
  if (!remembered) return view.check_kept(height);
  const Height first = std::max(*remembered, view.first_height());
  if (height >= first) return {};
  return fail(ErrorKind::not_found, "block " + std::to_string(height.value) + ": this node keeps signed headers from block " +
                                        std::to_string(first.value) + " on (serve --keep-blocks): ask a member that keeps all");
}

replica::SideRow headers_from(Height first) { return {Bytes(kKey), u64_bytes(first.value)}; }

}  // namespace careledger::ordering
