// Batch and transaction (http://hl7.org/fhir/R4/http.html#transaction). A transaction is one transaction of the vault: parsed, checked and
// planned before the writer's turn, then resolved and staged, visible at once. A batch is as many transactions as it has entries.
#include <algorithm>
#include <array>
#include <unordered_set>

#include "codec/fhir/instant.h"
#include "codec/fhir/reference.h"
#include "edge/fhir/bundle_entry.h"
#include "edge/fhir/incoming.h"
#include "edge/fhir/resolver.h"
#include "edge/fhir/search_query.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {
namespace {

using codec::json::Document;
using codec::json::Value;

// What writing a set of entries came to.
struct Stored {
  std::uint64_t number = 0;  // the last version's; 0: nothing changed
  std::unordered_set<std::string> patients{};
};

tl::unexpected<Failure> failed(const Error& error, const Entry& entry) { return tl::make_unexpected(failure_of(error, entry.location())); }

// Writes entries in one transaction of the vault. One thread, one use.
class Writing {
 public:
  Writing(State& state, Document& document, std::span<Entry> entries, std::unique_ptr<vault::Transaction> transaction)
      : state_(state),
        document_(document),
        entries_(entries),
        transaction_(std::move(transaction)),
        resolver_(transaction_->before(), state.parts.clock.now(), state.config.check_references) {}

  Outcome<Stored> run() {
    for (Entry& entry : entries_)
      if (auto ready = prepare(entry); !ready) return tl::make_unexpected(std::move(ready.error()));
    if (auto resolved = resolve(); !resolved) return tl::make_unexpected(std::move(resolved.error()));
    constexpr std::array<EntryKind, 3> kOrder{EntryKind::remove, EntryKind::create, EntryKind::update};
    for (const EntryKind kind : kOrder) {
      for (Entry& entry : entries_) {
        if (entry.kind != kind || entry.found) continue;
        auto done = kind == EntryKind::remove ? stage_removal(entry) : stage(entry);
        if (!done) return tl::make_unexpected(std::move(done.error()));
      }
    }
    auto committed = transaction_->commit();
    if (!committed) return tl::make_unexpected(failure_of(committed.error()));
    stored_.number = committed->last_number;
    return std::move(stored_);
  }

 private:
  // Ids, conditions and versions: everything about an entry that others may refer to.
  Outcome<void> prepare(Entry& entry) {
    switch (entry.kind) {
      case EntryKind::create: {
        if (auto looked = look_for_existing(entry); !looked) return looked;
        if (entry.id.empty()) entry.id = random_uuid(state_.parts.entropy);
        entry.version = entry.found ? entry.version : 1;
        break;
      }
      case EntryKind::update:
      case EntryKind::remove:
        if (auto ready = check_version(entry); !ready) return ready;
        break;
      case EntryKind::read:
      case EntryKind::search: return {};
    }
    if (entry.kind == EntryKind::remove) {
      resolver_.add_going(entry.type, entry.id);
      return {};
    }
    resolver_.add_coming(entry.type, entry.id);
    if (!entry.found) resolver_.add_candidate(entry.type, entry.id, *entry.resource);
    add_aliases(entry);
    return {};
  }

  Outcome<void> look_for_existing(Entry& entry) {
    if (entry.if_none_exist.empty()) return {};
    Resolver before(transaction_->before(), state_.parts.clock.now(), false);
    auto id = before.match(entry.type, entry.if_none_exist, entry.location() + ".request.ifNoneExist");
    if (!id) return tl::make_unexpected(std::move(id.error()));
    if (id->empty()) return {};
    auto meta = transaction_->before().read_meta(entry.type, *id);
    if (!meta) return failed(meta.error(), entry);
    entry.id = std::move(*id);
    entry.found = true;
    entry.version = meta->version;
    entry.updated = meta->updated;
    entry.status = 200;
    stored_.patients.insert(meta->patients.begin(), meta->patients.end());
    return {};
  }

  Outcome<void> check_version(Entry& entry) {
    const auto next = transaction_->next_version(entry.type, entry.id);
    if (!next) return failed(next.error(), entry);
    auto there = *next == 1 ? Result<bool>(false) : exists(transaction_->before(), entry.type, entry.id);
    if (!there) return failed(there.error(), entry);
    const std::uint32_t current = *there ? *next - 1 : 0;
    if (entry.if_none_match_any && current != 0) {
      return tl::make_unexpected(failure(412, "conflict", "the resource exists already", entry.location() + ".request.ifNoneMatch"));
    }
    if (auto holds = check_if_match(entry.if_match, current, entry.location() + ".request.ifMatch"); !holds) return holds;
    entry.version = *next;
    entry.status = entry.kind == EntryKind::remove ? 204 : current == 0 ? 201 : 200;
    entry.found = entry.kind == EntryKind::remove && current == 0;  // gone already: nothing to do
    return {};
  }

  void add_aliases(const Entry& entry) {
    if (entry.full_url.empty()) return;
    const std::string reference = entry.type + '/' + entry.id;
    resolver_.add_alias(std::string(entry.full_url), reference);
    const auto read = codec::fhir::read_reference(entry.full_url);  // http://elsewhere/Patient/1: the Bundle may say Patient/1 as well
    if (entry.kind != EntryKind::create || read.form != codec::fhir::ReferenceForm::absolute || read.id.empty()) return;
    resolver_.add_alias(std::string(read.type) + '/' + std::string(read.id), reference);
  }

  Outcome<void> resolve() {
    Failure all;
    for (Entry& entry : entries_) {
      if (entry.resource == nullptr || entry.found) continue;
      auto resolved = resolver_.resolve(document_, *entry.resource, entry.location() + ".resource");
      if (resolved) continue;
      if (all.issues.empty()) all.status = resolved.error().status;
      for (Issue& issue : resolved.error().issues)
        if (all.issues.size() < 100) all.issues.push_back(std::move(issue));
    }
    if (!all.issues.empty()) return tl::make_unexpected(std::move(all));
    return {};
  }

  Outcome<void> stage(Entry& entry) {
    stamp(document_, *entry.resource, entry.id, entry.version, transaction_->time());
    auto staged = transaction_->put({entry.type, entry.id, entry.version, codec::json::compact(*entry.resource), entry.resource});
    if (!staged) return failed(staged.error(), entry);
    if (entry.kind == EntryKind::create) entry.status = 201;
    return note(entry, *staged);
  }
  Outcome<void> stage_removal(Entry& entry) {
    auto staged = transaction_->remove(entry.type, entry.id);
    if (!staged) return failed(staged.error(), entry);
    return note(entry, *staged);
  }
  Outcome<void> note(Entry& entry, const vault::VersionMeta& meta) {
    entry.version = meta.version;
    entry.updated = meta.updated;
    stored_.patients.insert(meta.patients.begin(), meta.patients.end());
    return {};
  }

  State& state_;
  Document& document_;
  std::span<Entry> entries_;
  std::unique_ptr<vault::Transaction> transaction_;
  Resolver resolver_;
  Stored stored_;
};

bool is_write(const Entry& entry) { return entry.kind != EntryKind::read && entry.kind != EntryKind::search; }

// All writes among the entries, in one transaction.
Outcome<Stored> write(State& state, Document& document, std::span<Entry> entries) {
  if (std::ranges::none_of(entries, is_write)) return Stored{};
  auto transaction = state.parts.vault.begin();
  if (!transaction) return tl::make_unexpected(failure_of(transaction.error()));
  return Writing(state, document, entries, std::move(*transaction)).run();
}

// Answers a GET, on what is there after the writes.
Outcome<void> fetch(State& state, const Call& call, Entry& entry, Stored& stored) {
  entry.status = 200;
  if (entry.kind == EntryKind::search) {
    auto found = search_type(state, call, entry.type, entry.query);
    if (!found) return tl::make_unexpected(std::move(found.error()));
    entry.result = std::move(found->bundle);
    stored.patients.insert(found->patients.begin(), found->patients.end());
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
  auto stored = write(state, document, entries);
  if (!stored) return stored;
  for (Entry& entry : entries) {
    if (is_write(entry)) continue;
    if (auto fetched = fetch(state, call, entry, *stored); !fetched)
      fail_entry(entry, fetched.error());  // too late to take back the writes
  }
  return stored;
}

Outcome<void> run_batch_entry(State& state, const Call& call, Document& document, Entry& entry, Stored& all) {
  if (const auto allowed = permit_entry(call.principal, entry); !allowed) return failed(allowed.error(), entry);
  if (!is_write(entry)) return fetch(state, call, entry, all);
  auto stored = write(state, document, {&entry, 1});
  if (!stored) return tl::make_unexpected(std::move(stored.error()));
  all.number = std::max(all.number, stored->number);
  all.patients.merge(stored->patients);
  return {};
}

Outcome<Stored> run_batch(State& state, const Call& call, Document& document, std::vector<Entry>& entries) {
  Stored all;
  Value* items = document.root().find("entry");
  if (items == nullptr) return all;
  if (!items->is_array()) return tl::make_unexpected(failure(400, "structure", "entry must be an array", "Bundle.entry"));
  for (std::size_t i = 0; i < items->size(); ++i) {
    auto read = read_entry(items->items()[i], i, true);
    Entry& entry = entries.emplace_back(read ? std::move(*read) : Entry{});
    entry.index = i;
    const auto done = read ? run_batch_entry(state, call, document, entry, all) : tl::make_unexpected(std::move(read.error()));
    if (!done) fail_entry(entry, done.error());
  }
  return all;
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

// Prefer: return=representation: what was stored, as it is served.
void add_representations(const State& state, std::vector<Entry>& entries) {
  const vault::View view = state.parts.vault.view();
  for (Entry& entry : entries) {
    if (entry.status >= 300 || (entry.kind != EntryKind::create && entry.kind != EntryKind::update)) continue;
    if (auto version = view.read_version(entry.type, entry.id, entry.version)) entry.result = std::move(version->body);
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

Bytes details_of(const char* type, const std::vector<Entry>& entries) {
  std::array<std::size_t, 5> count{};
  for (const Entry& entry : entries) ++count[static_cast<std::size_t>(entry.kind)];
  return std::string("{\"type\":\"") + type + "\",\"removed\":" + std::to_string(count[0]) + ",\"created\":" + std::to_string(count[1]) +
         ",\"updated\":" + std::to_string(count[2]) + ",\"read\":" + std::to_string(count[3] + count[4]) + '}';
}

void answer(State& state, CallPtr call, Access access, const char* type, std::vector<Entry>& entries, Stored stored) {
  if (call->form.prefer == Prefer::representation) add_representations(state, entries);
  access.patients.assign(stored.patients.begin(), stored.patients.end());
  std::ranges::sort(access.patients);
  access.details = details_of(type, entries);
  const std::string answer_type = std::string(type) + "-response";
  http::Response response = resource(call->form, 200, response_bundle(answer_type.c_str(), entries));
  finish(state, std::move(call), std::move(access), std::move(response), stored.number);
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
    return answer(state, std::move(call), std::move(access), "transaction", entries, std::move(*stored));
  }
  if (type != "batch") return refuse(failure(400, "value", "the Bundle must be a batch or a transaction", "Bundle.type"));
  auto stored = run_batch(state, *call, *document, entries);
  if (!stored) return refuse(stored.error());
  answer(state, std::move(call), std::move(access), "batch", entries, std::move(*stored));
}

}  // namespace careledger::edge::fhir
