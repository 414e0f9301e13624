#include "vault/backup.h"

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "codec/json/json.h"
#include "vault/audit_state.h"
#include "vault/encoding.h"
#include "vault/parts.h"
#include "vault/record_rules.h"
#include "vault/sealed_stream.h"
#include "vault/staging.h"

namespace careledger::vault {
namespace {

constexpr ByteView kMagic = "careledger-backup";
constexpr std::size_t kFrameBytes = 1u << 20;

// Of the state: legal holds, erasures that the ledger is to be told of, gaps, what is owed to the audit map, and names of commits.
constexpr ByteView kCopiedState[] = {kHoldPrefix, kUntoldPrefix, kGapPrefix, kOwedPrefix, kRecordedFromKey, kOncePrefix};

// What was written after a backup and is lost had numbers, and its secrets may be known. None of them is used again: those that a vault can
// have given out until now, at more versions a second than it can ever write.
constexpr std::uint64_t kNumbersASecond = 1u << 14;
constexpr std::uint64_t kNumbersAtLeast = 1u << 20;
constexpr storage::Column kCopied[] = {kStateColumn, kVersionsColumn, kBodiesColumn, kOutboxColumn, kAnchorsColumn, kPrivateColumn};

struct Summary {  // the last frame
  OrganisationId organisation;
  Visible visible;
  BlockTime time;
  std::uint64_t versions = 0;
  std::uint64_t anchors = 0;
};

Bytes encode(const Summary& summary) {
  Bytes out = summary.organisation.bytes();
  append_field(out, vault::encode(summary.visible));
  append_u64(out, static_cast<std::uint64_t>(summary.time.value));
  append_u64(out, summary.versions);
  append_u64(out, summary.anchors);
  return out;
}

std::optional<Summary> decode_summary(ByteView in) {
  const auto organisation = take_bytes(in, 32);
  const auto visible_bytes = take_field(in);
  const auto visible = visible_bytes ? decode_visible(*visible_bytes) : std::nullopt;
  const auto time = take_u64(in);
  const auto versions = take_u64(in);
  const auto anchors = take_u64(in);
  if (!organisation || !visible || !time || !versions || !anchors || !in.empty()) return std::nullopt;
  return Summary{*OrganisationId::from(*organisation), *visible, {static_cast<std::int64_t>(*time)}, *versions, *anchors};
}

// What a transaction under way has staged is not in the commit that the backup holds.
bool belongs(storage::Column column, ByteView key, ByteView value, const Visible& visible) {
  if (column == kStateColumn && key.starts_with(kOncePrefix)) return take_u64(value).value_or(0) <= visible.sequence;
  if (column == kStateColumn)
    return std::any_of(std::begin(kCopiedState), std::end(kCopiedState), [key](ByteView prefix) { return key.starts_with(prefix); });
  if (column == kVersionsColumn) {
    const auto row = decode_version_row(value);
    return row && row->sequence <= visible.sequence;
  }
  if (column == kBodiesColumn || column == kOutboxColumn) return take_u64(key).value_or(0) < visible.next_number;
  return true;
}

Result<void> copy_column(const storage::Reader& reader, storage::Column column, const Visible& visible, SealedWriter& out,
                         Summary& summary) {
  const auto rows = reader.iterate(column, storage::Range::all());
  Bytes frame;
  for (rows->seek_first(); rows->valid(); rows->next()) {
    if (!belongs(column, rows->key(), rows->value(), visible)) continue;
    frame.push_back(static_cast<char>(column.index));
    append_short(frame, rows->key());
    append_short(frame, rows->value());
    if (column == kVersionsColumn) ++summary.versions;
    if (column == kAnchorsColumn) ++summary.anchors;
    if (frame.size() >= kFrameBytes) {
      CARELEDGER_CHECK(out.put(frame));
      frame.clear();
    }
  }
  CARELEDGER_CHECK(rows->status());
  return frame.empty() ? Result<void>{} : out.put(frame);
}

// Gives every row of the backup to `row` and the summary at the end.
template <class Row>
Result<Summary> read_rows(SealedReader& reader, const OrganisationId& organisation, Row row) {
  const auto damaged = [] { return fail(ErrorKind::corrupt, "the backup holds something that no backup holds"); };
  for (bool last = false;;) {
    CARELEDGER_TRY(const Bytes frame, reader.next(&last));
    if (last) {
      const auto summary = decode_summary(frame);
      if (!summary) return damaged();
      if (summary->organisation != organisation) return fail(ErrorKind::invalid, "the backup is of another organisation");
      return *summary;
    }
    for (ByteView in = frame; !in.empty();) {
      const auto column = take_u8(in);
      const auto key = take_short(in);
      const auto value = take_short(in);
      if (!column || !key || !value) return damaged();
      CARELEDGER_CHECK(row(storage::Column{*column}, *key, *value));
    }
  }
}

BackupReport report_of(const Summary& summary, std::uint64_t bytes) {
  BackupReport report;
  report.versions = summary.versions;
  report.anchors = summary.anchors;
  report.sequence = summary.visible.sequence;
  report.time = summary.time;
  report.bytes = bytes;
  return report;
}

// Index of one resource, from its versions oldest first, in the rows that they would have made when they were written.
Result<void> index_again(VaultParts& parts, const std::string& type, const std::string& id, std::vector<StoredVersion> versions,
                         storage::Batch& batch) {
  std::sort(versions.begin(), versions.end(), [](const StoredVersion& a, const StoredVersion& b) { return a.version < b.version; });
  std::vector<std::pair<Term, std::uint64_t>> open;
  for (const StoredVersion& stored : versions) {
    std::vector<Term> terms;
    if (!stored.row.deleted && !stored.row.erased) {
      CARELEDGER_TRY(const Version version, load(parts, type, id, stored, true));
      CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(version.body));
      CARELEDGER_TRY(Indexed indexed, index_resource(type, id, document.root()));
      terms = std::move(indexed.terms);
    }
    std::vector<std::pair<Term, std::uint64_t>> next;
    for (auto& [term, from] : open) {
      if (std::binary_search(terms.begin(), terms.end(), term)) {
        next.emplace_back(std::move(term), from);
      } else {
        batch.put(kIndexColumn, index_key(type, term.parameter, term.value, id, from), u64_bytes(stored.row.sequence));
      }
    }
    const std::size_t kept = next.size();
    for (Term& term : terms) {
      const bool known =
          std::any_of(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(kept), [&](const auto& one) { return one.first == term; });
      if (!known) next.emplace_back(std::move(term), stored.row.sequence);
    }
    open = std::move(next);
  }
  for (const auto& [term, from] : open) batch.put(kIndexColumn, index_key(type, term.parameter, term.value, id, from), {});
  return {};
}

// All resources; versions whose key has gone since the backup are marked as erased on the way.
Result<std::uint64_t> rebuild_index(VaultParts& parts) {
  std::uint64_t erased = 0;
  const auto rows = parts.store->iterate(kVersionsColumn, storage::Range::all());
  std::string type, id;
  std::vector<StoredVersion> versions;
  storage::Batch batch;
  const auto close = [&]() -> Result<void> {
    if (!versions.empty()) CARELEDGER_CHECK(index_again(parts, type, id, std::exchange(versions, {}), batch));
    if (batch.bytes() < kFrameBytes) return {};
    CARELEDGER_CHECK(parts.store->write(batch, storage::Durability::buffered));
    batch.clear();
    return {};
  };
  for (rows->seek_first(); rows->valid(); rows->next()) {
    const auto name = decode_version_key(rows->key());
    auto row = decode_version_row(rows->value());
    if (!name || !row) return corrupt_row("versions", rows->key());
    if (name->type != type || name->id != id) {
      CARELEDGER_CHECK(close());
      type = name->type;
      id = name->id;
    }
    if (!row->erased && parts.tree->erased(row->number)) {
      row->erased = true;
      batch.put(kVersionsColumn, rows->key(), encode(*row));
      batch.erase(kBodiesColumn, u64_bytes(row->number));
      CARELEDGER_TRY(const Digest commitment, commitment_of(parts, row->number));
      batch.put(kStateColumn, untold_key(row->number), commitment.view());  // the ledger that is restored with it may not know
    }
    erased += row->erased ? 1 : 0;
    versions.push_back({name->version, *row});
  }
  CARELEDGER_CHECK(rows->status());
  CARELEDGER_CHECK(close());
  CARELEDGER_CHECK(parts.store->write(batch, storage::Durability::synced));
  parts.newest.forget_all();
  return erased;
}

// Begins behind every number that was ever given out, in `visible` as well.
Result<void> leave_gap(const VaultParts& parts, const Summary& summary, Visible& visible) {
  const std::int64_t age_ms = std::max<std::int64_t>(0, parts.clock.now().value - summary.time.value);
  const std::uint64_t first = visible.next_number;
  visible.next_number =
      std::max(first, parts.tree->above_erased()) + kNumbersAtLeast + static_cast<std::uint64_t>(age_ms / 1000) * kNumbersASecond;
  if (visible.next_number >> (kKeyTreeHeight - 1) != 0)
    return fail(ErrorKind::too_large, "no numbers are left for new versions; look at the clock");
  storage::Batch batch;
  batch.put(kStateColumn, Bytes(kGapPrefix) + u64_bytes(first), u64_bytes(visible.next_number));
  batch.put(kStateColumn, kVisibleKey, vault::encode(visible));
  return parts.store->write(batch, storage::Durability::synced);
}

}  // namespace

Result<BackupReport> write_backup(Vault& vault, const std::string& file) {
  VaultParts& parts = vault.parts();
  CARELEDGER_TRY(const crypto::Secret key, parts.keys.symmetric(Purpose::backup));
  CARELEDGER_TRY(SealedWriter out, SealedWriter::create(file, kMagic, key, parts.entropy));
  const auto snapshot = parts.store->snapshot();
  CARELEDGER_TRY(const Visible visible, visible_of(*snapshot));  // of the snapshot: an anchor in it is of a commit in it
  Summary summary{parts.options.organisation, visible, parts.clock.now(), 0, 0};
  for (const storage::Column column : kCopied) CARELEDGER_CHECK(copy_column(*snapshot, column, summary.visible, out, summary));
  CARELEDGER_CHECK(out.finish(encode(summary)));
  return report_of(summary, out.bytes());
}

Result<BackupReport> verify_backup(const std::string& file, const OrganisationId& organisation, Keystore& keys,
                                   const std::string& vault_folder, Entropy& entropy) {
  CARELEDGER_TRY(const crypto::Secret key, keys.symmetric(Purpose::backup));
  CARELEDGER_TRY(const auto tree, KeyTree::open(vault_folder + "/keys", keys, entropy));
  CARELEDGER_TRY(SealedReader reader, SealedReader::open(file, kMagic, key));
  std::uint64_t erased = 0, damaged = 0;
  const auto row = [&](storage::Column column, ByteView row_key, ByteView value) -> Result<void> {
    if (column != kBodiesColumn) return {};
    const auto number = take_u64(row_key);
    if (!number) return corrupt_row("bodies", row_key);
    const auto secret = tree->secret(*number);
    if (!secret) {
      ++erased;
    } else if (!open_body(organisation, *number, value, *secret)) {
      ++damaged;
    }
    return {};
  };
  CARELEDGER_TRY(const Summary summary, read_rows(reader, organisation, row));
  BackupReport report = report_of(summary, reader.bytes());
  report.erased = erased;
  report.damaged = damaged;
  return report;
}

Result<BackupReport> restore_backup(const std::string& file, const VaultOptions& options, Keystore& keys, Clock& clock, Entropy& entropy) {
  const std::string store_folder = options.folder + "/store";
  if (system_files().exists(store_folder)) {
    return fail(ErrorKind::conflict,
                "there is a vault in " + options.folder + " already: move it away before restoring, so that nothing newer is lost");
  }
  CARELEDGER_TRY(const crypto::Secret key, keys.symmetric(Purpose::backup));
  CARELEDGER_TRY(SealedReader reader, SealedReader::open(file, kMagic, key));
  const auto fill = [&]() -> Result<BackupReport> {
    CARELEDGER_TRY(const auto vault, Vault::open(options, keys, clock, entropy));
    VaultParts& parts = vault->parts();
    storage::Batch batch;
    const auto row = [&](storage::Column column, ByteView row_key, ByteView value) -> Result<void> {
      if (std::find(std::begin(kCopied), std::end(kCopied), column) == std::end(kCopied)) return corrupt_row("backup", row_key);
      batch.put(column, row_key, value);
      if (batch.bytes() < kFrameBytes) return {};
      CARELEDGER_CHECK(parts.store->write(batch, storage::Durability::buffered));
      batch.clear();
      return {};
    };
    CARELEDGER_TRY(const Summary summary, read_rows(reader, options.organisation, row));
    CARELEDGER_CHECK(parts.store->write(batch, storage::Durability::buffered));
    BackupReport report = report_of(summary, reader.bytes());
    CARELEDGER_TRY(report.erased, rebuild_index(parts));
    Visible visible = summary.visible;
    CARELEDGER_CHECK(leave_gap(parts, summary, visible));
    return report;
  };
  auto report = fill();
  if (!report) {
    std::error_code ignored;
    std::filesystem::remove_all(store_folder, ignored);
  }
  return report;
}

Result<std::uint64_t> write_audit_backup(const AuditMap& audit, const std::string& file) {
  const AuditMap::State& state = audit.state();
  if (system_files().exists(file)) return fail(ErrorKind::conflict, file + " is there already: choose another name");
  FilePlace end;
  {
    const std::lock_guard lock(state.pending_mutex);
    end = state.pending_next;
  }
  static_cast<void>(system_files().remove(file + ".part"));
  CARELEDGER_TRY(const auto out, system_files().open(file + ".part", true));
  CARELEDGER_CHECK(state.file->copy_to(*out, 0, end.offset));
  CARELEDGER_CHECK(out->sync());
  std::error_code error;
  std::filesystem::rename(file + ".part", file, error);
  if (error) return fail(ErrorKind::storage, file + ": " + error.message());
  return end.index;
}

Result<std::uint64_t> verify_audit_backup(const std::string& file, Keystore& keys) {
  CARELEDGER_TRY(const crypto::Secret key, keys.symmetric(Purpose::audit));
  return AuditFile::verify(file, system_files(), key);
}

}  // namespace careledger::vault
