#include <algorithm>

#include "codec/json/json.h"
#include "vault/parts.h"
#include "vault/record_rules.h"

namespace careledger::vault {
namespace {

struct Life {  // one version between its commit and that of its successor
  StoredVersion stored;
  std::uint64_t until;  // UINT64_MAX for the newest
};

Result<std::vector<Life>> lives(const VaultParts& parts, std::string_view type, std::string_view id) {
  const auto rows = parts.store->iterate(kVersionsColumn, storage::Range::prefix(resource_prefix(type, id)));
  std::vector<Life> all;
  std::uint64_t until = UINT64_MAX;
  for (rows->seek_first(); rows->valid(); rows->next()) {
    const auto name = decode_version_key(rows->key());
    const auto row = decode_version_row(rows->value());
    if (!name || !row) return corrupt_row("versions", rows->key());
    all.push_back({{name->version, *row}, until});
    until = row->sequence;
  }
  CARELEDGER_CHECK(rows->status());
  return all;
}

// Index rows that only the version in question stands behind.
Result<void> forget_terms(const VaultParts& parts, std::string_view type, std::string_view id, const std::vector<Term>& terms,
                          const std::vector<Life>& all, std::uint32_t version, storage::Batch& batch) {
  for (const Term& term : terms) {
    const Bytes prefix = term_prefix(type, term.parameter, term.value).append(id).append(1, '\0');
    const auto rows = parts.store->iterate(kIndexColumn, storage::Range::prefix(prefix));
    for (rows->seek_first(); rows->valid(); rows->next()) {
      ByteView from_bytes = rows->key().substr(prefix.size());
      ByteView until_bytes = rows->value();
      const auto from = take_u64(from_bytes);
      if (!from) return corrupt_row("index", rows->key());
      const std::uint64_t until = take_u64(until_bytes).value_or(UINT64_MAX);
      const bool shared = std::any_of(all.begin(), all.end(), [&](const Life& life) {
        return life.stored.version != version && !life.stored.row.erased && !life.stored.row.deleted && life.stored.row.sequence < until &&
               life.until > *from;
      });
      if (!shared) batch.erase(kIndexColumn, rows->key());
    }
    CARELEDGER_CHECK(rows->status());
  }
  return {};
}

constexpr ByteView kErasingPrefix = "erasing";

Bytes erasing_key(std::uint64_t number) { return Bytes(kErasingPrefix) + u64_bytes(number); }

}  // namespace

Result<bool> Vault::legal_hold(std::string_view type, std::string_view id) const {
  CARELEDGER_CHECK(check_name(type, id));
  CARELEDGER_TRY(const auto row, parts_->store->get(kStateColumn, hold_key(type, id)));
  return row.has_value();
}

Result<void> Vault::set_legal_hold(std::string_view type, std::string_view id, bool held) {
  CARELEDGER_CHECK(check_name(type, id));
  storage::Batch batch;
  if (held) {
    batch.put(kStateColumn, hold_key(type, id), u64_bytes(static_cast<std::uint64_t>(parts_->clock.now().value)));
  } else {
    batch.erase(kStateColumn, hold_key(type, id));
  }
  return parts_->store->write(batch, storage::Durability::synced);
}

// Three steps, each safe to repeat: an intent with the rows that will go, the key, the rows. A crash after the first goes on at the next
// start.
Result<void> Vault::erase(std::string_view type, std::string_view id, std::uint32_t version) {
  CARELEDGER_TRY(const bool held, legal_hold(type, id));
  if (held) return fail(ErrorKind::forbidden, "the resource is under a legal hold: lift it first, with the right to do so");
  const std::lock_guard turn(parts_->writer);
  CARELEDGER_TRY(const auto all, lives(*parts_, type, id));
  const auto life = std::find_if(all.begin(), all.end(), [&](const Life& one) { return one.stored.version == version; });
  if (life == all.end()) return fail(ErrorKind::not_found, "no such version");
  if (life->stored.row.erased) return {};
  const StoredVersion& stored = life->stored;
  storage::Batch after;
  VersionRow row = stored.row;
  row.erased = true;
  if (!stored.row.deleted) {
    CARELEDGER_TRY(const Version whole, load(*parts_, type, id, stored, true));
    CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(whole.body));
    CARELEDGER_TRY(const Indexed indexed, index_resource(type, id, document.root()));
    CARELEDGER_CHECK(forget_terms(*parts_, type, id, indexed.terms, all, version, after));
    CARELEDGER_TRY(const VersionSecret secret, parts_->tree->secret(row.number));
    row.remnant = record_root(document.root(), secret.salt_seed());
  }
  after.put(kVersionsColumn, version_key(type, id, version), encode(row));
  after.erase(kBodiesColumn, u64_bytes(row.number));

  storage::Batch intent;
  Bytes rows;
  after.for_each([&](const storage::Batch::Entry& entry) {
    rows.push_back(static_cast<char>(entry.column.index));
    rows.push_back(entry.erased ? '\0' : '\1');
    append_field(rows, entry.key);
    append_field(rows, entry.value);
  });
  intent.put(kStateColumn, erasing_key(row.number), rows);
  CARELEDGER_TRY(const Digest commitment, commitment_of(*parts_, row.number));
  intent.put(kStateColumn, untold_key(row.number), commitment.view());
  CARELEDGER_CHECK(parts_->store->write(intent, storage::Durability::synced));
  return finish_erasures();
}

Result<std::vector<Vault::UntoldErasure>> Vault::untold_erasures() const {
  const auto rows = parts_->store->iterate(kStateColumn, storage::Range::prefix(kUntoldPrefix));
  std::vector<UntoldErasure> untold;
  for (rows->seek_first(); rows->valid(); rows->next()) {
    ByteView key = rows->key().substr(kUntoldPrefix.size());
    const auto number = take_u64(key);
    const auto commitment = Digest::from(rows->value());
    if (!number || !commitment) return corrupt_row("state", rows->key());
    untold.push_back({*number, *commitment});
  }
  CARELEDGER_CHECK(rows->status());
  return untold;
}

// Not synced: after a crash the ledger is asked once more, and knows it.
Result<void> Vault::erasure_told(std::uint64_t number) {
  storage::Batch batch;
  batch.erase(kStateColumn, untold_key(number));
  return parts_->store->write(batch, storage::Durability::buffered);
}

Result<void> Vault::finish_erasures() {
  const auto intents = parts_->store->iterate(kStateColumn, storage::Range::prefix(kErasingPrefix));
  for (intents->seek_first(); intents->valid(); intents->next()) {
    ByteView key = intents->key().substr(kErasingPrefix.size());
    const auto number = take_u64(key);
    if (!number) return corrupt_row("state", intents->key());
    CARELEDGER_CHECK(parts_->tree->erase(*number));  // from here on it is done, whatever happens to the rows
    storage::Batch batch;
    for (ByteView rows = intents->value(); !rows.empty();) {
      const std::uint16_t column = static_cast<unsigned char>(rows[0]);
      const bool put = rows.size() > 1 && rows[1] == '\1';
      rows.remove_prefix(std::min<std::size_t>(2, rows.size()));
      const auto row_key = take_field(rows);
      const auto value = take_field(rows);
      if (!row_key || !value) return corrupt_row("state", intents->key());
      if (put) {
        batch.put({column}, *row_key, *value);
      } else {
        batch.erase({column}, *row_key);
      }
    }
    batch.erase(kStateColumn, intents->key());
    CARELEDGER_CHECK(parts_->store->write(batch, storage::Durability::synced));
    parts_->newest.forget_all();
  }
  return intents->status();
}

}  // namespace careledger::vault
