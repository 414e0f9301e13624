// Versions against the audit map: what was written and stands in nobody's list.
#include <algorithm>
#include <charconv>

#include "codec/json/json.h"
#include "crypto/hash.h"
#include "vault/audit_state.h"
#include "vault/check.h"
#include "vault/encoding.h"
#include "vault/parts.h"

namespace careledger::vault {
namespace {

using Fingerprint = std::uint64_t;

Fingerprint fingerprint(ByteView what, ByteView subject) {
  const Digest digest = crypto::sha256({u64_bytes(what.size()), what, subject});
  ByteView start = digest.view();
  return *take_u64(start);
}
Bytes single(std::string_view type, std::string_view id, std::uint32_t version) { return version_key(type, id, version); }
Bytes together(std::uint64_t sequence) { return "commit" + u64_bytes(sequence); }

bool writes(AuditKind kind) {
  return kind == AuditKind::create || kind == AuditKind::update || kind == AuditKind::remove || kind == AuditKind::transaction ||
         kind == AuditKind::break_glass;
}

// The commit that an entry of a Bundle was owed by.
std::optional<std::uint64_t> commit_of(const AuditEntry& entry) {
  const auto document = codec::json::parse(entry.details);
  if (!document) return std::nullopt;
  const codec::json::Value* inner = document->root().find("details");  // under an emergency the details are those of the emergency
  const codec::json::Value* number = (inner != nullptr ? inner : &document->root())->find("commit");
  if (number == nullptr || !number->is_number()) return std::nullopt;
  const std::string_view text = number->text();
  std::uint64_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

// What the map says was written: each once with the subject and once without.
class Recordings {
 public:
  void add(const AuditEntry& entry) {
    if (!writes(entry.kind) || entry.outcome != AuditOutcome::done) return;
    if (entry.version != 0) return add(single(entry.resource_type, entry.resource_id, entry.version), entry.subject);
    if (const auto commit = commit_of(entry)) add(together(*commit), entry.subject);
  }
  void sort() { std::sort(known_.begin(), known_.end()); }
  bool has(ByteView one, ByteView all, ByteView subject) const {
    return std::binary_search(known_.begin(), known_.end(), fingerprint(one, subject)) ||
           std::binary_search(known_.begin(), known_.end(), fingerprint(all, subject));
  }

 private:
  void add(const Bytes& what, const Subject& subject) {
    known_.push_back(fingerprint(what, subject.view()));
    known_.push_back(fingerprint(what, {}));
  }
  std::vector<Fingerprint> known_;
};

}  // namespace

Result<CheckReport> check_recorded(Vault& vault, AuditMap& audit, const CheckOptions& options) {
  const VaultParts& parts = vault.parts();
  CheckReport report;
  const Visible seen = parts.seen();
  const auto reader = parts.store->snapshot();  // before the entries: what is no longer owed in it is durable there
  CARELEDGER_TRY(const auto since_bytes, reader->get(kStateColumn, kRecordedFromKey));
  if (!since_bytes) return report;
  ByteView since_view = *since_bytes;
  const std::uint64_t since = take_u64(since_view).value_or(0);
  Recordings recordings;
  const auto owed = reader->iterate(kStateColumn, storage::Range::prefix(kOwedPrefix));
  for (owed->seek_first(); owed->valid(); owed->next()) {
    auto row = decode_owed_row(owed->value());
    if (!row) return corrupt_row("state", owed->key());
    for (const Subject& subject : row->subjects) {
      row->entry.subject = subject;
      recordings.add(row->entry);
    }
  }
  CARELEDGER_CHECK(owed->status());
  const AuditMap::State& state = audit.state();
  const std::uint64_t end = state.durable;
  for (FilePlace place{0, kAuditHeaderBytes}; place.index < end;) {
    std::uint64_t next = 0;
    const auto entry = state.file->read(place, &next);
    if (!entry) return report;  // damaged: check_audit() names it, and what it said is not known
    recordings.add(entry->entry);
    place = {place.index + 1, next};
    if (options.progress) options.progress(place.index, end);
  }
  recordings.sort();
  const auto rows = reader->iterate(kVersionsColumn, storage::Range::all());
  for (rows->seek_first(); rows->valid() && report.findings.size() < options.findings_max; rows->next()) {
    const auto name = decode_version_key(rows->key());
    const auto row = decode_version_row(rows->value());
    if (!name || !row || row->sequence < since || row->sequence > seen.sequence) continue;  // check_vault() says what does not parse
    ++report.versions;
    const auto version = load(parts, name->type, name->id, {name->version, *row}, false);
    std::vector<Bytes> subjects;
    // Whose a Binary is, alone or carried, changes with what its security context names: that it was recorded is all that can be asked.
    const bool settled = name->type != "Binary" && name->type != "Bundle" && name->type != "Parameters";
    if (version && settled)
      for (const std::string& patient : version->meta.patients) subjects.push_back(audit.subject_of(patient).bytes());
    if (subjects.empty()) subjects.emplace_back();
    const Bytes one = single(name->type, name->id, name->version);
    const Bytes all = together(row->sequence);
    if (std::ranges::all_of(subjects, [&](const Bytes& subject) { return recordings.has(one, all, subject); })) continue;
    report.findings.push_back({"audit",
                               std::string(name->type) + "/" + std::string(name->id) + "/_history/" + std::to_string(name->version),
                               "was written, and the audit map has no entry of it for everybody whose record it is part of"});
  }
  CARELEDGER_CHECK(rows->status());
  return report;
}

}  // namespace careledger::vault
