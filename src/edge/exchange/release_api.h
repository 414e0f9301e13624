// POST /exchange/v1/release: where other organisations ask this one for a patient's record.
//
// The request carries an RFC 9421 signature under the asking organisation's key of role request (keyid: its id in hex), as the ledger has
// it now; the body is sealed (exchange/envelope.h), 256 KiB at most, and so is the answer, refusals included: only what cannot be answered
// under seal is an HTTP error. Each signature counts once. Signatures that do not hold are recorded as failed logins; requests that do not
// open, do not read or are not for this custodian as refusals under nobody, since whom they speak of is not known.
//
// Thread-safety: handle() from any thread; the work runs on the pool. Parts are borrowed.
#pragma once

#include "edge/auth/failed_logins.h"
#include "edge/http/signature.h"
#include "edge/http/worker_pool.h"
#include "exchange/custodian.h"
#include "kernel/authority.h"
#include "kernel/tables.h"

namespace careledger::edge::exchange {

inline constexpr std::string_view kReleasePath = "/exchange/v1/release";
inline constexpr std::string_view kSealedType = "application/vnd.careledger.sealed";

struct ReleaseApiParts {
  careledger::exchange::Custodian& custodian;
  const replica::Replica& replica;
  vault::AuditMap& audit;
  auth::FailedLogins& logins;
  const Clock& clock;
  http::WorkerPool& pool;
};

class ReleaseApi final : public http::Handler {
 public:
  explicit ReleaseApi(ReleaseApiParts parts) : parts_(parts) {}
  void handle(http::Request request, http::Responder respond) override;

 private:
  Result<OrganisationId> sender_of(const http::Request& request);
  void refuse(const OrganisationId& from, const Error& error, std::shared_ptr<http::Responder> respond);

  ReleaseApiParts parts_;
  http::ReplayCache seen_;
};

// The newest key of an account for signing HTTP requests under this role; nullopt for accounts that are unknown or not active.
std::optional<crypto::PublicKey> request_key(const replica::Replica& replica, std::string_view account_hex, kernel::AccountKind kind,
                                             kernel::KeyRole role);

}  // namespace careledger::edge::exchange
