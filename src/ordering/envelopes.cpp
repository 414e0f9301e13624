#include "ordering/envelopes.h"

#include <algorithm>

#include "kernel/sign.h"

namespace careledger::ordering {
namespace {

constexpr std::size_t kBytesMax = kernel::kBatchSizeMax - 1024;  // leaves room for the envelope itself
constexpr std::size_t kFieldBytes = 8;                           // around a command, at most

struct Open {
  EncodedBatch batch;
  std::size_t bytes = 0;
  std::vector<local::Pending> commands;
};

}  // namespace

EnvelopeMaker::EnvelopeMaker(std::size_t bytes_max, std::uint64_t number) : bytes_max_(std::min(bytes_max, kBytesMax)), sequence_(number) {}

void EnvelopeMaker::host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) {
  const std::lock_guard lock(mutex_);
  signers_[organisation] = std::move(signer);
}

Sealed EnvelopeMaker::seal(std::vector<local::Pending> commands) {
  Sealed sealed;
  std::map<OrganisationId, std::vector<Open>> open;
  const std::lock_guard lock(mutex_);
  for (local::Pending& command : commands) {
    if (!signers_.contains(command.organisation)) {
      sealed.not_hosted.push_back(std::move(command));
      continue;
    }
    auto& mine = open[command.organisation];
    const std::size_t bytes = command.bytes.size() + kFieldBytes;
    if (mine.empty() || mine.back().bytes + bytes > bytes_max_ || mine.back().commands.size() >= kernel::kBatchCommandsMax)
      mine.emplace_back();
    mine.back().batch.add_commands(command.bytes);  // canonical: it passed the check
    mine.back().bytes += bytes;
    mine.back().commands.push_back(std::move(command));
  }
  for (auto& [organisation, mine] : open)
    for (Open& one : mine)
      sealed.envelopes.push_back({sign(organisation, *signers_[organisation], std::move(one.batch)), std::move(one.commands)});
  return sealed;
}

Bytes EnvelopeMaker::sign(const OrganisationId& organisation, const BatchSigner& signer, EncodedBatch batch) {
  batch.set_organisation(organisation.bytes());
  batch.set_sequence(++sequence_);
  ledger::SignedBatch envelope;
  envelope.set_batch(kernel::encode(batch));
  ledger::CommandSignature* signature = envelope.add_signatures();
  signature->set_key(signer.key_number());
  signature->set_algorithm(static_cast<std::uint32_t>(crypto::Algorithm::ed25519));
  signature->set_signature(Bytes(signer.sign(kernel::signed_bytes(kernel::kBatchTag, envelope.batch())).view()));
  return kernel::encode(envelope);
}

}  // namespace careledger::ordering
