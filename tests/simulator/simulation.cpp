#include "simulator/simulation.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "replica/ledger_store.h"
#include "replica/snapshot.h"

namespace careledger::simulator {
namespace {

constexpr std::size_t kNodes = Region::kMembers;
constexpr std::int64_t kHour = 60 * 60 * 1000;

}  // namespace

Simulation::Simulation(std::uint64_t seed)
    : seed_(seed), random_(seed), region_(seed), reference_(region_.founding()), away_(kNodes), pools_(kNodes) {
  for (std::size_t i = 0; i < kNodes; ++i) nodes_.push_back(std::make_unique<SimNode>(region_.founding()));
}

void Simulation::note(ByteView what, std::uint64_t value) {
  append_field(trace_, what);
  append_u64(trace_, value);
}

void Simulation::must(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "seed " << seed_ << ", height " << chain_.size() << ": " << what << "; so far " << crypto::sha256(trace_).hex()
            << "; simulator --first " << seed_ << " --seeds 1 --blocks " << blocks_ << " shows it again" << std::endl;
  std::abort();
}

bool Simulation::trouble() const {
  if (failing_) return true;
  for (std::size_t i = 0; i < kNodes; ++i)
    if (!nodes_[i]->alive() || away_[i]) return true;
  return false;
}

std::vector<std::size_t> Simulation::ready() const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < kNodes; ++i)
    if (nodes_[i]->alive() && !away_[i] && nodes_[i]->height() == chain_.size()) found.push_back(i);
  return found;
}

// One of each, in any order, early enough that all have happened before the end.
void Simulation::plan() {
  std::vector<Trouble> kinds{Trouble::crash, Trouble::cut, Trouble::disk};
  while (!kinds.empty()) {
    const auto which = kinds.begin() + static_cast<std::ptrdiff_t>(one_of(kinds.size()));
    planned_.push_back({3 + one_of(blocks_ - 10), *which});
    kinds.erase(which);
  }
  std::ranges::sort(planned_, {}, [](const Planned& one) { return std::pair(one.height, one.what); });
}

void Simulation::begin() {
  pools_.assign(kNodes, {region_.opening(time_)});
  append(decide());
}

// Comebacks and new troubles: one member at a time. A trouble that is due waits for nobody's recovery by chance.
void Simulation::disturb() {
  const bool due = !planned_.empty() && planned_.front().height <= next_height();
  for (std::size_t i = 0; i < kNodes; ++i) {
    if (!nodes_[i]->alive() && (due || one_in(3))) {
      nodes_[i]->start();
      note("start", i);
    }
    if (away_[i] && (due || one_in(3))) {
      away_[i] = false;
      note("back", i);
    }
  }
  if (trouble()) return;
  if (due) {
    make_trouble(planned_.front().what);
    planned_.erase(planned_.begin());
  } else if (one_in(6)) {
    make_trouble(static_cast<Trouble>(one_of(3)));
  }
}

void Simulation::make_trouble(Trouble what) {
  const std::size_t victim = one_of(kNodes);
  switch (what) {
    case Trouble::crash:
      ++report_.crashes;
      nodes_[victim]->crash();
      pools_[victim].clear();
      return note("crash", victim);
    case Trouble::cut:
      ++report_.cuts;
      away_[victim] = true;
      return note("away", victim);
    case Trouble::disk:  // counted when it happens
      failing_ = victim;
      return note("disk", victim);
  }
}

void Simulation::offer(std::size_t node, const Bytes& tx) {
  if (nodes_[node]->alive() && !away_[node] && nodes_[node]->check(tx) == 0) pools_[node].push_back(tx);
}

// New commands, and old ones once more, reach some of the pools, some of them later.
void Simulation::gossip() {
  for (const Late& one : late_)
    if (one.height <= next_height()) offer(one.node, one.tx);
  std::erase_if(late_, [this](const Late& one) { return one.height <= next_height(); });
  std::vector<Bytes> fresh;
  for (std::uint64_t i = one_of(4); i > 0; --i) {
    const std::size_t commands = 1 + one_of(6);
    report_.commands += commands;
    fresh.push_back(region_.random_batch(commands, time_, random_));
  }
  if (!old_.empty() && one_in(4)) fresh.push_back(old_[one_of(old_.size())]);
  if (one_in(10)) fresh.emplace_back("no envelope");
  for (const Bytes& tx : fresh) {
    for (std::size_t i = 0; i < kNodes; ++i) {
      const std::uint64_t fate = one_of(8);
      if (fate == 0) continue;  // lost
      if (fate > 1) offer(i, tx);
      else late_.push_back({next_height() + 1 + one_of(4), i, tx}), ++report_.late;
    }
  }
}

Decided Simulation::lie(const Decided& honest) {
  Decided lie = honest;
  switch (one_of(5)) {
    case 0: lie.txs.emplace_back("no envelope"); break;
    case 3:  // an envelope in which a command stands twice, in the place of one that would do
      if (lie.txs.empty()) lie.txs.emplace_back();
      else lie.txs[0] = region_.with_one_twice(lie.txs[0]);
      break;
    case 1: lie.txs.push_back(lie.txs.empty() ? Bytes(1, '\0') : lie.txs.front()); break;  // twice
    case 2: lie.txs.push_back(old_.empty() ? Bytes() : old_.front()); break;               // all its commands are used up
    default: lie.txs.emplace_back(700 * 1024, 'x'); break;
  }
  return lie;
}

// An engine's evidence: of few validators and heights, so that some is told twice, and some of it senseless.
std::vector<kernel::Misbehaviour> Simulation::accuse() {
  std::vector<kernel::Misbehaviour> found;
  for (std::uint64_t i = 1 + one_of(3); i > 0; --i) {
    const Bytes validator(one_in(6) ? 7 : 20, static_cast<char>('a' + one_of(kNodes)));
    found.push_back({validator, static_cast<std::uint32_t>(one_of(4)), static_cast<std::int64_t>(one_of(next_height() + 2)), {0}, 0, 0});
  }
  return found;
}

// Headers may stand in one millisecond; and now and then so long apart that what waits expires, and grants and deadlines are over.
void Simulation::pass_time() {
  if (!one_in(8)) time_.value += static_cast<std::int64_t>(one_of(2000));
  if (one_in(16)) time_.value += static_cast<std::int64_t>(one_of(30)) * kHour;
}

// A proposer among those who can; liars are rejected by all the others, honest ones by nobody.
Decided Simulation::decide() {
  const std::vector<std::size_t> voters = ready();
  must(voters.size() * 3 > kNodes * 2, "too few members are there to agree");
  const std::size_t proposer = voters[one_of(voters.size())];
  pass_time();
  Decided block{time_, nodes_[proposer]->propose(pools_[proposer], next_height(), time_)};
  if (one_in(7)) {
    const Decided lied = lie(block);
    for (const std::size_t voter : voters) must(!nodes_[voter]->accepts(lied, next_height()), "a malformed proposal was accepted");
    ++report_.lies_rejected;
  }
  for (const std::size_t voter : voters) {
    must(nodes_[voter]->accepts(block, next_height()), "an honest proposal was rejected");
    if (one_in(5)) nodes_[voter]->finalize(lie(block), next_height());  // executed and never committed: another round decides
  }
  if (one_in(8)) block.misbehaviour = accuse();
  for (const Bytes& tx : block.txs) old_.push_back(tx);
  for (auto& pool : pools_) std::erase_if(pool, [&](const Bytes& tx) { return std::ranges::find(block.txs, tx) != block.txs.end(); });
  return block;
}

void Simulation::append(Decided block) {
  chain_.push_back(std::move(block));
  const std::string broken = reference_.run(chain_.back(), {chain_.size()});
  must(broken.empty(), "a rule does not hold: " + broken);
  deliver();
  must(compared_ == chain_.size(), "nobody reached the block");
  trace_ += effects_.back().app_hash;
}

bool Simulation::apply(SimNode& node, std::uint64_t height, Fault fault) {
  const Effect effect = node.finalize(chain_[height - 1], height);
  if (effects_.size() < height) effects_.push_back(effect);
  must(effects_[height - 1] == effect, "two members disagree about a block");
  if (!node.commit(fault)) return false;
  must(node.replica().view().app_hash().bytes() == effect.app_hash, "the committed app hash is not the executed one");
  if (height == chain_.size()) compare(node);
  return true;
}

// A member that has the newest block, with what the kernel alone made of it.
void Simulation::compare(const SimNode& node) {
  must(reference_.agrees(node.replica().view()), "a member's rows are not those of the reference");
  if (compared_ == chain_.size()) return;
  compared_ = chain_.size();
  const auto& codes = reference_.codes();
  must(node.receipts().size() == codes.size(), "receipts are not as many as the commands");
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const kernel::Receipt& receipt = node.receipts()[i];
    must(receipt.code == codes[i], "a receipt is not that of the reference");
    if (receipt.code.ok()) must(applied_.insert(receipt.command).second, "a command was applied twice");
    ++report_.codes[kernel::code_name(contracts::all(), receipt.code)];
  }
}

// As an engine replays after a start: from the height that Info names.
void Simulation::catch_up(std::size_t index, std::uint64_t up_to) {
  SimNode& node = *nodes_[index];
  while (node.height() < up_to) {
    const std::uint64_t height = node.height() + 1;
    const Fault fault = failing_ != index ? Fault::none : one_in(2) ? Fault::before_write : Fault::after_write;
    if (apply(node, height, fault)) continue;
    ++report_.disks;
    failing_.reset();
    note("failed", static_cast<std::uint64_t>(fault));
    node.crash();
    node.start();
    must(node.height() == (fault == Fault::after_write ? height : height - 1), "a restart lost a commit or made one up");
  }
  note("height", node.height());
}

void Simulation::deliver() {
  for (std::size_t i = 0; i < kNodes; ++i)
    if (nodes_[i]->alive() && !away_[i]) catch_up(i, chain_.size());
}

Report Simulation::run(std::uint64_t blocks) {
  CARELEDGER_ASSERT(blocks >= kBlocksMin);
  blocks_ = blocks;
  plan();
  begin();
  while (chain_.size() < blocks) {
    disturb();
    gossip();
    deliver();
    append(decide());
  }
  finish();
  report_.blocks = chain_.size();
  must(report_.crashes > 0 && report_.cuts > 0 && report_.disks > 0 && report_.faults() >= kFaultsMin, "a planned fault did not happen");
  report_.trace = crypto::sha256(trace_);
  return report_;
}

// Everybody again, one who starts from nothing, and one who starts from a snapshot.
void Simulation::finish() {
  for (std::size_t i = 0; i < kNodes; ++i) {
    away_[i] = false;
    if (!nodes_[i]->alive()) nodes_[i]->start();
    catch_up(i, chain_.size());
    must(nodes_[i]->replica().view().state_root() == reference_.root(), "a member's state is not that of the reference");
  }
  SimNode fresh(region_.founding());
  for (std::uint64_t height = 1; height <= chain_.size(); ++height) must(apply(fresh, height, Fault::none), "a replay failed");
  fill_from_snapshot(fresh);
}

void Simulation::fill_from_snapshot(const SimNode& other) {
  const replica::View view = nodes_.front()->replica().view();
  const auto reader = replica::SnapshotReader::make(view, 4096);
  must(reader.has_value(), "no snapshot could be made");
  const auto theirs = replica::SnapshotReader::make(other.replica().view(), 4096);
  must(theirs && theirs->header() == reader->header(), "two members' snapshots differ");
  const auto store = std::shared_ptr<storage::Store>(replica::memory_ledger_store());
  auto loader = replica::SnapshotLoader::begin(store, reader->header(), {region_.ledger(), view.height(), view.time(), view.app_hash()});
  must(loader.has_value(), "a snapshot was refused");
  for (std::size_t i = 0; i < reader->chunks(); ++i) must(loader->add(*reader->chunk(i)).has_value(), "a piece of a snapshot was refused");
  must(loader->finish().has_value(), "a snapshot was not complete");
  must(open_replica(region_.founding(), store)->view().app_hash() == view.app_hash(), "a snapshot gives another state");
}

}  // namespace careledger::simulator
