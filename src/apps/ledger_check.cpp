#include "apps/ledger_check.h"

#include "contracts/access/access.h"

namespace careledger::apps {
namespace {

class Walk {
 public:
  Walk(Ledger& ledger, const replica::View& view, Height last, LedgerReport& report, std::size_t findings_max)
      : ledger_(ledger), view_(view), report_(report), blocks_(view, view.first_height(), last, report.findings, findings_max) {}

  void look_at_end(Height last) {
    if (last == view_.height() && !blocks_.ends_with_log()) found(last, "the log does not end with its commands");
    blocks_.end();
  }

  void look_at(Height height) {
    const auto header = ledger_.ordering().header(height);
    const auto validators = ledger_.ordering().validators(height);
    if (!header || !validators) {
      blocks_.pass_over(height);
      return found(height, header ? validators.error().message : header.error().message);
    }
    if (const auto holds = proof::verify_commit(*header, *validators); !holds) found(height, "its commit: " + holds.error().message);
    else blocks_.hold(header->header);
    if (before_ && header->header.last_block_id != *before_) found(height, "it does not follow the block before it");
    look_at_batches(height, header->header);
    before_ = header->commit.block_id;
  }

  const replica::ResultsAudit::Count& results() const { return blocks_.results(); }

 private:
  void look_at_batches(Height height, const proof::Header& header) {
    const auto block = blocks_.read(height);
    if (!block) return;
    if (proof::data_hash(block->batches) == header.data_hash) {
      blocks_.add(*block);
    } else {
      found(height, "its batches are not those that its header commits to");
      blocks_.pass_over(height);
    }
    if (proof::time_from(block->time) != header.time) found(height, "its time is not its header's");
  }

  void found(Height height, const std::string& what) {
    report_.findings.push_back({"ledger", "block " + std::to_string(height.value), what});
  }

  Ledger& ledger_;
  const replica::View& view_;
  LedgerReport& report_;
  BlocksCheck blocks_;
  std::optional<proof::BlockId> before_;
};

// What is wrong with this history for somebody who remembers a checkpoint; nothing when it goes on from it.
Result<std::optional<std::string>> departs_from(const replica::View& view, const proof::Checkpoint& remembered) {
  const std::string size = std::to_string(remembered.size);
  if (remembered.size > view.log_size())
    return "remembers " + size + " entries of the log, and this history has only " + std::to_string(view.log_size()) +
           ": it was cut short, or this is an older copy";
  CARELEDGER_TRY(const proof::Path path, view.prove_consistency(remembered.size));
  if (!proof::verify_consistency(remembered.size, remembered.root, view.log_size(), view.log_root(), path))
    return "remembers " + size + " entries of another history: this one was rewritten and signed again";
  return std::nullopt;
}

// The trust file's block is gone, and its hash with it: what is left of it is whether its validators signed the first block that is here.
void look_above(const SignedBlocks& blocks, const proof::Trust& trust, TrustCheck& check) {
  const auto gone = blocks.at(trust.anchor->height);  // for its words
  const std::string what = "the block that the trust file names is not kept here: " + (gone ? "it was dropped" : gone.error().message);
  const std::string first = "block " + std::to_string(blocks.first.value) + ", the first that is";
  const auto block = blocks.at(blocks.first);
  if (!block || !proof::verify_commit(block->signed_header, block->validators))
    return check.unheld.push_back(what + "; nor can " + first + " be read");  // the walk through the blocks says why
  if (proof::signed_by(trust.validators, *block) && proof::block_time(block->signed_header.header.time) > trust.anchor->time)
    return check.notes.push_back(what + "; more than two thirds of the votes that it names signed " + first +
                                 ", and whether it had that hash cannot be seen");
  check.unheld.push_back(what + "; and no two thirds of the votes that it names signed " + first + ": ask a member that keeps all");
}

}  // namespace

LedgerReport check_ledger(Ledger& ledger, std::size_t findings_max, const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  LedgerReport report;
  const replica::View view = ledger.replica().view();
  const Height last = ledger.grown() ? ledger.grown()->seal_height() : view.height();
  if (view.first_height() > last) return report;
  Walk walk(ledger, view, last, report, findings_max);
  for (Height height = view.first_height(); height <= last && report.findings.size() < findings_max; height = next(height)) {
    walk.look_at(height);
    if (progress) progress(height.value, last.value);
  }
  if (report.findings.size() < findings_max) walk.look_at_end(last);
  report.results = walk.results();
  return report;
}

std::vector<vault::CheckFinding> check_kept(Ledger& ledger) {
  std::vector<vault::CheckFinding> findings;
  if (const auto whole = ledger.store().verify(); !whole) findings.push_back({"ledger", "disk", whole.error().message});
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

TrustCheck check_trusted(Ledger& ledger, const SignedBlocks& blocks, const proof::Trust& trust) {
  TrustCheck check;
  const auto find = [&](const std::string& what) { check.findings.push_back({"ledger", "trust file", what}); };
  if (ledger.replica().ledger() != trust.ledger) find("this is another ledger than the one it names");
  if (trust.anchor && trust.anchor->height < blocks.first) {
    look_above(blocks, trust, check);
  } else if (trust.anchor) {
    const auto block = blocks.at(trust.anchor->height);
    if (!block && trust.anchor->height > ledger.replica().view().height())
      check.unheld.push_back("the block that the trust file names is above the newest one here: start the node, and look again");
    else if (!block) find("the block that it names cannot be read: " + block.error().message);
    else if (proof::hash_of(block->signed_header.header) != trust.anchor->hash.view())
      find("the block that it names is not on this ledger");
    else if (proof::hash_of(block->validators) != proof::hash_of(trust.validators)) find("other validators signed its block than it names");
  } else if (const auto validators = ledger.first_validators();
             !validators || proof::hash_of(*validators) != proof::hash_of(trust.validators)) {
    find("other validators sign here than those it names");
  }
  if (trust.log && *trust.log != ledger.checkpoints().log_key()) find("another key signs checkpoints here than the one it names");
  return check;
}

Result<std::vector<vault::CheckFinding>> check_remembered(Ledger& ledger, const std::string& name, ByteView note,
                                                          const proof::Trust& trust) {
  std::vector<vault::CheckFinding> findings;
  const auto find = [&](std::string what) { findings.push_back({"ledger", "checkpoint " + name, std::move(what)}); };
  const auto opened = proof::open_checkpoint(note, trust);
  if (!opened || opened->witnesses < trust.quorum) {
    find(opened ? "too few witnesses of the trust file cosigned it" : opened.error().message);
    return findings;
  }
  const proof::Checkpoint& remembered = opened->checkpoint;
  CARELEDGER_TRY(const std::optional<std::string> wrong, departs_from(ledger.replica().view(), remembered));
  if (wrong) find(*wrong);
  return findings;
}

Result<std::vector<vault::CheckFinding>> check_cosigned(Ledger& ledger, const vault::Relationships& relationships, std::size_t findings_max,
                                                        std::uint64_t& seen) {
  const replica::View view = ledger.replica().view();
  std::vector<vault::CheckFinding> findings;
  const auto visited = relationships.each_cosigned([&](const vault::Cosigned& cosigned) -> Result<void> {
    ++seen;
    CARELEDGER_TRY(const proof::Note note, proof::parse_note(cosigned.note));
    CARELEDGER_TRY(const proof::Checkpoint checkpoint, proof::parse_checkpoint(note.text));
    CARELEDGER_TRY(const std::optional<std::string> wrong, departs_from(view, checkpoint));
    if (wrong && findings.size() < findings_max) findings.push_back({"ledger", "checkpoint cosigned by a wallet", *wrong});
    return {};
  });
  if (!visited) findings.push_back({"ledger", "checkpoints cosigned by wallets", visited.error().message});
  return findings;
}

void ask_ledger(Ledger& ledger, const OrganisationId& organisation, vault::CheckOptions& options) {
  options.on_ledger = [&ledger](const Digest& command, Height height, std::uint32_t position) -> Result<bool> {
    CARELEDGER_TRY(const auto receipt, ledger.replica().view().find_receipt(command));
    return receipt && receipt->code.ok() && receipt->height == height && receipt->position == position;
  };
  options.access_head = [&ledger, organisation] { return access_head(ledger, organisation); };
}

}  // namespace careledger::apps
