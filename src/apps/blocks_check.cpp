#include "apps/blocks_check.h"

#include <algorithm>

namespace careledger::apps {
namespace {

constexpr std::size_t kIndexFindingsMax = 10;

}  // namespace

BlocksCheck::BlocksCheck(const replica::View& view, Height from, Height until, std::vector<vault::CheckFinding>& findings,
                         std::size_t findings_max)
    : view_(view), findings_(findings), findings_max_(findings_max), log_(view), index_(view, from, until) {
  begin(from);
}

void BlocksCheck::begin(Height from) {
  if (const auto made = log_.begin(from); !made) return findings_.push_back({"ledger", "the log", made.error().message});
  const auto indexed = index_.begin(kIndexFindingsMax);
  if (!indexed) return findings_.push_back({"ledger", "the index of commands", indexed.error().message});
  for (const auto& one : *indexed) found_of_index(one.block, one.what);
}

std::shared_ptr<const replica::StoredBlock> BlocksCheck::read(Height height) {
  auto block = view_.block(height);
  if (block) return std::move(*block);
  pass_over(height);
  found(height, block.error().message);
  return nullptr;
}

void BlocksCheck::add(const replica::StoredBlock& block) {
  results_.add(block);
  if (const auto logged = log_.add(block); !logged) {
    index_.pass_over(block.height);  // where it leads to follows from what is wrong already
    found(block.height, logged.error().message);
  } else if (const auto indexed = index_.add(block); !indexed) {
    found_of_index(block.height, indexed.error().message);
  }
}

void BlocksCheck::pass_over(Height height) {
  log_.skip();
  index_.pass_over(height);
}

void BlocksCheck::hold(const proof::Header& header) {
  if (quiet_ && header.height == quiet_->height + 1 && header.app_hash != quiet_->app_hash)
    found({static_cast<std::uint64_t>(header.height)},
          "its header names another state than the one before it, whose block changed nothing");
  quiet_.reset();
  if (header.data_hash == proof::data_hash({}) && header.evidence_hash == proof::empty_evidence_hash()) quiet_ = header;
  if (results_.agrees(header)) return;
  const Height before{static_cast<std::uint64_t>(header.height) - 1};
  pass_over(before);
  found(before, "what is stored of its results is not what the header after it commits to");
}

void BlocksCheck::end() {
  const auto rows = index_.end(findings_max_ - std::min(findings_max_, findings_.size()));
  if (!rows) return findings_.push_back({"ledger", "the index of commands", rows.error().message});
  for (const auto& one : *rows) found_of_index(one.block, one.what);
}

// A few name it: whoever takes many rows out must not keep the blocks from being looked at.
void BlocksCheck::found_of_index(Height height, const std::string& what) {
  if (++index_findings_ > kIndexFindingsMax) return;
  if (height.value > 0) found(height, what);
  else findings_.push_back({"ledger", "the index of commands", what});
}

void BlocksCheck::found(Height height, const std::string& what) {
  findings_.push_back({"ledger", "block " + std::to_string(height.value), what});
}

}  // namespace careledger::apps
