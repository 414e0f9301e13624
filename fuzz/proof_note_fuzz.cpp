// Signed notes, checkpoints, keys of notes, receipts and trust files: what parses is written back as it was read.
#include <cstdint>
#include <cstdlib>

#include "proof/checkpoint.h"
#include "proof/tlog_proof.h"
#include "proof/trust.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace careledger;
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  const auto note = proof::parse_note(bytes);
  if (note) {
    if (proof::encode(*note) != bytes) std::abort();
    const auto checkpoint = proof::parse_checkpoint(note->text);
    if (checkpoint && proof::to_text(*checkpoint) != note->text) std::abort();
    const proof::NoteKey known{note->signatures.front().name, proof::NoteKind::cosignature, {}};
    if (const auto verdict = proof::verify_note(*note, {&known, 1}); verdict && verdict->signers.size() > 1) std::abort();
  }
  const auto key = proof::parse_note_key(bytes);
  if (key && proof::to_text(*key) != bytes) std::abort();
  const auto receipt = proof::parse_tlog_proof(bytes);
  if (receipt && proof::encode(*receipt) != bytes) std::abort();
  const auto trust = proof::parse_trust(bytes);
  if (trust && !proof::parse_trust(proof::to_text(*trust))) std::abort();
  return 0;
}
