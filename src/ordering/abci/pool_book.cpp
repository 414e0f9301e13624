#include "ordering/abci/pool_book.h"

namespace careledger::ordering::abci {

bool PoolBook::take(const Digest& envelope, const OrganisationId& sender, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (envelopes_.contains(envelope)) return true;  // the engine may have forgotten it, and is asked again
  const Share& share = shares_[sender];
  if (share.envelopes >= kEnvelopes || share.bytes + bytes > kBytes) return false;
  add(envelope, sender, bytes, {blocks_});
  return true;
}

std::optional<PassedOver> PoolBook::waits(const Digest& envelope, const OrganisationId& sender, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto known = before_.find(envelope);
  Waiting waiting = known == before_.end() ? Waiting{blocks_} : known->second;
  const bool passed_over = !waiting.told && blocks_ >= waiting.since + kPatience;
  waiting.told = waiting.told || passed_over;
  add(envelope, sender, bytes, waiting);
  if (!passed_over) return std::nullopt;
  return PassedOver{envelope, sender, {proposers_.begin(), proposers_.end()}};
}

void PoolBook::block(const Bytes& proposer) {
  const std::lock_guard lock(mutex_);
  ++blocks_;
  proposers_.push_back(proposer);
  if (proposers_.size() > kPatience) proposers_.pop_front();
  shares_.clear();
  before_ = std::move(envelopes_);
  envelopes_.clear();
}

void PoolBook::clear() {
  const std::lock_guard lock(mutex_);
  shares_.clear();
  envelopes_.clear();
  before_.clear();
}

void PoolBook::add(const Digest& envelope, const OrganisationId& sender, std::size_t bytes, Waiting waiting) {
  Share& share = shares_[sender];
  ++share.envelopes;
  share.bytes += bytes;
  envelopes_[envelope] = waiting;
}

}  // namespace careledger::ordering::abci
