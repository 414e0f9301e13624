#include "ordering/local/chain_rows.h"

namespace careledger::ordering::local {
namespace {

constexpr ByteView kResultsKey = "results";
constexpr ByteView kValidatorsKey = "validators";

Bytes header_key(Height height) { return "header" + u64_bytes(height.value); }

Result<Bytes> need(const replica::View& view, ByteView key, const std::string& what) {
  CARELEDGER_TRY(std::optional<Bytes> row, view.side_row(key));
  if (!row) return fail(ErrorKind::not_found, what + " is not stored here");
  return *row;
}

}  // namespace

std::vector<replica::SideRow> side_rows(const proof::Block& block, const proof::Commit& commit, ByteView results_hash,
                                        const proof::ValidatorSet& validators) {
  const Height height{static_cast<std::uint64_t>(block.header.height)};
  std::vector<replica::SideRow> rows;
  rows.push_back({header_key(height), proof::encode(proof::SignedHeader{block.header, commit})});
  rows.push_back({Bytes(kResultsKey), Bytes(results_hash)});
  if (height.value == 1) rows.push_back({Bytes(kValidatorsKey), proof::encode(validators)});
  return rows;
}

Result<proof::SignedHeader> read_header(const replica::View& view, Height height) {
  CARELEDGER_TRY(const Bytes row, need(view, header_key(height), "header " + std::to_string(height.value)));
  auto decoded = proof::decode_signed_header(row);
  if (!decoded) return fail(ErrorKind::corrupt, "stored header " + std::to_string(height.value) + ": " + decoded.error().message);
  if (decoded->header.height != static_cast<std::int64_t>(height.value))
    return fail(ErrorKind::corrupt, "stored header " + std::to_string(height.value) + " is of another height");
  return decoded;
}

Result<proof::ValidatorSet> read_validators(const replica::View& view) {
  CARELEDGER_TRY(const Bytes row, need(view, kValidatorsKey, "the validator set"));
  return proof::decode_validators(row);
}

Result<Tip> read_tip(const replica::View& view) {
  Tip tip;
  tip.height = view.height();
  tip.app_hash = view.app_hash().bytes();
  if (tip.height.value == 0) {
    tip.results_hash = proof::results_hash({});
    return tip;
  }
  CARELEDGER_TRY(const proof::SignedHeader signed_header, read_header(view, tip.height));
  CARELEDGER_TRY(tip.results_hash, need(view, kResultsKey, "the hash of the last results"));
  tip.time = signed_header.header.time;
  tip.block_id = signed_header.commit.block_id;
  tip.commit = signed_header.commit;
  return tip;
}

}  // namespace careledger::ordering::local
