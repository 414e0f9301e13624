// Signed notes, checkpoints and witness cosignatures as C2SP has them (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature v1), so
// that any such tool reads and cosigns the ledger's log.
//
// A note: text that ends in a newline, an empty line, then one line a signature, "— NAME BASE64". A checkpoint's text: origin, size,
// base64 of the root, one line each. A witness signs "cosignature/v1\ntime T\n" and the note's text.
//
// Thread-safety: values; free functions are pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "crypto/sign.h"

namespace careledger::proof {

inline constexpr std::size_t kMaxNote = 64 * 1024;  // bytes
inline constexpr std::size_t kMaxNoteSignatures = 100;

enum class NoteKind : std::uint8_t { ed25519 = 1, cosignature = 4 };  // the algorithm byte before a key

// A key with the name under which it signs. Text form: NAME+8 hex digits+base64(kind ‖ key).
struct NoteKey {
  std::string name;
  NoteKind kind = NoteKind::ed25519;
  crypto::PublicKey key;
  std::uint32_t id() const;  // first 4 bytes of SHA-256(name ‖ \n ‖ kind ‖ key)
  friend bool operator==(const NoteKey&, const NoteKey&) = default;
};
std::string to_text(const NoteKey& key);
Result<NoteKey> parse_note_key(std::string_view text);
bool is_note_name(std::string_view name);  // not empty, UTF-8, without white space and '+'

struct NoteSignature {
  std::string name;
  std::uint32_t id = 0;
  Bytes body;  // 64 bytes; of a cosignature u64 seconds ‖ 64 bytes
};

struct Note {
  std::string text;  // with its last newline
  std::vector<NoteSignature> signatures;
};
// Strict: malformed unless the bytes are exactly what encode() gives.
Result<Note> parse_note(ByteView bytes);
Bytes encode(const Note& note);

NoteSignature sign_note(std::string_view text, const std::string& name, const crypto::SigningKey& key);
NoteSignature cosign(std::string_view text, const std::string& name, const crypto::SigningKey& key, std::uint64_t time_s);

struct NoteSigner {
  std::size_t known;     // index of the key
  std::uint64_t time_s;  // of a cosignature; else 0
};
struct NoteVerdict {
  std::vector<NoteSigner> signers;  // each known key at most once, in the note's order
  std::size_t unknown = 0;          // signatures of keys that are not known, which say nothing
};
// invalid when a signature of a known key does not hold. No signature at all of a known key is not an error here.
Result<NoteVerdict> verify_note(const Note& note, std::span<const NoteKey> known);

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Digest root;
};
std::string checkpoint_origin(std::string_view chain_id);  // "careledger/" and the chain id
std::string to_text(const Checkpoint& checkpoint);         // the note's text
// Our own have three lines; others' may have more (extensions), which are read past only when allowed.
Result<Checkpoint> parse_checkpoint(std::string_view text, bool allow_extensions = false);

}  // namespace careledger::proof
