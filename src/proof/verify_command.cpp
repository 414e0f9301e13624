// The command that a claim rests on: what it is, where it stands in the log, and whose signatures it carries.
#include "proof/canonical.h"
#include "proof/verify_parts.h"

namespace careledger::proof {

Result<ActorCommand> open_command(const Bundle& bundle, const LoggedCommand& logged, std::uint32_t contract, const char* what) {
  CARELEDGER_TRY(auto command, at("command", from_canonical<ledger::Command>(logged.command.command(), "command", kMaxCommand)));
  if (command.ledger() != bundle.ledger.view()) return broken("command", "for another ledger");
  const auto actor = AccountId::from(command.actor());
  if (!actor || command.contract() != contract) return broken("command", what);
  return ActorCommand{*actor, std::move(*command.mutable_payload())};
}

Result<void> check_logged(const LoggedCommand& logged, const Committed& committed, Report& report) {
  if (logged.height.value == 0 || logged.height.value >= committed.height)
    return broken("log", "the command's block is not below the header");
  const Bytes leaf = command_leaf(command_digest(logged.command.command()), logged.height, logged.position);
  CARELEDGER_CHECK(at("log", verify_inclusion(log_leaf(leaf), logged.index, committed.log_size, logged.path, committed.log_root)));
  report.height = logged.height;
  report.position = logged.position;
  report.log_index = logged.index;
  return {};
}

Result<void> check_command_signatures(const std::vector<KnownAuthority>& authorities, const LoggedCommand& logged, Report& report) {
  constexpr std::uint32_t kCommandRole = 1;
  Bytes signed_bytes;
  append_field(signed_bytes, "careledger/command/1");
  signed_bytes.append(logged.command.command());
  const auto& signatures = logged.command.signatures();
  CARELEDGER_CHECK(check_signatures("state", authorities, logged.height.value, kCommandRole, signed_bytes, signatures));
  report.command_signatures = static_cast<std::size_t>(signatures.size());
  return {};
}

Result<void> check_signatures(const char* step, const std::vector<KnownAuthority>& authorities, std::uint64_t height, std::uint32_t role,
                              ByteView signed_bytes, const google::protobuf::RepeatedPtrField<ledger::CommandSignature>& signatures) {
  for (auto each = signatures.begin(); each != signatures.end(); ++each) {
    const bool twice = std::any_of(signatures.begin(), each, [&](const auto& other) { return other.key() == each->key(); });
    const auto signature = crypto::Signature::from(each->signature());
    if (twice || !signature || each->algorithm() != 1) return broken(step, "a signature in a form that is not allowed");
    bool holds = false;
    for (const auto& [authority, until] : authorities) {
      if (until < height) continue;
      for (const ledger::Key& key : authority.keys()) {
        const auto public_key = crypto::PublicKey::from(key.public_key());
        if (holds || key.number() != each->key() || key.role() != role || key.algorithm() != 1 || !public_key) continue;
        holds = crypto::verify(*public_key, signed_bytes, *signature);
      }
    }
    if (!holds) return broken(step, "a signature does not hold");
  }
  return {};
}

}  // namespace careledger::proof
