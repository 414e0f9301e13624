// Batch and transaction (http://hl7.org/fhir/R4/http.html#transaction). A transaction is one transaction of the vault: parsed, checked and
// planned before the writer's turn, then resolved and staged, visible at once. The entries of a batch succeed or fail each for itself.
#include <algorithm>
#include <array>

#include "codec/fhir/instant.h"
#include "edge/fhir/bundle_writing.h"
#include "edge/fhir/incoming.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {
namespace {

using codec::json::Document;
using codec::json::Value;

tl::unexpected<Failure> failed(const Error& error, const Entry& entry) { return tl::make_unexpected(failure_of(error, entry.location())); }

bool is_write(const Entry& entry) { return entry.kind != EntryKind::read && entry.kind != EntryKind::search; }

Outcome<std::unique_ptr<BundleWriting>> begin(State& state, const Call& call, Document& document) {
  auto transaction = state.parts.vault.begin();
  if (!transaction) return tl::make_unexpected(failure_of(transaction.error()));
  return std::make_unique<BundleWriting>(state, document, std::move(*transaction), call);
}

// What is recorded of some entries of a Bundle.
Access access_of(const char* type, std::span<const Entry* const> entries) {
  std::array<std::size_t, 5> count{};
  for (const Entry* entry : entries) ++count[static_cast<std::size_t>(entry->kind)];
  Access access;
  access.kind = vault::AuditKind::transaction;
  access.type = "Bundle";
  access.details = std::string("{\"type\":\"") + type + "\",\"removed\":" + std::to_string(count[0]) +
                   ",\"created\":" + std::to_string(count[1]) + ",\"updated\":" + std::to_string(count[2]) +
                   ",\"read\":" + std::to_string(count[3] + count[4]) + '}';
  return access;
}

std::vector<const Entry*> all_of(std::span<const Entry> entries) {
  std::vector<const Entry*> out;
  out.reserve(entries.size());
  for (const Entry& entry : entries) out.push_back(&entry);
  return out;
}

// All writes among the entries, in one transaction.
Outcome<Stored> write(State& state, const Call& call, Document& document, std::span<Entry> entries) {
  if (std::ranges::none_of(entries, is_write)) return Stored{};
  auto writing = begin(state, call, document);
  if (!writing) return tl::make_unexpected(std::move(writing.error()));
  if (auto named = (*writing)->once(call); !named) return tl::make_unexpected(std::move(named.error()));
  if (auto added = (*writing)->add_all(entries); !added) return tl::make_unexpected(std::move(added.error()));
  return (*writing)->commit(call, access_of("transaction", all_of(entries)));
}

// What the bodies in one answer may still come to. The first that does not fit ends it: nothing is read in vain for those behind it.
class Room {
 public:
  explicit Room(const State& state) : left_(state.config.answer_bytes_max) {}
  bool full() const { return left_ == 0; }
  bool take(std::size_t bytes) {
    const bool fits = bytes <= left_;
    left_ = fits ? left_ - bytes : 0;
    return fits;
  }

 private:
  std::size_t left_;
};

// Answers a GET, on what is there after the writes.
Outcome<void> fetch_any(State& state, const Call& call, Entry& entry, Stored& stored) {
  entry.status = 200;
  if (entry.kind == EntryKind::search) {
    auto found = search_type(state, call, entry.type, entry.query);
    if (!found) return tl::make_unexpected(std::move(found.error()));
    entry.result = std::move(found->bundle);
    stored.patients.insert(found->patients.begin(), found->patients.end());
    stored.named.insert(found->named.begin(), found->named.end());
    return {};
  }
  const vault::View view = state.parts.vault.view();
  auto version = entry.version == 0 ? view.read(entry.type, entry.id) : view.read_version(entry.type, entry.id, entry.version);
  if (!version) return tl::make_unexpected(failure_of(version.error(), entry.location()));
  entry.result = std::move(version->body);
  entry.version = version->meta.version;
  entry.updated = version->meta.updated;
  stored.patients.insert(version->meta.patients.begin(), version->meta.patients.end());
  return {};
}

Outcome<void> fetch(State& state, const Call& call, Entry& entry, Stored& stored, Room& room) {
  const auto full = [&] {
    return tl::make_unexpected(failure(413, "too-costly", "the answer is full: ask for this by itself", entry.location()));
  };
  if (room.full()) return full();
  if (auto fetched = fetch_any(state, call, entry, stored); !fetched) return fetched;
  if (!room.take(entry.result.size())) return full();
  return {};
}

void fail_entry(Entry& entry, const Failure& failure) {
  entry.status = failure.status;
  entry.result = outcome(failure.issues);
}

Outcome<std::vector<Entry>> plan(const auth::Principal& principal, std::span<Value> items) {
  std::vector<Entry> entries;
  entries.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto entry = read_entry(items[i], i, false);
    if (!entry) return tl::make_unexpected(std::move(entry.error()));
    if (const auto allowed = permit_entry(principal, *entry); !allowed) return failed(allowed.error(), *entry);
    entries.push_back(std::move(*entry));
  }
  if (auto single = check_identities(entries); !single) return tl::make_unexpected(std::move(single.error()));
  return entries;
}

Outcome<Stored> run_transaction(State& state, const Call& call, Document& document, std::vector<Entry>& entries) {
  if (auto checked = check_resource(document.root(), "Bundle", {}); !checked) return tl::make_unexpected(std::move(checked.error()));
  Value* items = document.root().find("entry");
  auto planned = plan(call.principal, items == nullptr ? std::span<Value>() : items->items());
  if (!planned) return tl::make_unexpected(std::move(planned.error()));
  entries = std::move(*planned);
  auto stored = write(state, call, document, entries);
  if (!stored) return stored;
  Room room(state);
  for (Entry& entry : entries) {
    entry.recorded = !stored->kept.recordings.empty();
    if (is_write(entry)) continue;
    if (auto fetched = fetch(state, call, entry, *stored, room); !fetched)
      fail_entry(entry, fetched.error());  // too late to take back the writes
  }
  for (const std::string& patient : stored->recorded) stored->patients.erase(patient);
  return stored;
}

// The entries of a batch, each for itself. Writes that follow each other share a transaction of the vault, because each of those costs a
// wait for the disk; an entry that fails stages nothing.
class Batch {
 public:
  Batch(State& state, const Call& call, Document& document, std::vector<Entry>& entries)
      : state_(state), call_(call), document_(document), entries_(entries), room_(state) {}

  Stored run(std::span<Value> items) {
    entries_.reserve(items.size());  // entries stay where they are
    for (std::size_t i = 0; i < items.size(); ++i) {
      auto read = read_entry(items[i], i, true);
      Entry& entry = entries_.emplace_back(read ? std::move(*read) : Entry{});
      entry.index = i;
      const auto done = read ? one(entry) : tl::make_unexpected(std::move(read.error()));
      if (!done) fail_entry(entry, done.error());
    }
    flush();
    return std::move(all_);
  }

 private:
  static constexpr std::size_t kSharing = 500;  // writes in one transaction

  Outcome<void> one(Entry& entry) {
    if (const auto allowed = permit_entry(call_.principal, entry); !allowed) return failed(allowed.error(), entry);
    if (!is_write(entry)) {
      flush();
      return fetch(state_, call_, entry, all_, room_);
    }
    if (writing_ && (writing_->size() == kSharing || writing_->has(entry))) flush();
    if (!writing_) {
      auto begun = begin(state_, call_, document_);
      if (!begun) return tl::make_unexpected(std::move(begun.error()));
      writing_ = std::move(*begun);
    }
    auto added = writing_->add_alone(call_, entry);
    if (added) waiting_.push_back(&entry);
    return added;
  }

  void flush() {
    if (!writing_) return;
    auto stored = writing_->commit(call_, access_of("batch", std::vector<const Entry*>(waiting_.begin(), waiting_.end())));
    writing_.reset();
    if (stored) {
      for (Entry* entry : waiting_) entry->recorded = !stored->kept.recordings.empty();
      all_.kept.number = std::max(all_.kept.number, stored->kept.number);
      std::ranges::move(stored->kept.recordings, std::back_inserter(all_.kept.recordings));
      if (stored->kept.recordings.empty()) all_.patients.merge(stored->patients);
    } else {
      for (Entry* entry : waiting_) fail_entry(*entry, stored.error());
    }
    waiting_.clear();
  }

  State& state_;
  const Call& call_;
  Document& document_;
  std::vector<Entry>& entries_;
  Room room_;
  std::unique_ptr<BundleWriting> writing_;
  std::vector<Entry*> waiting_;  // staged, not committed yet
  Stored all_;
};

Outcome<Stored> run_batch(State& state, const Call& call, Document& document, std::vector<Entry>& entries) {
  Value* items = document.root().find("entry");
  if (items == nullptr) return Stored{};
  if (!items->is_array()) return tl::make_unexpected(failure(400, "structure", "entry must be an array", "Bundle.entry"));
  return Batch(state, call, document, entries).run(items->items());
}

const char* phrase(int status) {
  switch (status) {
    case 200: return "200 OK";
    case 201: return "201 Created";
    case 204: return "204 No Content";
    default: return nullptr;
  }
}

void append_entry(Bytes& out, const Entry& entry) {
  if (out.back() == '}') out += ',';
  out += '{';
  const bool good = entry.status < 300;
  if (good && !entry.result.empty()) out.append("\"resource\":").append(entry.result).append(1, ',');
  out += R"("response":{)";
  append_member(out, "status", phrase(entry.status) != nullptr ? std::string(phrase(entry.status)) : std::to_string(entry.status));
  if (good && entry.version != 0) {
    if (entry.status != 204) append_member(out, "location", entry.type + '/' + entry.id + "/_history/" + std::to_string(entry.version));
    append_member(out, "etag", etag_of(entry.version));
    if (entry.updated.value != 0) append_member(out, "lastModified", codec::fhir::format_instant(entry.updated));
  }
  if (!good) out.append(",\"outcome\":").append(entry.result);
  out += "}}";
}

// Prefer: return=representation: what was stored, as it is served, as far as there is room.
void add_representations(const State& state, std::vector<Entry>& entries) {
  const vault::View view = state.parts.vault.view();
  Room room(state);
  for (const Entry& entry : entries) room.take(entry.result.size());
  for (Entry& entry : entries) {
    if (room.full()) return;
    if (entry.status >= 300 || (entry.kind != EntryKind::create && entry.kind != EntryKind::update)) continue;
    auto version = view.read_version(entry.type, entry.id, entry.version);
    if (version && room.take(version->body.size())) entry.result = std::move(version->body);
  }
}

Bytes response_bundle(const char* type, const std::vector<Entry>& entries) {
  Bytes out;
  out.reserve(256 + entries.size() * 220);
  out = std::string(R"({"resourceType":"Bundle","type":")") + type + '"';
  if (entries.empty()) return out += '}';
  out += ",\"entry\":[";
  for (const Entry& entry : entries) append_entry(out, entry);
  return out += "]}";
}

vault::AuditKind audit_kind_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::remove: return vault::AuditKind::remove;
    case EntryKind::create: return vault::AuditKind::create;
    case EntryKind::update: return vault::AuditKind::update;
    case EntryKind::read: return vault::AuditKind::read;
    case EntryKind::search: return vault::AuditKind::search;
  }
  return vault::AuditKind::read;
}

// What was refused among the entries, each for itself: whoever looks for refusals must not have to guess them from a transaction.
void add_refusals(const State& state, const std::vector<Entry>& entries, std::vector<Access>& accesses) {
  for (const Entry& entry : entries) {
    if (entry.status != 403) continue;
    Access& access = accesses.emplace_back();
    access.kind = audit_kind_of(entry.kind);
    access.type = entry.type;
    if (entry.kind != EntryKind::create) access.id = entry.id;
    name_patients(state, access);
    make_refusal(access);
  }
}

// What no commit has recorded: reads, and what failed. Everything when nothing was changed.
void add_rest(const char* type, const std::vector<Entry>& entries, const Stored& stored, std::vector<Access>& accesses) {
  const auto left = [](const Entry& entry) { return !entry.recorded && entry.status != 403; };
  if (!stored.kept.recordings.empty() && stored.patients.empty() && stored.named.empty() && std::ranges::none_of(entries, left)) return;
  std::vector<const Entry*> all = all_of(entries);
  std::vector<const Entry*> rest;
  std::ranges::copy_if(all, std::back_inserter(rest), [](const Entry* entry) { return !entry->recorded; });
  Access& access = accesses.emplace_back(access_of(type, rest.empty() ? all : rest));
  access.patients.assign(stored.patients.begin(), stored.patients.end());
  access.named.assign(stored.named.begin(), stored.named.end());
}

void answer(State& state, CallPtr call, const char* type, std::vector<Entry>& entries, Stored stored) {
  if (call->form.prefer == Prefer::representation) add_representations(state, entries);
  const std::string answer_type = std::string(type) + "-response";
  http::Response response = resource(call->form, 200, response_bundle(answer_type.c_str(), entries));
  std::vector<Access> accesses;
  add_rest(type, entries, stored, accesses);
  add_refusals(state, entries, accesses);
  finish(state, std::move(call), std::move(accesses), std::move(response), std::move(stored.kept));
}

}  // namespace

void bundle(State& state, CallPtr call) {
  Access access = access_of(*call);
  access.type = "Bundle";
  const auto refuse = [&](const Failure& failure) { finish(state, std::move(call), std::move(access), failure); };
  auto document = parse_body(std::move(call->request.body));
  if (!document) return refuse(document.error());
  const Value& root = document->root();
  if (root.string_at("resourceType") != "Bundle") return refuse(failure(400, "invalid", "only a Bundle can be posted here"));
  if (root.items_at("entry").size() > state.config.entries_max) {
    return refuse(
        failure(413, "too-costly", "the Bundle has more than " + std::to_string(state.config.entries_max) + " entries", "Bundle.entry"));
  }
  const std::string type(root.string_at("type"));
  std::vector<Entry> entries;
  if (type == "transaction") {
    auto stored = run_transaction(state, *call, *document, entries);
    if (!stored) return refuse(stored.error());
    return answer(state, std::move(call), "transaction", entries, std::move(*stored));
  }
  if (type != "batch") return refuse(failure(400, "value", "the Bundle must be a batch or a transaction", "Bundle.type"));
  auto stored = run_batch(state, *call, *document, entries);
  if (!stored) return refuse(stored.error());
  answer(state, std::move(call), "batch", entries, std::move(*stored));
}

}  // namespace careledger::edge::fhir
