#include "edge/exchange/release_api.h"

namespace careledger::edge::exchange {

std::optional<crypto::PublicKey> request_key(const replica::Replica& replica, std::string_view account_hex, kernel::AccountKind kind,
                                             kernel::KeyRole role) {
  const auto bytes = from_hex(account_hex);
  const auto id = bytes ? AccountId::from(*bytes) : std::nullopt;
  if (!id) return std::nullopt;
  const replica::View view = replica.view();
  const auto account = view.state().get(kernel::kAccounts, *id);
  if (!account || account->kind() != static_cast<std::uint32_t>(kind)) return std::nullopt;
  if (account->status() != static_cast<std::uint32_t>(kernel::AccountStatus::active)) return std::nullopt;
  return kernel::public_key_of(account->authority(), role, view.time());
}

Result<OrganisationId> ReleaseApi::sender_of(const http::Request& request) {
  const auto key_of = [this](std::string_view key_id) {
    return request_key(parts_.replica, key_id, kernel::AccountKind::organisation, kernel::KeyRole::request);
  };
  CARELEDGER_TRY(const http::VerifiedSignature signature, http::verify_request(request, {}, key_of, parts_.clock, seen_));
  const auto bytes = from_hex(signature.key_id);
  const auto id = bytes ? OrganisationId::from(*bytes) : std::nullopt;
  if (!id) return fail(ErrorKind::unauthenticated, "the signature's keyid is no organisation");
  return *id;
}

// What went wrong once the request was read, the custodian has recorded: it knows the patient. The rest is recorded here.
void ReleaseApi::refuse(const OrganisationId& from, const Error& error, std::shared_ptr<http::Responder> respond) {
  const bool unread = error.kind == ErrorKind::malformed || error.kind == ErrorKind::forbidden || error.kind == ErrorKind::corrupt;
  if (!unread) return (*respond)(http::problem(error));
  vault::AuditEntry entry;
  entry.kind = vault::AuditKind::refusal;
  entry.outcome = vault::AuditOutcome::refused;
  entry.actor = "unknown";
  entry.organisation = from.hex();
  entry.details = std::string(R"({"reason":")") + name_of(error.kind) + "\"}";
  parts_.audit.append(std::move(entry), [error, respond](const Result<vault::Recorded>& recorded) {
    (*respond)(http::problem(recorded ? error : recorded.error()));
  });
}

void ReleaseApi::handle(http::Request request, http::Responder respond) {
  if (request.body.size() > careledger::exchange::kRequestBytesMax + 1024)
    return respond(http::problem(413, "a release request has at most 256 KiB"));
  const auto from = sender_of(request);
  if (!from) return auth::refuse_login(parts_.logins, "exchange", request, http::problem(from.error()), std::move(respond));
  // Shared, because a pool that is full drops the work and the request must be answered nonetheless.
  const auto answer = std::make_shared<http::Responder>(std::move(respond));
  auto work = [this, from = *from, body = std::move(request.body), answer] {
    parts_.custodian.release(from, body, [this, from, answer](Result<Bytes> sealed) {
      if (!sealed) return refuse(from, sealed.error(), answer);
      http::Response response;
      response.headers.set("Content-Type", kSealedType);
      response.body = std::move(*sealed);
      (*answer)(std::move(response));
    });
  };
  if (!parts_.pool.post(std::move(work))) (*answer)(http::problem(Error{ErrorKind::busy, "too many requests at once; try again"}));
}

}  // namespace careledger::edge::exchange
