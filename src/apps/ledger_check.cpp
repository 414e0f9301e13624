#include "apps/ledger_check.h"

#include "contracts/access/access.h"

namespace careledger::apps {
namespace {

class Walk {
 public:
  Walk(Ledger& ledger, std::vector<vault::CheckFinding>& findings) : ledger_(ledger), view_(ledger.replica().view()), findings_(findings) {}

  Height tip() const { return view_.height(); }

  void look_at(Height height) {
    const auto header = ledger_.ordering().header(height);
    const auto validators = ledger_.ordering().validators(height);
    if (!header || !validators) return found(height, header ? validators.error().message : header.error().message);
    if (const auto holds = proof::verify_commit(*header, *validators); !holds) found(height, "its commit: " + holds.error().message);
    if (before_ && header->header.last_block_id != *before_) found(height, "it does not follow the block before it");
    look_at_batches(height, header->header);
    before_ = header->commit.block_id;
  }

 private:
  void look_at_batches(Height height, const proof::Header& header) {
    const auto block = view_.block(height);
    if (!block) return found(height, block.error().message);
    if (proof::data_hash((*block)->batches) != header.data_hash) found(height, "its batches are not those that its header commits to");
    if (proof::time_from((*block)->time) != header.time) found(height, "its time is not its header's");
  }

  void found(Height height, const std::string& what) { findings_.push_back({"ledger", "block " + std::to_string(height.value), what}); }

  Ledger& ledger_;
  const replica::View view_;
  std::vector<vault::CheckFinding>& findings_;
  std::optional<proof::BlockId> before_;
};

}  // namespace

Result<std::vector<vault::CheckFinding>> check_ledger(Ledger& ledger, std::size_t findings_max,
                                                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::vector<vault::CheckFinding> findings;
  if (const auto whole = ledger.store().verify(); !whole) findings.push_back({"ledger", "disk", whole.error().message});
  Walk walk(ledger, findings);
  for (Height height{1}; height <= walk.tip() && findings.size() < findings_max; height = next(height)) {
    walk.look_at(height);
    if (progress) progress(height.value, walk.tip().value);
  }
  // The witnesses hold this history against the one that they remember.
  if (const auto witnessed = ledger.checkpoints().checkpoint(ledger.replica().view()); !witnessed)
    findings.push_back({"ledger", "witnesses", witnessed.error().message});
  return findings;
}

Result<std::optional<ledger::AccessHead>> access_head(Ledger& ledger, const OrganisationId& organisation) {
  const replica::View view = ledger.replica().view();
  auto head = view.state().get(contracts::access::kHeads, organisation);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return head;
}

void ask_ledger(Ledger& ledger, const OrganisationId& organisation, vault::CheckOptions& options) {
  options.on_ledger = [&ledger](const Digest& command, Height height, std::uint32_t position) -> Result<bool> {
    CARELEDGER_TRY(const auto receipt, ledger.replica().view().find_receipt(command));
    return receipt && receipt->code.ok() && receipt->height == height && receipt->position == position;
  };
  options.access_head = [&ledger, organisation] { return access_head(ledger, organisation); };
}

}  // namespace careledger::apps
