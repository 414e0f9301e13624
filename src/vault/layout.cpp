#include "vault/layout.h"

#include <algorithm>

#include "crypto/hash.h"
#include "vault/audit_entry.h"
#include "vault/encoding.h"

namespace careledger::vault {

storage::StoreOptions store_options(const std::string& folder) {
  storage::StoreOptions options;
  options.folder = folder;
  options.columns = {{"state", true, true},  {"versions", true, true}, {"bodies", true, false},  {"index", false, true},
                     {"outbox", true, true}, {"anchors", true, false}, {"journal", false, true}, {"private", true, false}};
  options.format = "vault";
  options.format_version = kVaultFormat;
  return options;
}

Bytes encode(const VersionRow& row) {
  Bytes out;
  append_varint(out, row.number);
  append_varint(out, row.sequence);
  append_varint(out, static_cast<std::uint64_t>(row.updated.value));
  out.push_back(static_cast<char>((row.deleted ? 1 : 0) | (row.erased ? 2 : 0) | (row.remnant ? 4 : 0)));
  if (row.remnant) out += row.remnant->view();
  return out;
}

std::optional<VersionRow> decode_version_row(ByteView in) {
  const auto number = take_varint(in);
  const auto sequence = take_varint(in);
  const auto updated = take_varint(in);
  const auto flags = take_u8(in);
  if (!number || !sequence || !updated || !flags || *flags > 7) return std::nullopt;
  VersionRow row{*number, *sequence, {static_cast<std::int64_t>(*updated)}, (*flags & 1) != 0, (*flags & 2) != 0, {}};
  if ((*flags & 4) != 0) {
    row.remnant = Digest::from(in);
    if (!row.remnant || !row.erased) return std::nullopt;
  } else if (!in.empty()) {
    return std::nullopt;
  }
  return row;
}

Bytes type_prefix(std::string_view type) {
  Bytes key(type);
  key.push_back('\0');
  return key;
}

Bytes resource_prefix(std::string_view type, std::string_view id) {
  Bytes key;
  key.reserve(type.size() + id.size() + 6);
  key.append(type).push_back('\0');
  key.append(id).push_back('\0');
  return key;
}

Bytes version_key(std::string_view type, std::string_view id, std::uint32_t version) {
  Bytes key = resource_prefix(type, id);
  append_u32(key, ~version);  // newest first
  return key;
}

std::optional<VersionName> decode_version_key(ByteView key) {
  const std::size_t type_end = key.find('\0');
  if (type_end == ByteView::npos) return std::nullopt;
  const std::size_t id_end = key.find('\0', type_end + 1);
  if (id_end == ByteView::npos || key.size() != id_end + 5) return std::nullopt;
  ByteView version = key.substr(id_end + 1);
  return VersionName{key.substr(0, type_end), key.substr(type_end + 1, id_end - type_end - 1), ~*take_u32(version)};
}

Bytes parameter_prefix(std::string_view type, std::string_view parameter) {
  Bytes key;
  key.reserve(type.size() + parameter.size() + 2);
  key.append(type).push_back('\0');
  key.append(parameter).push_back('\0');
  return key;
}

// A zero byte becomes 00 ff and a term ends with 00 01, so that a term sorts before whatever it is a prefix of.
Bytes escape_term(ByteView term) {
  if (term.find('\0') == ByteView::npos) return Bytes(term);
  Bytes out;
  for (const char c : term) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
  return out;
}

Bytes unescape_term(ByteView escaped) {
  Bytes out;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    out.push_back(escaped[i]);
    if (escaped[i] == '\0') ++i;
  }
  return out;
}

Bytes term_prefix(std::string_view type, std::string_view parameter, ByteView term) {
  Bytes key = parameter_prefix(type, parameter);
  key += escape_term(term);
  key.append("\0\1", 2);
  return key;
}

Bytes index_key(std::string_view type, std::string_view parameter, ByteView term, std::string_view id, std::uint64_t from) {
  Bytes key = term_prefix(type, parameter, term);
  key.append(id).push_back('\0');
  append_u64(key, from);
  return key;
}

std::optional<IndexName> decode_index_key(ByteView key, std::size_t parameter_prefix_size) {
  if (key.size() < parameter_prefix_size + 2 + 1 + 1 + 8) return std::nullopt;
  ByteView from = key.substr(key.size() - 8);
  const ByteView before = key.substr(0, key.size() - 9);  // without the zero after the id
  const std::size_t mark = before.rfind('\1');            // an id has no such byte
  if (mark == ByteView::npos || mark < parameter_prefix_size + 1 || before[mark - 1] != '\0') return std::nullopt;
  return IndexName{key.substr(parameter_prefix_size, mark - 1 - parameter_prefix_size), before.substr(mark + 1), *take_u64(from)};
}

Bytes encode(const Visible& visible) {
  Bytes out = u64_bytes(visible.sequence);
  append_u64(out, visible.next_number);
  append_u64(out, static_cast<std::uint64_t>(visible.time.value));
  return out;
}

std::optional<Visible> decode_visible(ByteView in) {
  const auto sequence = take_u64(in);
  const auto next_number = take_u64(in);
  const auto time = take_u64(in);
  if (!sequence || !next_number || !time || !in.empty()) return std::nullopt;
  return Visible{*sequence, *next_number, {static_cast<std::int64_t>(*time)}};
}

Bytes hold_key(std::string_view type, std::string_view id) { return Bytes(kHoldPrefix).append(1, '\0').append(resource_prefix(type, id)); }

Bytes untold_key(std::uint64_t number) { return Bytes(kUntoldPrefix).append(u64_bytes(number)); }

Result<Gaps> Gaps::of(const storage::Reader& reader) {
  Gaps out;
  const auto rows = reader.iterate(kStateColumn, storage::Range::prefix(kGapPrefix));
  for (rows->seek_first(); rows->valid(); rows->next()) {
    ByteView key = rows->key().substr(kGapPrefix.size());
    ByteView value = rows->value();
    const auto first = take_u64(key);
    const auto behind = take_u64(value);
    if (!first || !behind || *behind <= *first || !key.empty() || !value.empty()) return corrupt_row("state", rows->key());
    out.gaps_.emplace(*first, *behind);
  }
  CARELEDGER_CHECK(rows->status());
  return out;
}

std::uint64_t Gaps::skip(std::uint64_t number) const {
  for (const auto& [first, behind] : gaps_)
    if (first <= number && number < behind) number = behind;
  return number;
}

std::uint64_t Gaps::next(std::uint64_t number) const {
  const auto at = gaps_.upper_bound(number);
  return at == gaps_.end() ? UINT64_MAX : at->first;
}

std::uint64_t Gaps::count_below(std::uint64_t number) const {
  std::uint64_t count = 0;
  for (const auto& [first, behind] : gaps_)
    if (first < number) count += std::min(behind, number) - first;
  return count;
}

Bytes once_key(const Digest& name) { return Bytes(kOncePrefix).append(name.view()); }

Bytes owed_key(std::uint64_t sequence) { return Bytes(kOwedPrefix) + u64_bytes(sequence); }

Bytes encode(const OwedRow& row) {
  Bytes out;
  append_varint(out, row.floor);
  append_short(out, entry_bytes(row.entry));
  append_short(out, row.entry.details);
  for (const Subject& subject : row.subjects) out += subject.view();
  return out;
}

std::optional<OwedRow> decode_owed_row(ByteView in) {
  const auto floor = take_varint(in);
  const auto entry_part = take_short(in);
  const auto details = take_short(in);
  auto entry = entry_part ? read_entry_bytes(*entry_part) : std::nullopt;
  if (!floor || !entry || !details || in.empty() || in.size() % Subject::size != 0) return std::nullopt;
  entry->details = *details;
  OwedRow row{*floor, std::move(*entry), {}};
  for (; !in.empty(); in.remove_prefix(Subject::size)) row.subjects.push_back(*Subject::from(in.substr(0, Subject::size)));
  return row;
}

Bytes encode(const OutboxRow& row) { return row.commitment.bytes() + (row.supersedes ? row.supersedes->bytes() : Bytes()); }

std::optional<OutboxRow> decode_outbox_row(ByteView in) {
  if (in.size() != 32 && in.size() != 64) return std::nullopt;
  OutboxRow row{*Digest::from(in.substr(0, 32)), {}};
  if (in.size() == 64) row.supersedes = Digest::from(in.substr(32));
  return row;
}

Bytes encode(const AnchorRow& row) {
  Bytes out(1, static_cast<char>(row.state));
  append_varint(out, row.height.value);
  append_varint(out, row.position);
  append_short(out, row.padding_seed);
  append_short(out, row.signed_command);
  for (const Digest& commitment : row.commitments) out += commitment.view();
  return out;
}

std::optional<AnchorRow> decode_anchor_row(ByteView in) {
  const auto state = take_u8(in);
  const auto height = take_varint(in);
  const auto position = take_varint(in);
  const auto seed = take_short(in);
  const auto command = take_short(in);
  if (!state || *state > static_cast<std::uint8_t>(Anchoring::refused) || !height || !position || !seed || !command) return std::nullopt;
  if (*position > UINT32_MAX) return std::nullopt;
  if (in.empty() || in.size() % 32 != 0) return std::nullopt;
  AnchorRow row{static_cast<Anchoring>(*state), {*height}, static_cast<std::uint32_t>(*position), Bytes(*seed), Bytes(*command), {}};
  row.commitments.reserve(in.size() / 32);
  for (; !in.empty(); in.remove_prefix(32)) row.commitments.push_back(*Digest::from(in.substr(0, 32)));
  return row;
}

Result<void> check_name(std::string_view type, std::string_view id) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (type.empty() || type.size() > 64 || !std::all_of(type.begin(), type.end(), letter)) {
    return fail(ErrorKind::invalid, "a resource type is 1 to 64 letters");
  }
  const auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  if (id.empty() || id.size() > 64 || !std::all_of(id.begin(), id.end(), fits)) {
    return fail(ErrorKind::invalid, "a resource id is 1 to 64 letters, digits, '-' or '.'");
  }
  return {};
}

tl::unexpected<Error> corrupt_row(const char* column, ByteView key) {
  const std::string name = crypto::sha256(key).hex().substr(0, 16);  // a key may hold a search value: a name, an identifier, a code
  return fail(ErrorKind::corrupt,
              "a row of column " + std::string(column) + " in the vault is damaged (its key's hash begins with " + name + ")");
}

}  // namespace careledger::vault
