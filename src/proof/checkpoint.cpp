#include "proof/checkpoint.h"

#include <algorithm>
#include <charconv>

#include "codec/json/json.h"
#include "crypto/hash.h"

namespace careledger::proof {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";  // em dash and a space

tl::unexpected<Error> no_note(const char* what) { return fail(ErrorKind::malformed, std::string("note: ") + what); }

bool has_space(std::string_view text) {
  static constexpr std::string_view kSpaces[] = {" ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085", "\u00a0", "\u1680",
                                                 "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
                                                 "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  return std::any_of(std::begin(kSpaces), std::end(kSpaces),
                     [text](std::string_view space) { return text.find(space) != std::string_view::npos; });
}

// UTF-8 whose only control character is the newline.
bool is_note_text(ByteView bytes) {
  const bool controls = std::any_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<std::uint8_t>(c) < 0x20 && c != '\n'; });
  return !controls && codec::json::is_utf8(bytes);
}

Bytes cosigned_message(std::string_view text, std::uint64_t time_s) {
  return "cosignature/v1\ntime " + std::to_string(time_s) + "\n" + std::string(text);
}

// Takes a line off the front, without its newline.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

Result<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(kDash)) return no_note("a signature line does not begin with a dash");
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return no_note("a signature line has no signature");
  const auto bytes = from_base64(line.substr(space + 1));
  if (!is_note_name(line.substr(0, space)) || !bytes || bytes->size() < 5) return no_note("a signature line is not name and base64");
  ByteView body = *bytes;
  const std::uint32_t id = *take_u32(body);
  return NoteSignature{std::string(line.substr(0, space)), id, Bytes(body)};
}

// The time of a cosignature, 0 for a plain one.
Result<std::uint64_t> verify_signature(const Note& note, const NoteSignature& signature, const NoteKey& key) {
  ByteView body = signature.body;
  std::uint64_t time_s = 0;
  Bytes message = note.text;
  if (key.kind == NoteKind::cosignature) {
    const auto time = take_u64(body);
    if (!time) return no_note("a cosignature is too short");
    time_s = *time;
    message = cosigned_message(note.text, time_s);
  }
  const auto bytes = crypto::Signature::from(body);
  if (!bytes || !crypto::verify(key.key, message, *bytes)) return fail(ErrorKind::invalid, "note: a signature does not hold");
  return time_s;
}

}  // namespace

bool is_note_name(std::string_view name) {
  return !name.empty() && is_note_text(name) && !has_space(name) && name.find('+') == std::string_view::npos;
}

std::uint32_t NoteKey::id() const {
  const char head[2] = {'\n', static_cast<char>(kind)};
  const Digest digest = crypto::sha256({name, ByteView(head, 2), key.view()});
  ByteView bytes = digest.view();
  return *take_u32(bytes);
}

std::string to_text(const NoteKey& key) {
  return key.name + "+" + to_hex(u32_bytes(key.id())) + "+" + to_base64(Bytes(1, static_cast<char>(key.kind)) + key.key.bytes());
}

Result<NoteKey> parse_note_key(std::string_view text) {
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return no_note("a key is not NAME+HASH+KEY");
  const auto bytes = from_base64(text.substr(second + 1));
  if (!bytes || bytes->size() != 33) return no_note("a key has the wrong size");
  const auto kind = static_cast<std::uint8_t>((*bytes)[0]);
  if (kind != 1 && kind != 4) return fail(ErrorKind::unsupported, "note: a key of an unknown kind");
  NoteKey key{std::string(text.substr(0, first)), static_cast<NoteKind>(kind), *crypto::PublicKey::from(ByteView(*bytes).substr(1))};
  if (!is_note_name(key.name) || to_text(key) != text) return no_note("a key and its hash do not fit");
  return key;
}

Result<Note> parse_note(ByteView bytes) {
  if (bytes.size() > kMaxNote) return fail(ErrorKind::too_large, "note: too large");
  if (!is_note_text(bytes)) return no_note("not plain text");
  const std::size_t split = bytes.rfind("\n\n");
  if (split == ByteView::npos) return no_note("no empty line before the signatures");
  Note note{std::string(bytes.substr(0, split + 1)), {}};
  std::string_view rest = bytes.substr(split + 2);
  if (rest.empty() || rest.back() != '\n') return no_note("does not end in a signature line");
  while (const auto line = take_line(rest)) {
    if (note.signatures.size() == kMaxNoteSignatures) return fail(ErrorKind::too_large, "note: too many signatures");
    CARELEDGER_TRY(NoteSignature signature, parse_signature(*line));
    note.signatures.push_back(std::move(signature));
  }
  return note;
}

Bytes encode(const Note& note) {
  Bytes out = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) {
    out += std::string(kDash) + signature.name + " " + to_base64(u32_bytes(signature.id) + signature.body) + "\n";
  }
  return out;
}

NoteSignature sign_note(std::string_view text, const std::string& name, const crypto::SigningKey& key) {
  const NoteKey note_key{name, NoteKind::ed25519, key.public_key()};
  return {name, note_key.id(), Bytes(key.sign(text).view())};
}

NoteSignature cosign(std::string_view text, const std::string& name, const crypto::SigningKey& key, std::uint64_t time_s) {
  const NoteKey note_key{name, NoteKind::cosignature, key.public_key()};
  Bytes body;
  append_u64(body, time_s);
  return {name, note_key.id(), body + Bytes(key.sign(cosigned_message(text, time_s)).view())};
}

Result<NoteVerdict> verify_note(const Note& note, std::span<const NoteKey> known) {
  NoteVerdict verdict;
  for (const NoteSignature& signature : note.signatures) {
    const auto key = std::find_if(known.begin(), known.end(), [&signature](const NoteKey& candidate) {
      return candidate.name == signature.name && candidate.id() == signature.id;
    });
    if (key == known.end()) {
      ++verdict.unknown;
      continue;
    }
    const auto index = static_cast<std::size_t>(key - known.begin());
    CARELEDGER_TRY(const std::uint64_t time_s, verify_signature(note, signature, *key));
    const bool seen = std::any_of(verdict.signers.begin(), verdict.signers.end(), [index](const auto& s) { return s.known == index; });
    if (!seen) verdict.signers.push_back({index, time_s});
  }
  return verdict;
}

std::string checkpoint_origin(std::string_view chain_id) { return "careledger/" + std::string(chain_id); }

std::string to_text(const Checkpoint& checkpoint) {
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" + to_base64(checkpoint.root.view()) + "\n";
}

Result<Checkpoint> parse_checkpoint(std::string_view text, bool allow_extensions) {
  std::string_view rest = text;
  const auto origin = take_line(rest);
  const auto size = take_line(rest);
  const auto root = take_line(rest);
  if (!origin || !size || !root || origin->empty()) return no_note("a checkpoint has three lines");
  Checkpoint checkpoint{std::string(*origin), 0, {}};
  const auto [end, error] = std::from_chars(size->data(), size->data() + size->size(), checkpoint.size);
  const auto digest = Digest::from(from_base64(*root).value_or(""));
  if (error != std::errc() || end != size->data() + size->size() || !digest) return no_note("a checkpoint's size or root is not one");
  checkpoint.root = *digest;
  const std::string again = to_text(checkpoint);
  if (allow_extensions ? !text.starts_with(again) : text != again) return no_note("a checkpoint is not in its one form");
  while (const auto line = take_line(rest)) {
    if (line->empty()) return no_note("an extension line is empty");
  }
  return checkpoint;
}

}  // namespace careledger::proof
