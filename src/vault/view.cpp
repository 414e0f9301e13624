#include <algorithm>

#include "vault/outbox.h"
#include "vault/parts.h"

namespace careledger::vault {
namespace {

VersionMeta meta_of(std::string_view type, std::string_view id, const StoredVersion& stored) {
  VersionMeta meta;
  meta.type = type;
  meta.id = id;
  meta.version = stored.version;
  meta.number = stored.row.number;
  meta.sequence = stored.row.sequence;
  meta.updated = stored.row.updated;
  meta.deleted = stored.row.deleted;
  meta.erased = stored.row.erased;
  return meta;
}

tl::unexpected<Error> absent() { return fail(ErrorKind::not_found, "no such resource"); }
tl::unexpected<Error> deleted() { return fail(ErrorKind::gone, "the resource was deleted"); }
tl::unexpected<Error> erased() { return fail(ErrorKind::gone, "this version was erased"); }

std::optional<StoredVersion> stored_version(const storage::Iterator& rows) {
  const auto name = decode_version_key(rows.key());
  const auto row = decode_version_row(rows.value());
  if (!name || !row) return std::nullopt;
  return StoredVersion{name->version, *row};
}

}  // namespace

Result<std::optional<StoredVersion>> newest(const VaultParts& parts, std::string_view type, std::string_view id, std::uint64_t sequence) {
  const Bytes prefix = resource_prefix(type, id);
  if (const auto known = parts.newest.find(prefix); known && known->row.sequence <= sequence) return known;
  const NewestVersions::Moment moment = parts.newest.moment();
  const auto rows = parts.store->iterate(kVersionsColumn, storage::Range::prefix(prefix));
  bool first = true;
  for (rows->seek_first(); rows->valid(); rows->next(), first = false) {
    const auto stored = stored_version(*rows);
    if (!stored) return corrupt_row("versions", rows->key());
    if (stored->row.sequence > sequence) continue;
    if (first) parts.newest.keep(prefix, *stored, moment);
    return stored;
  }
  CARELEDGER_CHECK(rows->status());
  return std::nullopt;
}

namespace {

constexpr int kContextsMax = 4;  // one behind the other: a Binary may name a Binary, or itself

Result<std::vector<std::string>> patients_behind(const VaultParts& parts, std::vector<std::string> stored, int contexts);

Result<Version> load_version(const VaultParts& parts, std::string_view type, std::string_view id, const StoredVersion& stored,
                             bool with_body, int contexts) {
  Version version{meta_of(type, id, stored), {}};
  if (stored.row.erased) return version;
  const Bytes key = u64_bytes(stored.row.number);
  CARELEDGER_TRY(const std::optional<Bytes> row, parts.store->get(kBodiesColumn, key));
  if (!row) return corrupt_row("bodies", key);
  CARELEDGER_TRY(const BodyName name, body_name(stored.row.number, *row));
  if (name.type != type || name.id != id || name.version != stored.version) return corrupt_row("bodies", key);
  CARELEDGER_TRY(const VersionSecret secret, parts.tree->secret(stored.row.number));
  CARELEDGER_TRY(BodyContent content, open_body(parts.options.organisation, stored.row.number, *row, secret));
  CARELEDGER_TRY(version.meta.patients, patients_behind(parts, std::move(content.patients), contexts));
  if (with_body) version.body = std::move(content.body);
  return version;
}

Result<std::vector<std::string>> patients_behind(const VaultParts& parts, std::vector<std::string> stored, int contexts) {
  const auto named =
      std::partition(stored.begin(), stored.end(), [](const std::string& one) { return one.find('/') == std::string::npos; });
  if (named == stored.end()) return stored;
  std::vector<std::string> patients(stored.begin(), named);
  for (auto context = named; context != stored.end() && contexts > 0; ++context) {
    const std::size_t slash = context->find('/');
    const std::string type = context->substr(0, slash);
    const std::string id = context->substr(slash + 1);
    CARELEDGER_TRY(const auto newest_one, newest(parts, type, id, parts.seen().sequence));
    if (!newest_one) continue;
    CARELEDGER_TRY(const Version version, load_version(parts, type, id, *newest_one, false, contexts - 1));
    patients.insert(patients.end(), version.meta.patients.begin(), version.meta.patients.end());
  }
  std::sort(patients.begin(), patients.end());
  patients.erase(std::unique(patients.begin(), patients.end()), patients.end());
  return patients;
}

}  // namespace

Result<Version> load(const VaultParts& parts, std::string_view type, std::string_view id, const StoredVersion& stored, bool with_body) {
  return load_version(parts, type, id, stored, with_body, kContextsMax);
}

Result<std::vector<std::string>> patients_of(const VaultParts& parts, std::vector<std::string> stored) {
  return patients_behind(parts, std::move(stored), kContextsMax);
}

Result<Version> View::read(std::string_view type, std::string_view id) const {
  CARELEDGER_CHECK(check_name(type, id));
  CARELEDGER_TRY(const auto stored, newest(*parts_, type, id, sequence_));
  if (!stored) return absent();
  if (stored->row.deleted) return deleted();
  if (stored->row.erased) return erased();
  return load(*parts_, type, id, *stored, true);
}

Result<VersionMeta> View::read_meta(std::string_view type, std::string_view id) const {
  CARELEDGER_CHECK(check_name(type, id));
  CARELEDGER_TRY(const auto stored, newest(*parts_, type, id, sequence_));
  if (!stored) return absent();
  CARELEDGER_TRY(Version version, load(*parts_, type, id, *stored, false));
  return std::move(version.meta);
}

Result<Version> View::read_version(std::string_view type, std::string_view id, std::uint32_t number) const {
  CARELEDGER_CHECK(check_name(type, id));
  CARELEDGER_TRY(const auto bytes, parts_->store->get(kVersionsColumn, version_key(type, id, number)));
  if (!bytes) return absent();
  const auto row = decode_version_row(*bytes);
  if (!row) return corrupt_row("versions", version_key(type, id, number));
  if (row->sequence > sequence_) return absent();
  if (row->deleted) return deleted();
  if (row->erased) return erased();
  return load(*parts_, type, id, {number, *row}, true);
}

Result<bool> View::has_version(std::string_view type, std::string_view id, std::uint32_t number) const {
  CARELEDGER_CHECK(check_name(type, id));
  CARELEDGER_TRY(const auto bytes, parts_->store->get(kVersionsColumn, version_key(type, id, number)));
  const auto row = bytes ? decode_version_row(*bytes) : std::nullopt;
  if (bytes && !row) return corrupt_row("versions", version_key(type, id, number));
  return row && row->sequence <= sequence_;
}

bool View::has_patient(std::string_view id) const {
  const auto first = has_version("Patient", id, 1);
  return first ? *first : first.error().kind != ErrorKind::invalid;  // invalid: no name that anything can have
}

Result<std::vector<Version>> View::history(std::string_view type, std::string_view id, std::uint32_t before, std::uint32_t limit,
                                           std::size_t bytes) const {
  CARELEDGER_CHECK(check_name(type, id));
  const auto rows = parts_->store->iterate(kVersionsColumn, storage::Range::prefix(resource_prefix(type, id)));
  std::vector<Version> versions;
  bool any = false;
  std::size_t read = 0;
  for (rows->seek_first(); rows->valid() && versions.size() < limit && read < bytes; rows->next()) {
    const auto stored = stored_version(*rows);
    if (!stored) return corrupt_row("versions", rows->key());
    if (stored->row.sequence > sequence_) continue;
    any = true;
    if (before != 0 && stored->version >= before) continue;
    CARELEDGER_TRY(Version version, load(*parts_, type, id, *stored, !stored->row.deleted));
    read += version.body.size();
    versions.push_back(std::move(version));
  }
  CARELEDGER_CHECK(rows->status());
  if (!any) return absent();
  return versions;
}

Result<std::vector<std::optional<Version>>> View::read_many(std::string_view type, std::span<const std::string> ids,
                                                            std::size_t bytes) const {
  std::vector<std::optional<Version>> versions;
  versions.reserve(ids.size());
  std::size_t so_far = 0;
  for (const std::string& id : ids) {
    if (so_far >= bytes) break;
    auto version = read(type, id);
    if (version) {
      so_far += version->body.size();
      versions.emplace_back(std::move(*version));
    } else if (version.error().kind == ErrorKind::not_found || version.error().kind == ErrorKind::gone) {
      versions.emplace_back();
    } else {
      return tl::make_unexpected(std::move(version.error()));
    }
  }
  return versions;
}

Result<IdPage> View::search(const Query& query, std::string_view after, std::uint32_t limit) const {
  return search_index(*parts_, sequence_, query, after, limit);
}

Result<std::uint64_t> View::count(const Query& query, std::uint64_t limit) const { return count_index(*parts_, sequence_, query, limit); }

Result<std::vector<Version>> View::changes(std::uint64_t after, std::uint32_t limit) const {
  const auto rows = parts_->store->iterate(kBodiesColumn, {u64_bytes(after + 1), {}});
  std::vector<Version> versions;
  for (rows->seek_first(); rows->valid() && versions.size() < limit; rows->next()) {
    ByteView key = rows->key();
    const auto number = take_u64(key);
    if (!number || !key.empty()) return corrupt_row("bodies", rows->key());
    CARELEDGER_TRY(const BodyName name, body_name(*number, rows->value()));
    CARELEDGER_TRY(const auto bytes, parts_->store->get(kVersionsColumn, version_key(name.type, name.id, name.version)));
    if (!bytes) continue;  // staged by a transaction that is being taken back
    const auto row = decode_version_row(*bytes);
    if (!row || row->number != *number) return corrupt_row("versions", version_key(name.type, name.id, name.version));
    if (row->sequence > sequence_) break;
    CARELEDGER_TRY(Version version, load(*parts_, name.type, name.id, {name.version, *row}, true));
    versions.push_back(std::move(version));
  }
  CARELEDGER_CHECK(rows->status());
  return versions;
}

}  // namespace careledger::vault
