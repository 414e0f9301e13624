#include "ordering/witness.h"

#include "proof/tlog_proof.h"

namespace careledger::ordering {
namespace {

constexpr std::size_t kFileMax = 4096;

}  // namespace

Result<std::unique_ptr<Witness>> Witness::open(Files& files, std::string file, std::string name, crypto::SigningKey key,
                                               const Clock& clock) {
  if (!proof::is_note_name(name)) return fail(ErrorKind::invalid, "a witness needs a name without white space and '+'");
  auto witness = std::unique_ptr<Witness>(new Witness(files, std::move(file), std::move(name), std::move(key), clock));
  if (!files.exists(witness->file_)) return witness;
  CARELEDGER_TRY(const Bytes text, files.read_all(witness->file_, kFileMax));
  auto remembered = proof::parse_checkpoint(text);
  if (!remembered) return fail(ErrorKind::corrupt, witness->file_ + " is not the memory of a witness: " + remembered.error().message);
  witness->remembered_ = std::move(*remembered);
  return witness;
}

std::optional<proof::Checkpoint> Witness::remembered() const {
  const std::lock_guard lock(mutex_);
  return remembered_;
}

Result<proof::NoteSignature> Witness::cosign(const proof::Checkpoint& checkpoint, const proof::Path& consistency) {
  const std::lock_guard lock(mutex_);
  if (remembered_) {
    const bool contains = remembered_->origin == checkpoint.origin && remembered_->size <= checkpoint.size &&
                          proof::verify_consistency(remembered_->size, remembered_->root, checkpoint.size, checkpoint.root, consistency);
    if (!contains)
      return fail(ErrorKind::conflict, "witness " + name_ + " remembers " + std::to_string(remembered_->size) +
                                           " entries of another history than the " + std::to_string(checkpoint.size) +
                                           " shown to it, and does not cosign");
  }
  const std::string text = proof::to_text(checkpoint);
  if (!remembered_ || remembered_->size != checkpoint.size) CARELEDGER_CHECK(files_.replace(file_, text));
  remembered_ = checkpoint;
  return proof::cosign(text, name_, key_, static_cast<std::uint64_t>(clock_.now().value / 1000));
}

void CheckpointKeeper::add(std::shared_ptr<Witness> witness) { witnesses_.push_back(std::move(witness)); }

std::vector<proof::NoteKey> CheckpointKeeper::witness_keys() const {
  std::vector<proof::NoteKey> keys;
  for (const auto& witness : witnesses_) keys.push_back(witness->key());
  return keys;
}

Result<Bytes> CheckpointKeeper::make(const replica::View& view) const {
  const proof::Checkpoint checkpoint{origin_, view.log_size(), view.log_root()};
  proof::Note note{proof::to_text(checkpoint), {}};
  note.signatures.push_back(proof::sign_note(note.text, origin_, key_));
  for (const auto& witness : witnesses_) {
    proof::Path consistency;
    if (const auto remembered = witness->remembered(); remembered && remembered->size > 0 && remembered->size < checkpoint.size) {
      CARELEDGER_TRY(consistency, view.prove_consistency(remembered->size));
    }
    CARELEDGER_TRY(proof::NoteSignature signature, witness->cosign(checkpoint, consistency));
    note.signatures.push_back(std::move(signature));
  }
  return proof::encode(note);
}

std::shared_ptr<const CheckpointKeeper::Made> CheckpointKeeper::newest() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

Result<std::shared_ptr<const CheckpointKeeper::Made>> CheckpointKeeper::covering(const replica::View& view) {
  if (at_hand(view)) return newest();
  const std::lock_guard turn(making_);
  if (at_hand(view)) return newest();  // somebody else made it meanwhile
  CARELEDGER_TRY(Bytes note, make(view));
  auto made = std::make_shared<const Made>(Made{view, std::move(note)});
  const std::lock_guard lock(mutex_);
  made_ = made;
  return made;
}

bool CheckpointKeeper::at_hand(const replica::View& view) const {
  const auto made = newest();
  return made && made->at.log_size() >= view.log_size();
}

Result<CheckpointKeeper::Witnessed> CheckpointKeeper::checkpoint(const replica::View& view) {
  CARELEDGER_TRY(const auto made, covering(view));
  Witnessed known{made->note, {}};
  if (made->at.log_size() > view.log_size()) {
    CARELEDGER_TRY(known.consistency, made->at.prove_consistency(view.log_size()));
  }
  return known;
}

Result<Bytes> CheckpointKeeper::receipt(const replica::View& view, const Digest& command) {
  CARELEDGER_TRY(const auto made, covering(view));
  CARELEDGER_TRY(replica::CommandProof found, made->at.prove_command(command));
  return proof::encode(
      proof::TlogProof{proof::command_leaf(command, found.at.height, found.at.position), found.index, std::move(found.path), made->note});
}

Result<CheckpointKeeper::Since> CheckpointKeeper::since(const replica::View& view, std::uint64_t from) {
  CARELEDGER_TRY(const auto made, covering(view));
  Since out{made->note, made->at.log_size(), {}};
  if (from <= out.size) {
    CARELEDGER_TRY(out.consistency, made->at.prove_consistency(from));
  }
  return out;
}

}  // namespace careledger::ordering
