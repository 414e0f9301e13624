#include "exchange/requester.h"

#include "contracts/consent/consent.h"
#include "contracts/records/records.h"
#include "contracts/registry/registry.h"
#include "contracts/relationship/relationship.h"
#include "crypto/hash.h"
#include "exchange/release.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::exchange {
namespace {

namespace json = codec::json;
namespace records = contracts::records;

constexpr std::size_t kIdentifiersMax = 64;
constexpr std::size_t kCategoriesMax = 64;
constexpr std::uint64_t kPromiseSkewMs = 10 * 60 * 1000;  // between two organisations' clocks
constexpr std::uint32_t kGrantsLookedAt = 4096;

// Which grant of the custodian's relationship an opening is of: its id names the number only through a hash.
std::optional<std::uint32_t> number_of_grant(const RelationshipId& relationship, const Digest& grant) {
  for (std::uint32_t number = 1; number <= kGrantsLookedAt; ++number)
    if (grant_id(relationship, number) == grant) return number;
  return std::nullopt;
}

std::optional<Opening> opening_of(const vault::ConsentTerms& held, const OrganisationId& custodian) {
  const auto document = json::parse(held.consent);
  const auto terms = document ? parse_terms(document->root()) : Result<Terms>(fail(ErrorKind::malformed, ""));
  if (!terms || terms->custodian != custodian) return std::nullopt;
  const RelationshipId relationship = contracts::relationship::relationship_id(terms->custodian, terms->patient);
  const auto number = number_of_grant(relationship, held.grant);
  if (!number) return std::nullopt;
  Opening opening;
  opening.set_consent(held.consent);
  opening.set_salt(held.salt);
  opening.set_relationship(relationship.bytes());
  opening.set_number(*number);
  return opening;
}

std::vector<kernel::KeySignature> signatures_of(const ledger::SignedPromise& promise) {
  std::vector<kernel::KeySignature> out;
  for (const ledger::CommandSignature& signature : promise.signatures()) {
    const auto value = crypto::Signature::from(signature.signature());
    if (!value) return {};
    out.push_back({signature.key(), static_cast<crypto::Algorithm>(signature.algorithm()), *value});
  }
  return out;
}

// Whether the shown elements are all there are: then their own tree has the record's root.
bool is_whole(const proof::RecordClaim& claim) {
  std::vector<Bytes> leaves;
  for (const proof::ShownElement& element : claim.elements) leaves.push_back(element.leaf);
  return proof::open_record(leaves, {}).root == claim.root;
}

std::string details_of(const Retrieval& wish, const Result<Received>& received) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "from", document.string(wish.from.hex()));
  if (!received) document.set(root, "failed", document.string(name_of(received.error().kind)));
  else if (received->refusal) document.set(root, "refused", document.string(name_of(*received->refusal)));
  else document.set(root, "records", document.number(static_cast<std::int64_t>(received->resources.size())));
  return json::compact(root);
}

}  // namespace

// The one that would be granted now, by this node's own knowledge; failing that any for this custodian, so that the custodian refuses with
// its reason and the patient sees the attempt.
Result<void> Requester::choose_opening(const Retrieval& wish, ReleaseRequest& request) {
  CARELEDGER_TRY(const auto relationships, parts_.relationships.of_patient(wish.patient_id));
  const replica::View view = parts_.replica.view();
  const Moment now{view.time(), parts_.clock.now()};
  for (const vault::Relationship& relationship : relationships) {
    CARELEDGER_TRY(const auto held, parts_.relationships.terms_of(relationship.id));
    for (const vault::ConsentTerms& terms : held) {
      auto opening = opening_of(terms, wish.from);
      if (!opening) continue;
      *request.mutable_opening() = std::move(*opening);
      if (!terms.withdrawn && !judge_opening(view.state(), request, false, now).refusal) return {};
    }
  }
  return {};
}

Result<ReleaseRequest> Requester::make_request(const Retrieval& wish) {
  if (wish.categories.size() > kCategoriesMax) return fail(ErrorKind::too_large, "more than 64 categories");
  ReleaseRequest request;
  request.set_ledger(parts_.replica.ledger().bytes());
  request.set_requester(parts_.organisation.bytes());
  request.set_custodian(wish.from.bytes());
  request.set_practitioner(wish.practitioner.bytes());
  request.set_purpose(wish.purpose);
  for (const std::string& category : wish.categories) request.add_categories(category);
  CARELEDGER_TRY(const vault::Version patient, parts_.vault.view().read("Patient", wish.patient_id));
  CARELEDGER_TRY(const json::Document document, json::parse(patient.body));
  for (const json::Value& identifier : document.root().items_at("identifier")) {
    if (static_cast<std::size_t>(request.identifiers_size()) == kIdentifiersMax) break;
    if (identifier.string_at("value").empty()) continue;
    Identifier& added = *request.add_identifiers();
    added.set_system(std::string(identifier.string_at("system")));
    added.set_value(std::string(identifier.string_at("value")));
  }
  request.set_time_ms(parts_.clock.now().value);
  request.set_nonce(parts_.entropy.take(32));
  CARELEDGER_CHECK(choose_opening(wish, request));
  return request;
}

Result<ReleaseAnswer> Requester::ask(const Retrieval& wish, const ReleaseRequest& request) {
  const auto custodian = parts_.replica.view().state().get(contracts::registry::kOrganisations, wish.from);
  const auto sealing = custodian ? crypto::SealingKey::from(custodian->sealing_key()) : std::nullopt;
  if (!sealing) return fail(ErrorKind::not_found, "the organisation that is asked is not on the ledger");
  const Bytes plain = kernel::encode(request);
  const Digest digest = crypto::sha256(plain);
  CARELEDGER_TRY(const Bytes sealed, seal_request(*sealing, parts_.replica.ledger(), wish.from, plain, parts_.entropy));
  CARELEDGER_TRY(const Bytes reply, parts_.courier.send(wish.from, sealed));
  CARELEDGER_TRY(const crypto::OpeningKey key, parts_.keys.opening());
  CARELEDGER_TRY(const Bytes opened, open_answer(key, digest, reply));
  ReleaseAnswer answer;
  if (!kernel::parse_canonical(opened, answer)) return fail(ErrorKind::malformed, "the custodian's answer does not read");
  if (answer.request() != digest.view()) return fail(ErrorKind::corrupt, "the custodian's answer is for another request");
  return answer;
}

Result<void> Requester::check_promise(const ReleaseRequest& request, const ReleaseAnswer& answer) {
  ledger::Promise promise;
  if (!kernel::parse_canonical(answer.promise().promise(), promise) || promise.entry().size() != Digest::size ||
      promise.subject().size() != Digest::size)
    return fail(ErrorKind::malformed, "the custodian's answer carries no promise that reads");
  if (promise.ledger() != request.ledger() || promise.custodian() != request.custodian())
    return fail(ErrorKind::corrupt, "the custodian's promise is about another ledger or custodian");
  // Without these a promise about a subject that nobody has would convict nobody.
  if (promise.request() != answer.request() || promise.relationship() != request.opening().relationship())
    return fail(ErrorKind::corrupt, "the custodian's promise is about another request or relationship");
  const auto now = static_cast<std::uint64_t>(parts_.clock.now().value);
  if (promise.time_ms() > now + kPromiseSkewMs || promise.time_ms() + kPromiseSkewMs < now)
    return fail(ErrorKind::corrupt, "the custodian's promise is of another time; compare the clocks of both organisations");
  const replica::View view = parts_.replica.view();
  const auto account = view.state().get(kernel::kAccounts, *AccountId::from(request.custodian()));
  const auto signatures = signatures_of(answer.promise());
  const bool holds = account && !signatures.empty() &&
                     kernel::judge_signatures(account->authority(), kernel::KeyRole::promise, view.time(),
                                              proof::promise_signed_bytes(answer.promise().promise()), signatures,
                                              kernel::direct_verdicts()) == kernel::KernelCode::ok;
  if (!holds) return fail(ErrorKind::corrupt, "the custodian's promise is not signed under its promise key");
  return parts_.promises.keep(answer.promise());
}

// Against this node's own chain: the header must be the very one that this node has at that height.
Result<json::Document> Requester::verify_record(const OrganisationId& custodian, ByteView bytes) const {
  CARELEDGER_TRY(const proof::Bundle bundle, proof::decode_bundle(bytes));
  const Height height{static_cast<std::uint64_t>(bundle.signed_header.header.height)};
  CARELEDGER_TRY(const proof::SignedHeader own, parts_.ordering.header(height));
  if (proof::hash_of(own.header) != proof::hash_of(bundle.signed_header.header))
    return fail(ErrorKind::corrupt, "the proof stands on a block that this node does not have");
  proof::Trust trust;
  trust.ledger = parts_.replica.ledger();
  trust.chain_id = kernel::chain_id(trust.ledger);
  CARELEDGER_TRY(trust.validators, parts_.ordering.validators(height));
  CARELEDGER_TRY(const proof::Report report, proof::verify(bytes, trust));
  const auto* claim = std::get_if<proof::RecordClaim>(&bundle.claim);
  if (claim == nullptr || report.kind != proof::ClaimKind::record || report.organisation != custodian)
    return fail(ErrorKind::corrupt, "the proof is not of a record of this custodian");
  if (report.currency != proof::Currency::current) return fail(ErrorKind::corrupt, "the record is not the current version");
  // As of the block that the custodian chose. It may be an old one, so this node's newest state must not know better.
  const replica::View view = parts_.replica.view();
  const auto superseded = view.state().get(records::kExceptions, records::exception_id(custodian, report.commitment));
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  if (superseded) return fail(ErrorKind::corrupt, "the record is not the current version any more");
  return resource_of(report, !is_whole(*claim));
}

Result<Received> Requester::receive(const Retrieval& wish) {
  CARELEDGER_TRY(const ReleaseRequest request, make_request(wish));
  CARELEDGER_TRY(const ReleaseAnswer answer, ask(wish, request));
  CARELEDGER_CHECK(check_promise(request, answer));
  Received received;
  received.promise = answer.promise();
  if (answer.refusal() != 0) {
    received.refusal = refusal_of(answer.refusal());
    if (!received.refusal) return fail(ErrorKind::unsupported, "the custodian refused for a reason that this version does not know");
    if (answer.records_size() != 0) return fail(ErrorKind::corrupt, "the custodian refused and sent records nonetheless");
    return received;
  }
  received.left_out = answer.left_out();
  for (const std::string& record : answer.records()) {
    if (auto resource = verify_record(wish.from, record)) received.resources.push_back(std::move(*resource));
    else ++received.rejected;
  }
  return received;
}

Result<void> Requester::record(const Retrieval& wish, const Result<Received>& received) {
  vault::AuditEntry entry;
  entry.subject = parts_.audit.subject_of(wish.patient_id);
  entry.kind = vault::AuditKind::retrieve;
  entry.outcome = !received ? vault::AuditOutcome::failed : received->refusal ? vault::AuditOutcome::refused : vault::AuditOutcome::done;
  entry.actor = wish.actor;
  entry.role = wish.role;
  entry.purpose = wish.purpose;
  entry.resource_type = "Patient";
  entry.resource_id = wish.patient_id;
  entry.details = details_of(wish, received);
  CARELEDGER_CHECK(parts_.audit.append_and_wait(std::move(entry)));
  return {};
}

Result<Received> Requester::retrieve(const Retrieval& wish) {
  Result<Received> received = receive(wish);
  CARELEDGER_CHECK(record(wish, received));
  return received;
}

}  // namespace careledger::exchange
