#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"
#include "storage/reserve.h"
#include "vault/outbox.h"
#include "vault/parts.h"
#include "vault/record_rules.h"
#include "vault/staging.h"

namespace careledger::vault {

struct Transaction::State {
  State(VaultParts& shared, std::unique_lock<std::mutex> turn, View seen)
      : parts(shared), lock(std::move(turn)), before(seen), head(shared.head), staging(*shared.store, shared.options.chunk_bytes) {
    head.sequence += 1;
    head.time = std::max(head.time, shared.clock.now());
    first_number = head.next_number;
  }

  VaultParts& parts;
  std::unique_lock<std::mutex> lock;
  View before;
  Visible head;  // as it will be when this commits
  std::uint64_t first_number = 0;
  Staging staging;
  using Name = std::pair<std::string, std::string>;
  std::set<Name> staged;
  std::map<Name, std::optional<StoredVersion>> looked_up;
  std::set<std::string> patients;
  bool broken = false;  // a step failed half-way: nothing more goes in, and it cannot commit

  // What the transaction found under a name that it has not staged yet; looked up once.
  Result<std::optional<StoredVersion>> found(std::string_view type, std::string_view id);
  Result<VersionMeta> stage(std::string_view type, std::string_view id, std::uint32_t version, const std::optional<StoredVersion>& old,
                            const Digest& commitment, const Bytes& body_row, bool deleted);
  Result<void> index(std::string_view type, std::string_view id, const std::vector<Term>& before_terms, const std::vector<Term>& terms);
  Result<void> close_row(std::string_view type, std::string_view id, const Term& term);
  Result<Indexed> indexed(std::string_view type, std::string_view id, const std::optional<StoredVersion>& old) const;
};

namespace {

Result<Indexed> index_text(std::string_view type, std::string_view id, ByteView body) {
  CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(body));
  return index_resource(type, id, document.root());
}

}  // namespace

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::~Transaction() {
  if (state_ && state_->lock.owns_lock())
    static_cast<void>(state_->staging.roll_back());  // what fails here is taken back at the next start
}

const View& Transaction::before() const { return state_->before; }
BlockTime Transaction::time() const { return state_->head.time; }
std::size_t Transaction::size() const { return state_->staged.size(); }
std::uint64_t Transaction::sequence() const { return state_->head.sequence; }
void Transaction::owe(Bytes row, std::span<const std::uint64_t> settled) {
  state_->staging.add(kStateColumn, owed_key(sequence()), row);
  for (const std::uint64_t one : settled) state_->staging.forget(kStateColumn, owed_key(one));
}
Result<bool> Transaction::stored(const Digest& name) const {
  VaultParts& parts = state_->parts;
  CARELEDGER_ASSERT(state_->lock.owns_lock());
  const Bytes key = once_key(name);
  CARELEDGER_TRY(const auto row, parts.store->get(kStateColumn, key));
  if (!row) return false;
  ByteView value = *row;
  const auto commit = take_u64(value);
  if (!commit || !value.empty()) return corrupt_row("state", key);
  if (*commit > parts.head.sequence) return false;  // of a transaction that was dropped and could not be taken back
  if (*commit > parts.seen().sequence) {            // written, and its writer still waits for the disk, or waited in vain
    CARELEDGER_CHECK(parts.syncs->sync());
    parts.publish(parts.head);
  }
  return true;
}
void Transaction::name(const Digest& name) { state_->staging.add(kStateColumn, once_key(name), u64_bytes(sequence())); }
const std::set<std::string>& Transaction::patients() const { return state_->patients; }

Result<std::optional<StoredVersion>> Transaction::State::found(std::string_view type, std::string_view id) {
  CARELEDGER_CHECK(check_name(type, id));
  Name name{std::string(type), std::string(id)};
  if (staged.contains(name)) return fail(ErrorKind::conflict, "the transaction changes one resource twice");
  if (const auto known = looked_up.find(name); known != looked_up.end()) return known->second;
  CARELEDGER_TRY(const auto stored, newest(parts, type, id, before.sequence()));
  looked_up.emplace(std::move(name), stored);
  return stored;
}

Result<std::uint32_t> Transaction::next_version(std::string_view type, std::string_view id) const {
  CARELEDGER_TRY(const auto old, state_->found(type, id));
  return old ? old->version + 1 : 1;
}

// What the resource is found by now and whose it is; nothing when it is new, deleted or erased.
Result<Indexed> Transaction::State::indexed(std::string_view type, std::string_view id, const std::optional<StoredVersion>& old) const {
  if (!old || old->row.deleted || old->row.erased) return Indexed();
  CARELEDGER_TRY(const Version version, load(parts, type, id, *old, true));
  CARELEDGER_TRY(Indexed found, index_text(type, id, version.body));
  found.patients = version.meta.patients;  // as it was recorded when it was written
  return found;
}

Result<void> Transaction::State::close_row(std::string_view type, std::string_view id, const Term& term) {
  const Bytes prefix = term_prefix(type, term.parameter, term.value).append(id).append(1, '\0');
  const auto rows = parts.store->iterate(kIndexColumn, storage::Range::prefix(prefix));
  rows->seek_last();  // the newest of the times that the resource had this term
  if (rows->valid() && rows->value().empty()) staging.change(kIndexColumn, rows->key(), rows->value(), u64_bytes(head.sequence));
  return rows->status();
}

Result<void> Transaction::State::index(std::string_view type, std::string_view id, const std::vector<Term>& before_terms,
                                       const std::vector<Term>& terms) {
  for (const Term& term : before_terms)
    if (!std::binary_search(terms.begin(), terms.end(), term)) CARELEDGER_CHECK(close_row(type, id, term));
  for (const Term& term : terms)
    if (!std::binary_search(before_terms.begin(), before_terms.end(), term)) {
      staging.add(kIndexColumn, index_key(type, term.parameter, term.value, id, head.sequence), {});
    }
  return {};
}

Result<VersionMeta> Transaction::State::stage(std::string_view type, std::string_view id, std::uint32_t version,
                                              const std::optional<StoredVersion>& old, const Digest& commitment, const Bytes& body_row,
                                              bool deleted) {
  OutboxRow outbox{commitment, {}};
  if (old && !old->row.erased) {
    CARELEDGER_TRY(outbox.supersedes, commitment_of(parts, old->row.number));
  }
  const std::uint64_t number = head.next_number++;
  const VersionRow row{number, head.sequence, head.time, deleted, false};
  staging.add(kVersionsColumn, version_key(type, id, version), encode(row));
  staging.add(kBodiesColumn, u64_bytes(number), body_row);
  staging.add(kOutboxColumn, u64_bytes(number), encode(outbox));
  looked_up.erase(Name{type, id});
  staged.emplace(type, id);
  CARELEDGER_CHECK(staging.spill());
  VersionMeta meta;
  meta.type = type;
  meta.id = id;
  meta.version = version;
  meta.number = number;
  meta.sequence = head.sequence;
  meta.updated = head.time;
  meta.deleted = deleted;
  return meta;
}

Result<VersionMeta> Transaction::put(Put put) {
  State& s = *state_;
  CARELEDGER_ASSERT(s.lock.owns_lock());
  if (put.body.size() > kBodyBytesMax) return fail(ErrorKind::too_large, "the resource is larger than 64 MiB");
  if (s.parts.options.room) CARELEDGER_CHECK(s.parts.options.room->admit());  // one transaction can be larger than what was free
  CARELEDGER_TRY(const auto old, s.found(put.type, put.id));
  const std::uint32_t version = old ? old->version + 1 : 1;
  if (version != put.version) {
    return fail(ErrorKind::conflict,
                "the resource is at version " + std::to_string(version - 1) + ", not " + std::to_string(put.version - 1));
  }
  std::optional<codec::json::Document> parsed;
  if (put.tree == nullptr) {
    CARELEDGER_TRY(parsed, codec::json::parse(put.body));
    put.tree = &parsed->root();
  }
  CARELEDGER_TRY(Indexed indexed, index_resource(put.type, put.id, *put.tree));
  if (indexed.patients.size() > kPatientsMax) return fail(ErrorKind::too_large, "the resource belongs to more than 256 patients");
  CARELEDGER_TRY(const VersionSecret secret, s.parts.tree->secret(s.head.next_number));
  CARELEDGER_TRY(const Digest commitment, commit_record(put.type, *put.tree, secret.salt_seed()));
  CARELEDGER_TRY(const Indexed before, s.indexed(put.type, put.id, old));

  BodyContent content{std::move(indexed.patients), std::move(put.body)};
  const Bytes row =
      seal_body(s.parts.options.organisation, {put.type, put.id, version, s.head.next_number}, content, secret, s.parts.entropy);
  CARELEDGER_TRY(std::vector<std::string> patients, patients_of(s.parts, std::move(content.patients)));
  s.broken = true;
  CARELEDGER_CHECK(s.index(put.type, put.id, before.terms, indexed.terms));
  CARELEDGER_TRY(VersionMeta meta, s.stage(put.type, put.id, version, old, commitment, row, false));
  s.broken = false;
  s.patients.insert(before.patients.begin(), before.patients.end());
  s.patients.insert(patients.begin(), patients.end());
  meta.patients = std::move(patients);
  return meta;
}

Result<VersionMeta> Transaction::remove(std::string_view type, std::string_view id) {
  State& s = *state_;
  CARELEDGER_ASSERT(s.lock.owns_lock());
  CARELEDGER_TRY(const auto old, s.found(type, id));
  if (!old) return fail(ErrorKind::not_found, "no such resource");
  const std::uint32_t version = old->version + 1;
  if (old->row.deleted) return fail(ErrorKind::gone, "the resource was deleted before");
  CARELEDGER_TRY(Indexed before, s.indexed(type, id, old));
  const std::uint64_t number = s.head.next_number;
  CARELEDGER_TRY(const VersionSecret secret, s.parts.tree->secret(number));
  const Digest commitment = commit_deletion(type, id, version, secret.salt_seed());
  const BodyContent content{before.patients, {}};
  const Bytes row =
      seal_body(s.parts.options.organisation, {std::string(type), std::string(id), version, number}, content, secret, s.parts.entropy);
  s.broken = true;
  CARELEDGER_CHECK(s.index(type, id, before.terms, {}));
  CARELEDGER_TRY(VersionMeta meta, s.stage(type, id, version, old, commitment, row, true));
  s.broken = false;
  s.patients.insert(before.patients.begin(), before.patients.end());
  meta.patients = std::move(before.patients);
  return meta;
}

Result<Committed> Transaction::commit() {
  State& s = *state_;
  CARELEDGER_ASSERT(s.lock.owns_lock());
  if (s.broken) return fail(ErrorKind::storage, "the transaction failed before and cannot be kept");
  if (s.staged.empty()) {
    s.lock.unlock();
    return Committed{s.before.sequence(), 0, 0};
  }
  const Visible commit = s.head;
  CARELEDGER_CHECK(s.staging.finish(encode(commit)));  // written, not durable yet: readers do not see it
  s.parts.newest.forget(s.staged);
  s.parts.head = commit;
  s.lock.unlock();  // the next writer goes on while the disk works
  CARELEDGER_CHECK(s.parts.syncs->sync());
  s.parts.publish(commit);
  s.parts.outbox->wake();
  return Committed{commit.sequence, s.first_number, commit.next_number - 1};
}

Result<std::unique_ptr<Transaction>> Vault::begin() {
  if (parts_->options.room) CARELEDGER_CHECK(parts_->options.room->admit());
  std::unique_lock turn(parts_->writer);
  const View before(parts_.get(), parts_->head.sequence);
  return std::unique_ptr<Transaction>(new Transaction(std::make_unique<Transaction::State>(*parts_, std::move(turn), before)));
}

}  // namespace careledger::vault
