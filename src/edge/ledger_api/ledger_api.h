// The ledger for wallets and anybody: /ledger/v1/… of an organisation's endpoint. Shared knowledge, so nobody is asked who they are; what
// counts in a command is the signature inside it.
//
//   GET  status               {organisation, name, ledger, chain, epoch_ms, height, time_ms, log_size, log_root}
//   GET  organisations        [{id, name, kind, status}]
//   GET  accreditation/{hex}  {organisation, kind, role, valid_to_day, revoked_height}: of a practitioner or device
//   GET  account/{hex}        {kind, status, sequence}: the highest number that the account used
//   GET  relationship/{hex}   {organisation, patient, status, held_in_trust, next_grant}
//   GET  grant/{hex}/{n}      {terms, expires_day, revoked_height}
//   GET  trust                the trust file, as `careledger verify` takes it
//   GET  checkpoint           a signed note of the log's newest root (c2sp.org/tlog-checkpoint), cosigned by the witnesses at hand
//   GET  checkpoint?from=N    {note, size, hashes}: the same, and the RFC 6962 consistency of a log of N entries with it
//   GET  consistency?from=N&to=M   {"hashes":[hex…]}: RFC 6962, between two sizes of the log
//   POST commands             canonical bytes of a SignedCommand (64 KiB) of a patient: relationship and consent commands only. Answers
//                             when it is durable: {outcome, contract, code, code_name, height, position}. A relationship command waits
//                             for the end of the epoch; when that is far, 202 with {"outcome":"waiting","until_ms":…} once it was checked
//                             and is durable. The same bytes have one place, however often they come
//
// Commands are submitted under this organisation's envelope; 429 with Retry-After when the ledger is full, when an account has as many
// waiting as it may (vault/quiet_outbox.h) or has made its grants of this hour, 503 when it cannot tell, or with the outcome "sealed" while
// an embedded ledger becomes a network. A revocation has no such limit.
// Thread-safety: handle() from any thread; it reads and does not wait: what checks signatures or may write runs on threads of its own.
// Parts are borrowed. stop() before they go, and after the server.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>

#include "base/clock.h"
#include "edge/http/message.h"
#include "edge/http/worker_pool.h"
#include "ordering/ordering.h"
#include "ordering/witness.h"
#include "replica/replica.h"
#include "vault/quiet_outbox.h"

namespace careledger::edge::ledger_api {

struct LedgerApiParts {
  OrganisationId organisation;
  std::string name;
  replica::Replica& replica;
  ordering::Ordering& ordering;
  vault::QuietOutbox& quiet;
  std::function<Result<std::string>()> trust;  // text of the trust file
  std::function<Result<ordering::CheckpointKeeper::Since>(std::uint64_t from)> checkpoint;
  std::uint32_t epoch_ms;  // of the mixed lane
  const Clock& clock;
  std::uint32_t grants_an_hour = 120;  // of one account
};

// How often each account did something in this hour. Safe from any thread.
class HourlyQuota {
 public:
  explicit HourlyQuota(std::uint32_t most) : most_(most) {}
  bool take(const AccountId& account, BlockTime now);  // false: no more before the hour is over

 private:
  const std::uint32_t most_;
  std::mutex mutex_;
  std::int64_t hour_ = 0;
  std::map<AccountId, std::uint32_t> taken_;  // of that hour alone
};

// Revocations and grants go at once; what happens to a relationship waits for the end of the epoch. nullopt: no patient sends such
// commands.
std::optional<ordering::Lane> lane_for(ContractId contract);

class LedgerApi final : public http::Handler {
 public:
  explicit LedgerApi(LedgerApiParts parts) : parts_(std::move(parts)), grants_(parts_.grants_an_hour) {}
  void stop() { pool_.stop(); }  // idempotent
  void handle(http::Request request, http::Responder respond) override;

 private:
  Result<http::Response> answer(const http::Request& request) const;
  Result<http::Response> status() const;
  Result<http::Response> organisations() const;
  Result<http::Response> accreditation(std::string_view holder) const;
  Result<http::Response> account(std::string_view id) const;
  Result<http::Response> relationship(std::string_view id) const;
  Result<http::Response> grant(std::string_view rest) const;
  Result<http::Response> checkpoint(const http::Request& request) const;
  Result<http::Response> consistency(const http::Request& request) const;
  void reply(const http::Request& request, http::Responder respond) const;
  void submit(http::Request request, http::Responder respond);
  void check_and_submit(Bytes bytes, const kernel::ReceivedCommand& command, ordering::Lane lane, http::Responder respond);
  void submit_now(Bytes bytes, ordering::Lane lane, http::Responder respond);
  void submit_quietly(Bytes bytes, const kernel::ReceivedCommand& command, http::Responder respond);
  void submit_and_wait(Bytes bytes, const kernel::ReceivedCommand& command, http::Responder respond);

  LedgerApiParts parts_;
  const std::shared_ptr<std::atomic<std::uint32_t>> waiting_ = std::make_shared<std::atomic<std::uint32_t>>(0);  // commands of patients
  HourlyQuota grants_;
  http::WorkerPool pool_{2, 1024};  // last: stops first
};

}  // namespace careledger::edge::ledger_api
