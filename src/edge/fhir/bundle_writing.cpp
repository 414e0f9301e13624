#include "edge/fhir/bundle_writing.h"

#include <array>

#include "codec/fhir/reference.h"
#include "edge/fhir/incoming.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {
namespace {

constexpr std::size_t kIssuesMax = 100;

tl::unexpected<Failure> failed(const Error& error, const Entry& entry) { return tl::make_unexpected(failure_of(error, entry.location())); }

bool is_write(const Entry& entry) { return entry.kind != EntryKind::read && entry.kind != EntryKind::search; }

}  // namespace

Outcome<void> BundleWriting::add_all(std::span<Entry> entries) {
  const auto each = [&](bool removals, auto work) -> Outcome<void> {
    for (Entry& entry : entries) {
      if (!is_write(entry) || (entry.kind == EntryKind::remove) != removals) continue;
      if (Outcome<void> done = work(entry); !done) return done;
    }
    return {};
  };
  const auto tell = [&](Entry& entry) -> Outcome<void> {
    announce(entry);
    return {};
  };
  for (const bool removals : {true, false}) {  // what goes is known before conditions are looked at; what comes only afterwards
    if (auto looked = each(removals, [&](Entry& entry) { return look(entry); }); !looked) return looked;
    if (auto told = each(removals, tell); !told) return told;
  }
  if (auto resolved = resolve(entries); !resolved) return resolved;
  constexpr std::array<EntryKind, 3> kOrder{EntryKind::remove, EntryKind::create, EntryKind::update};
  for (const EntryKind kind : kOrder) {
    for (Entry& entry : entries) {
      if (entry.kind != kind || entry.found) continue;
      if (auto done = stage(entry); !done) return done;
    }
  }
  return {};
}

// The name goes to what is staged alone: what was refused, or found to be there, is looked at again when the batch comes again.
Outcome<void> BundleWriting::add_alone(const Call& call, Entry& entry) {
  const auto name = new_name(call, *transaction_, entry.index + 1);
  if (!name) return tl::make_unexpected(name.error());
  if (auto looked = look(entry); !looked) return looked;
  if (entry.found) return {};
  if (entry.resource != nullptr) {
    auto resolved = resolver_.resolve_alone(document_, *entry.resource, entry.location() + ".resource", entry.type + '/' + entry.id);
    if (!resolved) return resolved;
  }
  if (auto staged = stage(entry); !staged) return staged;
  if (*name) transaction_->name(**name);
  announce(entry);
  return {};
}

Outcome<Stored> BundleWriting::commit(const Call& call, Access access) {
  stored_.patients.insert(transaction_->patients().begin(), transaction_->patients().end());
  stored_.recorded.insert(stored_.patients.begin(), stored_.patients.end());
  access.patients.assign(stored_.recorded.begin(), stored_.recorded.end());
  access.details.insert(access.details.size() - 1, ",\"commit\":" + std::to_string(transaction_->sequence()));
  auto kept = edge::fhir::commit(state_, call, *transaction_, access);
  if (!kept) return tl::make_unexpected(std::move(kept.error()));
  stored_.kept = std::move(*kept);
  if (stored_.kept.recordings.empty()) stored_.recorded.clear();
  return std::move(stored_);
}

Outcome<void> BundleWriting::look(Entry& entry) {
  if (entry.kind != EntryKind::create) return check_version(entry);
  if (auto looked = look_for_existing(entry); !looked) return looked;
  if (entry.found) return {};
  entry.id = random_uuid(state_.parts.entropy);
  entry.version = 1;
  entry.status = 201;
  return {};
}

Outcome<void> BundleWriting::look_for_existing(Entry& entry) {
  if (entry.if_none_exist.empty()) return {};
  auto id = resolver_.match(entry.type, entry.if_none_exist, entry.location() + ".request.ifNoneExist");
  if (!id) return tl::make_unexpected(std::move(id.error()));
  if (id->empty()) return {};
  entry.id = std::move(*id);
  entry.found = true;
  entry.status = 200;
  if (has(entry)) {  // staged just before, by the same batch
    entry.version = 1;
    entry.updated = transaction_->time();
    return {};
  }
  auto meta = transaction_->before().read_meta(entry.type, entry.id);
  if (!meta) return failed(meta.error(), entry);
  entry.version = meta->version;
  entry.updated = meta->updated;
  stored_.patients.insert(meta->patients.begin(), meta->patients.end());
  return {};
}

Outcome<void> BundleWriting::check_version(Entry& entry) {
  const auto next = transaction_->next_version(entry.type, entry.id);
  if (!next) return failed(next.error(), entry);
  auto there = *next == 1 ? Result<bool>(false) : exists(transaction_->before(), entry.type, entry.id);
  if (!there) return failed(there.error(), entry);
  const std::uint32_t current = *there ? *next - 1 : 0;
  if (entry.if_none_match_any && current != 0) {
    return tl::make_unexpected(failure(412, "conflict", "the resource exists already", entry.location() + ".request.ifNoneMatch"));
  }
  if (auto holds = check_if_match(entry.if_match, current, entry.location() + ".request.ifMatch"); !holds) return holds;
  const bool removal = entry.kind == EntryKind::remove;
  entry.found = removal && current == 0;  // gone already: nothing to do
  entry.version = entry.found ? *next - 1 : *next;
  entry.status = removal ? 204 : current == 0 ? 201 : 200;
  return {};
}

void BundleWriting::announce(const Entry& entry) {
  if (entry.kind == EntryKind::remove) return resolver_.add_going(entry.type, entry.id);
  resolver_.add_coming(entry.type, entry.id);
  if (!entry.found) resolver_.add_candidate(entry.type, entry.id, *entry.resource);
  add_aliases(entry);
}

void BundleWriting::add_aliases(const Entry& entry) {
  if (entry.full_url.empty()) return;
  const std::string reference = entry.type + '/' + entry.id;
  resolver_.add_alias(std::string(entry.full_url), reference);
  const auto read = codec::fhir::read_reference(entry.full_url);  // http://elsewhere/Patient/1: the Bundle may say Patient/1 as well
  if (entry.kind != EntryKind::create || read.form != codec::fhir::ReferenceForm::absolute || read.id.empty()) return;
  resolver_.add_alias(std::string(read.type) + '/' + std::string(read.id), reference);
}

Outcome<void> BundleWriting::resolve(std::span<Entry> entries) {
  Failure all;
  for (Entry& entry : entries) {
    if (entry.resource == nullptr || entry.found) continue;
    auto resolved = resolver_.resolve(document_, *entry.resource, entry.location() + ".resource");
    if (resolved) continue;
    if (all.issues.empty()) all.status = resolved.error().status;
    for (Issue& issue : resolved.error().issues)
      if (all.issues.size() < kIssuesMax) all.issues.push_back(std::move(issue));
  }
  if (!all.issues.empty()) return tl::make_unexpected(std::move(all));
  return {};
}

Outcome<void> BundleWriting::stage(Entry& entry) {
  if (entry.kind == EntryKind::remove) {
    auto removed = transaction_->remove(entry.type, entry.id);
    if (!removed) return failed(removed.error(), entry);
    note(entry, *removed);
    return {};
  }
  stamp(document_, *entry.resource, entry.id, entry.version, transaction_->time());
  auto staged = transaction_->put({entry.type, entry.id, entry.version, codec::json::compact(*entry.resource), entry.resource});
  if (!staged) return failed(staged.error(), entry);
  note(entry, *staged);
  return {};
}

void BundleWriting::note(Entry& entry, const vault::VersionMeta& meta) {
  entry.version = meta.version;
  entry.updated = meta.updated;
  names_.insert(entry.type + '/' + entry.id);
}

}  // namespace careledger::edge::fhir
