#include "exchange/custodian.h"

#include <algorithm>

#include "contracts/registry/registry.h"
#include "crypto/hash.h"
#include "exchange/release.h"
#include "kernel/canonical.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "proof/verify.h"
#include "vault/prover.h"
#include "vault/terms.h"

namespace careledger::exchange {

// One of the places of a member, for as long as its request is on its way.
class Custodian::Place {
 public:
  Place(Custodian& at, const OrganisationId& of) : at_(at), of_(of) {}
  ~Place() {
    const std::lock_guard lock(at_.mutex_);
    const auto found = at_.under_way_.find(of_);
    if (--found->second == 0) at_.under_way_.erase(found);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Custodian& at_;
  const OrganisationId of_;
};

// One request on its way through.
struct Custodian::Case {
  OrganisationId requester;
  ReleaseRequest request;
  Digest digest;  // of the request
  crypto::SealingKey reply_to;
  std::optional<std::string> patient;  // id of the Patient resource here
  std::optional<Refusal> refusal;
  Terms terms;
  std::set<std::string> categories;
  std::vector<Bytes> records;  // encoded bundles
  std::size_t bytes = 0;       // of them, in the answer
  std::uint64_t left_out = 0;
  std::optional<vault::Provable> at;
  bool called_back = false;  // a release that was recorded, and then not sent
  std::unique_ptr<Place> place;
};

namespace {

constexpr std::size_t kRecordFrame = 8;        // tag and length of one record in the answer, at most
constexpr std::size_t kAnswerHead = 8 * 1024;  // everything of the answer but its records

bool is_id_or_none(ByteView bytes) { return bytes.empty() || bytes.size() == Digest::size; }

}  // namespace

Result<std::unique_ptr<Custodian::Case>> Custodian::open_case(const OrganisationId& from, ByteView sealed) {
  auto subject = std::make_unique<Case>();
  CARELEDGER_TRY(const crypto::OpeningKey key, parts_.keys.opening());
  CARELEDGER_TRY(const Bytes plain, open_request(key, parts_.replica.ledger(), parts_.organisation, sealed));
  ReleaseRequest& request = subject->request;
  if (!kernel::parse_canonical(plain, request) || request.nonce().size() != 32 || request.practitioner().size() != 32 ||
      request.identifiers_size() > 64 || request.categories_size() > 64 || !is_id_or_none(request.opening().relationship()))
    return fail(ErrorKind::malformed, "the release request is not one of this version");
  if (request.ledger() != parts_.replica.ledger().view() || request.custodian() != parts_.organisation.view())
    return fail(ErrorKind::forbidden, "the release request is for another ledger or another custodian");
  if (request.requester() != from.view())
    return fail(ErrorKind::forbidden, "the release request was signed by another organisation than it names");
  const auto organisation = parts_.replica.view().state().get(contracts::registry::kOrganisations, from);
  const auto reply_to = organisation ? crypto::SealingKey::from(organisation->sealing_key()) : std::nullopt;
  if (!reply_to) return fail(ErrorKind::forbidden, "the asking organisation is not on the ledger");
  subject->requester = from;
  subject->digest = crypto::sha256(plain);
  subject->reply_to = *reply_to;
  return subject;
}

// By the relationship that the opening names, and by nothing else: identifiers that come beside it could be another patient's. Only a
// request that names none is led by an identifier that exactly one patient here has.
Result<std::optional<std::string>> Custodian::find_patient(const ReleaseRequest& request) const {
  if (const auto id = RelationshipId::from(request.opening().relationship())) {
    CARELEDGER_TRY(const auto known, parts_.relationships.find(*id));
    return known ? std::optional(known->patient_id) : std::nullopt;
  }
  for (const Identifier& identifier : request.identifiers()) {
    vault::Query query;
    query.type = "Patient";
    query.all_of.push_back({"identifier", {vault::token_is(identifier.value(), identifier.system())}});
    CARELEDGER_TRY(const auto page, parts_.vault.view().search(query, {}, 2));
    if (page.ids.size() == 1) return std::optional(page.ids.front());
  }
  return std::optional<std::string>();
}

Result<void> Custodian::judge(Case& subject) {
  const replica::View view = parts_.replica.view();
  const Moment moment{view.time(), parts_.clock.now()};
  const Digest practitioner = *Digest::from(subject.request.practitioner());
  CARELEDGER_TRY(subject.patient, find_patient(subject.request));
  subject.refusal = judge_requester(view.state(), subject.requester, practitioner, moment);
  if (!subject.refusal && !subject.patient) subject.refusal = Refusal::patient_unknown;
  if (!subject.refusal) {
    bool withdrawn = false;
    if (const auto relationship = RelationshipId::from(subject.request.opening().relationship())) {
      CARELEDGER_TRY(const auto terms, parts_.relationships.terms(grant_id(*relationship, subject.request.opening().number())));
      withdrawn = terms && terms->withdrawn;
    }
    Judged judged = judge_opening(view.state(), subject.request, withdrawn, moment);
    subject.refusal = judged.refusal;
    subject.terms = std::move(judged.terms);
    subject.categories = std::move(judged.categories);
  }
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return {};
}

Result<void> Custodian::add_record(Case& subject, const vault::Version& version) {
  // The others it is about granted nothing, and a list of theirs would not tell them.
  if (std::ranges::any_of(version.meta.patients, [&](const std::string& id) { return id != *subject.patient; })) return {};
  CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(version.body));
  const codec::json::Value& resource = document.root();
  const auto is_asked = [&](const std::string& category) { return subject.categories.contains(category); };
  if (!std::ranges::any_of(categories_of(resource), is_asked) || !releases(subject.terms, resource)) return {};
  CARELEDGER_TRY(const vault::ProofMaterial material,
                 parts_.vault.proof_material(version.meta.type, version.meta.id, version.meta.version));
  if (material.remnant) return {};  // erased in this very moment
  if (material.anchor.state != vault::Anchoring::final || material.anchor.height > subject.at->view.height()) {
    ++subject.left_out;
    return {};
  }
  vault::RecordProofOptions options;
  options.disclose = released_elements(subject.terms, resource);
  CARELEDGER_TRY(const proof::Bundle bundle, vault::prove_record(*subject.at, parts_.organisation, material, options));
  subject.records.push_back(proof::encode(bundle));
  subject.bytes += subject.records.back().size() + kRecordFrame;
  if (subject.records.size() > kRecordsMax || subject.bytes > parts_.answer_bytes_max - kAnswerHead)
    return fail(ErrorKind::too_large, "more records than one answer holds; ask for fewer categories");
  return {};
}

Result<void> Custodian::collect(Case& subject) {
  CARELEDGER_TRY(vault::Provable at, vault::newest_provable(parts_.replica, parts_.ordering));
  subject.at = std::move(at);
  const vault::View view = parts_.vault.view();
  for (const codec::fhir::ResourceType type : types_of(subject.categories)) {
    const auto query = query_of(type, *subject.patient);
    std::string after;
    for (bool more = query.has_value(); more;) {
      CARELEDGER_TRY(const vault::IdPage page, view.search(*query, after, 500));
      CARELEDGER_TRY(const auto versions, view.read_many(query->type, page.ids));
      for (const auto& version : versions)
        if (version) CARELEDGER_CHECK(add_record(subject, *version));
      more = page.more && !page.ids.empty();
      if (more) after = page.ids.back();
    }
  }
  return {};
}

Result<Bytes> Custodian::answer(Case& subject, const vault::Recorded& recorded) {
  ReleaseAnswer answer;
  answer.set_request(subject.digest.bytes());
  if (subject.refusal) answer.set_refusal(static_cast<std::uint32_t>(*subject.refusal));
  for (Bytes& record : subject.records) answer.add_records(std::move(record));
  answer.set_left_out(subject.left_out);
  ledger::Promise promise;
  promise.set_ledger(parts_.replica.ledger().bytes());
  promise.set_custodian(parts_.organisation.bytes());
  promise.set_subject(subject_of(subject).bytes());
  promise.set_time_ms(static_cast<std::uint64_t>(recorded.time.value));
  promise.set_number(recorded.number);
  promise.set_entry(recorded.commitment.bytes());
  promise.set_size_at_least(recorded.index + 1);
  promise.set_request(subject.digest.bytes());
  promise.set_relationship(subject.request.opening().relationship());
  CARELEDGER_TRY(const crypto::SigningKey key, parts_.keys.signing(vault::Purpose::promise));
  const auto account = parts_.replica.view().state().get(kernel::kAccounts, parts_.organisation);
  if (!account) return fail(ErrorKind::corrupt, "this organisation has no account on the ledger");
  const std::uint32_t number = key_number(account->authority(), key.public_key());
  ledger::SignedPromise& signed_promise = *answer.mutable_promise();
  signed_promise.set_promise(kernel::encode(promise));
  *signed_promise.add_signatures() = kernel::sign_bytes(proof::promise_signed_bytes(signed_promise.promise()), {number, &key});
  return seal_answer(subject.reply_to, subject.digest, kernel::encode(answer), parts_.entropy);
}

vault::AuditEntry Custodian::entry_of(const Case& subject, const vault::Subject& whom) {
  vault::AuditEntry entry;
  entry.subject = whom;
  entry.kind = subject.refusal ? vault::AuditKind::refusal : vault::AuditKind::release;
  entry.outcome = subject.refusal ? vault::AuditOutcome::refused : vault::AuditOutcome::done;
  entry.actor = "Practitioner/" + to_hex(subject.request.practitioner());
  entry.role = "clinician";
  entry.purpose = subject.request.purpose();
  entry.organisation = subject.requester.hex();
  const std::string not_sent = subject.called_back ? ",\"recorded_release_not_sent\":true" : "";
  entry.details = subject.refusal ? "{\"reason\":\"" + std::string(name_of(*subject.refusal)) + "\"" + not_sent + "}"
                                  : "{\"records\":" + std::to_string(subject.records.size()) + "}";
  return entry;
}

// The place is free, and the records gone, before anybody hears of it.
void Custodian::give(std::unique_ptr<Case> subject, Result<Bytes> answer, Done done) {
  subject.reset();
  done(std::move(answer));
}

// The head is waited for in either case: a requester that was refused holds as good a promise as one that was served. But a refusal does
// not wait for a quorum: nothing leaves with it, and its promise binds the head that comes whenever it comes.
void Custodian::record(std::unique_ptr<Case> subject, vault::AuditEntry entry, Done done) {
  parts_.audit.append(
      std::move(entry), [this, subject = std::move(subject), done = std::move(done)](const Result<vault::Recorded>& recorded) mutable {
        if (!recorded) return give(std::move(subject), tl::make_unexpected(recorded.error()), std::move(done));
        if (subject->refusal && !parts_.ordering.has_quorum()) return post_finish(std::move(subject), *recorded, std::move(done));
        parts_.audit.wait_for_head(recorded->index + 1, [this, subject = std::move(subject), recorded = *recorded,
                                                         done = std::move(done)](const Result<vault::AuditHead>& head) mutable {
          const bool no_quorum = !head && head.error().kind == ErrorKind::unavailable && !parts_.ordering.has_quorum();
          if (!head && !(no_quorum && subject->refusal))
            return give(std::move(subject), tl::make_unexpected(head.error()), std::move(done));
          post_finish(std::move(subject), recorded, std::move(done));
        });
      });
}

// Away from the thread that makes heads, for which everybody's releases and lists wait.
void Custodian::post_finish(std::unique_ptr<Case> subject, const vault::Recorded& recorded, Done done) {
  // Shared, because a pool that is full drops the work, and the case is to be recorded and answered nonetheless.
  const auto held = std::make_shared<std::pair<std::unique_ptr<Case>, Done>>(std::move(subject), std::move(done));
  auto work = [this, recorded, held] { finish(std::move(held->first), recorded, std::move(held->second)); };
  if (parts_.post(std::move(work))) return;
  record_failure(std::move(held->first), Error{ErrorKind::busy, "too many requests at once; try again"}, std::move(held->second));
}

void Custodian::record_and_answer(std::unique_ptr<Case> subject, Done done) {
  vault::AuditEntry entry = entry_of(*subject, subject_of(*subject));
  record(std::move(subject), std::move(entry), std::move(done));
}

// The head may have taken long, and what was granted then may be withdrawn now: judged again at the last moment. What is not sent after
// all gets an entry of its own beside the release that stands in the map already.
void Custodian::finish(std::unique_ptr<Case> subject, const vault::Recorded& recorded, Done done) {
  if (!subject->refusal) {
    if (auto judged = judge(*subject); !judged) return record_failure(std::move(subject), std::move(judged.error()), std::move(done));
    if (subject->refusal) {
      subject->records.clear();
      subject->called_back = true;
      return record_and_answer(std::move(subject), std::move(done));
    }
  }
  auto sealed = answer(*subject, recorded);
  if (!sealed) return record_failure(std::move(subject), std::move(sealed.error()), std::move(done));
  give(std::move(subject), std::move(sealed), std::move(done));
}

// The patient was found and something was asked of the record: the attempt is recorded although there is no answer to it.
void Custodian::record_failure(std::unique_ptr<Case> subject, Error error, Done done) {
  vault::AuditEntry entry = entry_of(*subject, subject_of(*subject));
  entry.outcome = vault::AuditOutcome::failed;
  entry.details = "{\"failed\":\"" + std::string(name_of(error.kind)) + "\"}";
  subject.reset();
  parts_.audit.append(std::move(entry),
                      [error = std::move(error), done = std::move(done)](const Result<vault::Recorded>& recorded) mutable {
                        done(tl::make_unexpected(recorded ? error : recorded.error()));
                      });
}

vault::Subject Custodian::subject_of(const Case& subject) const {
  return subject.patient ? parts_.audit.subject_of(*subject.patient) : vault::Subject();
}

std::unique_ptr<Custodian::Place> Custodian::take_place(const OrganisationId& from) {
  const bool waits_for_heads = parts_.ordering.has_quorum();
  const std::lock_guard lock(mutex_);
  if (waits_for_heads) pace_.forget();
  const auto taken = under_way_.find(from);
  if (taken != under_way_.end() && taken->second == kReleasesOfMember) return nullptr;
  if (!waits_for_heads && !pace_.take(from, parts_.clock.monotonic_ns())) return nullptr;
  ++under_way_[from];
  return std::make_unique<Place>(*this, from);
}

void Custodian::release(const OrganisationId& from, ByteView sealed, Done done) {
  auto place = take_place(from);
  if (!place)
    return done(
        fail(ErrorKind::busy, "this organisation asks for too much at once, or too fast while the network makes no blocks; try again"));
  auto subject = open_case(from, sealed);
  if (!subject) return done(tl::make_unexpected(subject.error()));
  (*subject)->place = std::move(place);
  auto ready = judge(**subject);
  if (ready && !(*subject)->refusal) ready = collect(**subject);
  if (!ready) return record_failure(std::move(*subject), std::move(ready.error()), std::move(done));
  record_and_answer(std::move(*subject), std::move(done));
}

}  // namespace careledger::exchange
