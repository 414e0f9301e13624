#include "ordering/abci/engine_rpc.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kPage = 100;  // most validators that the engine gives at once

}  // namespace

Result<Admission> EngineRpc::submit(ByteView transaction) {
  CARELEDGER_TRY(const Bytes text, transport_.post_form("/broadcast_tx_async", "tx=0x" + to_hex(transaction)));
  return parse_admission(text);
}

Result<proof::SignedHeader> EngineRpc::header(Height height) {
  CARELEDGER_TRY(const Bytes text, transport_.get("/commit?height=" + std::to_string(height.value)));
  CARELEDGER_TRY(proof::SignedHeader found, parse_commit(text));
  if (found.header.height != static_cast<std::int64_t>(height.value) || found.commit.height != found.header.height ||
      proof::hash_of(found.header) != found.commit.block_id.hash)
    return fail(ErrorKind::malformed, "the engine's header " + std::to_string(height.value) + " is not the one its commit is for");
  return found;
}

Result<proof::ValidatorSet> EngineRpc::validators(Height height) {
  proof::ValidatorSet set;
  for (std::size_t page = 1; page <= proof::kMaxValidators / kPage; ++page) {
    const std::string target =
        "/validators?height=" + std::to_string(height.value) + "&page=" + std::to_string(page) + "&per_page=" + std::to_string(kPage);
    CARELEDGER_TRY(const Bytes text, transport_.get(target));
    CARELEDGER_TRY(ValidatorPage found, parse_validators(text));
    std::move(found.validators.begin(), found.validators.end(), std::back_inserter(set.validators));
    if (set.validators.size() >= found.total || found.validators.empty()) break;
  }
  CARELEDGER_CHECK(proof::check(set));
  return set;
}

Result<EngineBlock> EngineRpc::block(Height height) {
  CARELEDGER_TRY(const Bytes text, transport_.get("/block?height=" + std::to_string(height.value)));
  CARELEDGER_TRY(EngineBlock found, parse_block(text));
  if (found.header.height != static_cast<std::int64_t>(height.value) || proof::data_hash(found.transactions) != found.header.data_hash)
    return fail(ErrorKind::malformed, "the engine's block " + std::to_string(height.value) + " is not the one that its header commits to");
  return found;
}

Result<Height> EngineRpc::newest() {
  CARELEDGER_TRY(const Bytes text, transport_.get("/blockchain"));
  return parse_newest(text);
}

// No question names it where the engine only answers about its blocks; an answer about one that is too low does.
Result<Height> EngineRpc::oldest() {
  CARELEDGER_TRY(const Bytes text, transport_.get("/commit?height=1"));
  return parse_oldest(text);
}

Result<EngineStatus> EngineRpc::status() {
  CARELEDGER_TRY(const Bytes text, transport_.get("/status"));
  CARELEDGER_TRY(EngineStatus status, parse_status(text));
  return status;
}

Result<std::vector<std::string>> EngineRpc::connected() {
  CARELEDGER_TRY(const Bytes text, transport_.get("/net_info"));
  return parse_connected(text);
}

Result<std::vector<Height>> EngineRpc::peer_heights() {
  CARELEDGER_TRY(const Bytes text, transport_.get("/dump_consensus_state"));
  return parse_peer_heights(text);
}

}  // namespace careledger::ordering::abci
