#include "apps/network/chain_check.h"

#include <algorithm>

#include "ordering/headers_kept.h"

namespace careledger::apps::network {
namespace {

// Of headers that are one second or a year apart, and looked at long after: only what they say of each other counts.
constexpr proof::TrustRules kAnyTime{INT64_MAX, 10, 1, 3};

class Walk {
 public:
  // `first`: of the signed headers; `begins`: of the engine's chain.
  Walk(const replica::View& ledger, const proof::ValidatorSet& founders, ChainSource& engine, Height first,
       const ChainCheckOptions& options, ChainReport& report)
      : ledger_(ledger),
        founders_(founders),
        engine_(engine),
        report_(report),
        begins_(options.begins),
        first_(first),
        kept_(std::max(begins_, ledger.first_height())),
        execute_again_(options.execute_again),
        blocks_(ledger, kept_, ledger.height(), report.findings, options.findings_max) {
    if (first_ > kept_) note_unsigned(kept_);
    if (kept_ > begins_) note_missing(kept_);
  }

  // A block whose header is gone.
  void look_at_unsigned(Height height) {
    ++report_.blocks;
    const auto block = read(height);
    if (block && time_before_ && block->time <= *time_before_) found(height, "its time is not after that of the block before it");
    if (block) time_before_ = block->time;
  }

  void look_at(Height height) {
    ++report_.blocks;
    auto header = engine_.header(height);
    if (!header) {
      before_.reset();
      found(height, "its header in the engine's store: " + header.error().message);
      if (const auto block = read_executed(height)) time_before_ = block->time;
      return;
    }
    proof::LightBlock block{std::move(*header), set_};
    if (follow(height, block)) blocks_.hold(block.signed_header.header);
    compare_blocks(height, block.signed_header.header);
    compare_state(height, block.signed_header.header);
    before_ = std::move(block.signed_header);
  }

  // The newest block's effect stands in no header yet, unless it had none.
  void look_at_end() {
    const Height tip = ledger_.height();
    if (engine_.newest() >= tip && !blocks_.ends_with_log()) found(tip, "the log does not end with its commands");
    blocks_.end();
    if (engine_.newest() > tip || !before_ || before_->header.height != static_cast<std::int64_t>(tip.value)) return;
    const proof::Header& header = before_->header;
    if (header.data_hash == proof::data_hash({}) && header.evidence_hash == proof::empty_evidence_hash())
      return compare_app_hash(tip, header);
    look_at_unproven(tip, header);
  }

  replica::ResultsAudit::Count results() const {
    replica::ResultsAudit::Count count = blocks_.results();
    if (executed_again_) ++count.held;
    return count;
  }

 private:
  // Signed by the validators that the block before announced; the first one's are the founders. False: that was found not to be so.
  bool follow(Height height, proof::LightBlock& block) {
    const proof::Header& header = block.signed_header.header;
    const auto fails = [&](const std::string& what) {
      found(height, what);
      return false;
    };
    if (proof::hash_of(set_) != header.validators_hash) {
      auto set = engine_.validators(height);
      if (!set) return fails("its validators in the engine's store: " + set.error().message);
      set_ = block.validators = std::move(*set);
    }
    const auto holds = before_ ? proof::verify_adjacent(*before_, block, header.time, kAnyTime)
                               : proof::verify_commit(block.signed_header, block.validators);
    if (!holds) return fails("its commit: " + holds.error().message);
    if (before_ && header.last_block_id != before_->commit.block_id) return fails("it does not follow the block before it");
    if (!before_) begin(height, block);
    return true;
  }

  void begin(Height height, const proof::LightBlock& block) {
    if (height != first_) return;  // a header that could not be read was named
    if (height == begins_) {
      if (proof::hash_of(block.validators) != proof::hash_of(founders_))
        found(height, "other validators signed it than the founding document names");
    } else if (!founders_signed(block)) {
      report_.notes.push_back(
          "signed headers begin here with block " + std::to_string(height.value) +
          ", and no more than a third of the founders' votes signed that: whose validators they are follows from blocks that are not here");
    }
  }

  void note_unsigned(Height from) {
    report_.notes.push_back("the engine keeps blocks from " + std::to_string(first_.value) +
                            " on (serve --keep-blocks): against those of the ledger from " + std::to_string(from.value) + " to " +
                            std::to_string(first_.value - 1) + " no signature is held, and their commands against the log alone");
  }

  void note_missing(Height from) {
    report_.notes.push_back("the ledger says that it has blocks from " + std::to_string(from.value) +
                            " on alone (it began with a snapshot, or dropped those below: serve --keep-blocks): the commands of older "
                            "ones were not looked at, and of the " +
                            std::to_string(blocks_.older_entries()) + " entries that they left in the log only that they give its root");
  }

  bool founders_signed(const proof::LightBlock& block) const {
    std::int64_t of = 0, signing = 0;
    for (const proof::Validator& founder : founders_.validators) {
      of += founder.power;
      for (std::size_t i = 0; i < block.validators.validators.size(); ++i)
        if (block.validators.validators[i].key == founder.key && block.signed_header.commit.signatures[i].flag == proof::VoteFlag::commit)
          signing += founder.power;
    }
    return signing > of / 3;
  }

  void compare_blocks(Height height, const proof::Header& header) {
    if (const auto kept = engine_.block(height); !kept) found(height, "its commands in the engine's store: " + kept.error().message);
    else if (proof::hash_of(kept->header) != proof::hash_of(header))
      found(height, "the engine's store holds another header beside its commands");
    const auto block = read_executed(height);
    if (!block) return;
    if (proof::data_hash(block->batches) != header.data_hash) found(height, "its batches are not those that its header commits to");
    if (!block->misbehaviour.empty() && header.evidence_hash == proof::empty_evidence_hash())
      found(height, "evidence stands in it that its header does not commit to");
    const BlockTime time = std::max(proof::block_time(header.time), BlockTime{time_before_ ? time_before_->value + 1 : 0});
    const bool known = time_before_ || height.value == 1;
    if (known ? block->time != time : block->time < time) found(height, "its time is not the one that follows from its header");
    time_before_ = block->time;
  }

  // Null: not executed when the node was stopped, or never here, or read().
  std::shared_ptr<const replica::StoredBlock> read_executed(Height height) {
    return height > ledger_.height() || height < ledger_.first_height() ? nullptr : read(height);
  }

  // As the ledger stores it, its commands held against the log; null: it cannot be read, which was found.
  std::shared_ptr<const replica::StoredBlock> read(Height height) {
    auto block = blocks_.read(height);
    if (block) blocks_.add(*block);
    return block;
  }

  // A kill came between the newest block and the one that proves it; or somebody took that one out of both stores.
  void look_at_unproven(Height tip, const proof::Header& header) {
    const std::string what = "what block " + std::to_string(tip.value) + " changed stands in no signed header yet";
    const auto again = execute_again_ ? execute_again_(header) : fail(ErrorKind::unsupported, "nothing to execute it with");
    if (!again)
      return report_.unheld.push_back(what + ", so that no signature covers state and log, and it could not be executed again: " +
                                      again.error().message + "; start the node, let it run until the next block, and look again");
    if (*again) return found(tip, **again);
    executed_again_ = true;
    report_.notes.push_back(what + ": state and log are what its commands make of those that its own header names");
  }

  // A header carries the app hash of the block before it.
  void compare_state(Height height, const proof::Header& header) {
    if (height.value != ledger_.height().value + 1) return;
    compare_app_hash(ledger_.height(), header);
  }
  void compare_app_hash(Height height, const proof::Header& header) {
    if (header.app_hash != ledger_.app_hash().view())
      found(height, "state and log as they are here do not give the app hash that was signed");
  }

  void found(Height height, const std::string& what) {
    report_.findings.push_back({"ledger", "block " + std::to_string(height.value), what});
  }

  const replica::View& ledger_;
  const proof::ValidatorSet& founders_;
  ChainSource& engine_;
  ChainReport& report_;
  const Height begins_, first_, kept_;
  const ExecuteAgain& execute_again_;
  bool executed_again_ = false;  // the newest block, and its results are those that are stored
  BlocksCheck blocks_;
  proof::ValidatorSet set_;
  std::optional<proof::SignedHeader> before_;
  std::optional<BlockTime> time_before_;  // of the ledger's block before
};

// An engine stores a block, and has it executed then: it is one block ahead at most, and never behind.
void compare_ends(Height ledger, Height engine, ChainReport& report) {
  const auto end = [&](const std::string& what) { report.findings.push_back({"ledger", "the newest block", what}); };
  const std::string kept =
      "the engine keeps blocks up to " + std::to_string(engine.value) + ", and the ledger is at " + std::to_string(ledger.value);
  if (engine < ledger) end(kept + ": blocks were taken out, or this is an older copy of the engine's store");
  if (engine.value > ledger.value + 1) end(kept + ": this is an older copy of the ledger, or its newest blocks were taken out");
}

// What the engine was told to drop it may still have, when the node was killed just then; what it was not told to drop is here.
void compare_begin(const replica::View& ledger, Height engine, Height begins, ChainReport& report) {
  const auto begin = [&](const std::string& what) { report.findings.push_back({"ledger", "the oldest block", what}); };
  const auto remembered = ordering::headers_remembered(ledger);
  if (!remembered) return begin(remembered.error().message);
  const Height told = std::max(remembered->value_or(Height{}), ledger.first_height());
  if (engine > std::max(begins, told))
    begin("the engine keeps blocks from " + std::to_string(engine.value) +
          " on, and the ledger remembers that it was told to keep those from " + std::to_string(told.value) + " on: blocks were taken out");
  const Height own = ledger.first_height();
  const std::string says = "the ledger says that it has those from " + std::to_string(own.value) + " on alone: ";
  // Its own it drops after it remembered that the engine may. Before that, an engine's store begins where the ledger does.
  if (*remembered && own > std::max(**remembered, Height{1}))
    begin("the ledger remembers that it keeps blocks from " + std::to_string((*remembered)->value) + " on, and " + says +
          "blocks were taken out");
  else if (!*remembered && engine < own)
    begin("the engine keeps blocks from " + std::to_string(engine.value) + " on, and " + says + "blocks were taken out");
  const auto lowest = ledger.lowest_block();
  if (!lowest) begin(lowest.error().message);
  else if (*lowest < own) begin("block " + std::to_string(lowest->value) + " lies in its store, and " + says + "what it says was changed");
}

}  // namespace

ChainReport check_chain(const replica::View& ledger, const proof::ValidatorSet& founders, ChainSource& engine,
                        const ChainCheckOptions& options) {
  ChainReport report;
  const Height newest = engine.newest();
  compare_ends(ledger.height(), newest, report);
  const Height last = std::min(newest, Height{ledger.height().value + 1});
  const Height first = engine.oldest();
  if (last.value > 0) compare_begin(ledger, first, options.begins, report);
  Walk walk(ledger, founders, engine, first, options, report);
  for (Height height = std::min(first, std::max(options.begins, ledger.first_height()));
       height <= last && report.findings.size() < options.findings_max; height = next(height)) {
    if (height < first) walk.look_at_unsigned(height);
    else walk.look_at(height);
    if (options.progress) options.progress(height.value, last.value);
  }
  if (report.findings.size() < options.findings_max) walk.look_at_end();
  report.results = walk.results();
  return report;
}

}  // namespace careledger::apps::network
