// The custodian's side: a sealed request comes in from an organisation that its signature proves; a sealed answer goes out.
//
// Order: check (refusal.h), choose what the terms release, record the release or refusal durably, wait until a head of the audit map that
// covers it is final, check again, promise, answer. A release is recorded before it leaves, whatever becomes of the answer on the way; a
// consent withdrawn meanwhile makes a refusal of it, which is recorded as well. What fails on the way is recorded as failed.
//
// What leaves is about that patient alone: a record that is part of others' records as well stays in, since they were not asked.
//
// Thread-safety: release() from any thread; it blocks for disk, so call it on a worker. Everything in CustodianParts is borrowed.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "base/clock.h"
#include "base/function.h"
#include "exchange/envelope.h"
#include "exchange/pace.h"
#include "exchange/refusal.h"
#include "ordering/ordering.h"
#include "replica/replica.h"
#include "vault/audit.h"
#include "vault/keystore.h"
#include "vault/relationships.h"
#include "vault/vault.h"

namespace careledger::exchange {

struct CustodianParts {
  OrganisationId organisation;
  const replica::Replica& replica;
  const ordering::Ordering& ordering;
  vault::Keystore& keys;
  vault::Vault& vault;
  vault::AuditMap& audit;
  vault::Relationships& relationships;
  Clock& clock;
  Entropy& entropy;
  // Runs work on a thread that may block for long, never on the caller's. False: too much waits, and the work was dropped.
  std::function<bool(UniqueFunction<void()>)> post;
  std::size_t answer_bytes_max = kAnswerBytesMax;  // larger answers are too_large
};

// Of each member while no quorum is there: so many requests at once, and then one in so long. Retry-After of `busy` is as long.
inline constexpr std::uint64_t kAskedAtOnce = 8;
inline constexpr std::uint64_t kAskedEachNs = 1'000'000'000;
inline constexpr std::size_t kRecordsMax = 10'000;   // in one answer
inline constexpr std::size_t kReleasesOfMember = 8;  // at once: each holds its answer in memory until a head of the audit map is final

class Custodian {
 public:
  explicit Custodian(CustodianParts parts) : parts_(std::move(parts)) {}

  using Done = UniqueFunction<void(Result<Bytes>)>;

  // `from` is who signed the HTTP request. `done` gets the sealed answer, refusals included, from any thread; an error (malformed,
  // forbidden, too_large, unavailable) when there is nobody to seal an answer to or nothing to answer; busy when kReleasesOfMember are
  // under way for `from`, or it asks too fast while no quorum is there, before anything was opened, or when nothing takes the work at the
  // end, and the release is recorded as failed.
  void release(const OrganisationId& from, ByteView sealed, Done done);

 private:
  struct Case;
  class Place;
  std::unique_ptr<Place> take_place(const OrganisationId& from);  // null: none is free, or it asks too fast
  Result<std::unique_ptr<Case>> open_case(const OrganisationId& from, ByteView sealed);
  Result<void> judge(Case& subject);
  Result<std::optional<std::string>> find_patient(const ReleaseRequest& request) const;
  Result<void> collect(Case& subject);
  Result<void> add_record(Case& subject, const vault::Version& version);
  vault::Subject subject_of(const Case& subject) const;
  static vault::AuditEntry entry_of(const Case& subject, const vault::Subject& whom);
  void record(std::unique_ptr<Case> subject, vault::AuditEntry entry, Done done);
  void record_and_answer(std::unique_ptr<Case> subject, Done done);
  void record_failure(std::unique_ptr<Case> subject, Error error, Done done);
  static void give(std::unique_ptr<Case> subject, Result<Bytes> answer, Done done);
  void post_finish(std::unique_ptr<Case> subject, const vault::Recorded& recorded, Done done);
  void finish(std::unique_ptr<Case> subject, const vault::Recorded& recorded, Done done);
  Result<Bytes> answer(Case& subject, const vault::Recorded& recorded);

  CustodianParts parts_;
  std::mutex mutex_;
  std::map<OrganisationId, std::size_t> under_way_;  // how many releases of each member
  Pace pace_{kAskedAtOnce, kAskedEachNs};            // without a quorum
};

}  // namespace careledger::exchange
