#include "simulator/simulation.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "replica/ledger_store.h"
#include "replica/snapshot.h"

namespace careledger::simulator {
namespace {

constexpr std::size_t kNodes = 4;
constexpr std::size_t kOrganisations = 3;
constexpr std::size_t kPatients = 12;

}  // namespace

Simulation::Simulation(std::uint64_t seed) : seed_(seed), random_(seed), world_(seed), away_(kNodes), pools_(kNodes) {
  for (std::size_t i = 0; i < kNodes; ++i) nodes_.push_back(std::make_unique<SimNode>(world_));
}

void Simulation::note(ByteView what, std::uint64_t value) {
  append_field(trace_, what);
  append_u64(trace_, value);
}

void Simulation::must(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "seed " << seed_ << ", height " << chain_.size() << ": " << what << "; simulator --first " << seed_
            << " --seeds 1 shows it again" << std::endl;
  std::abort();
}

bool Simulation::trouble() const {
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

// Organisations and patients, the first two blocks of every run.
void Simulation::found() {
  std::vector<ledger::SignedCommand> commands;
  for (std::size_t i = 0; i < kOrganisations; ++i) commands.push_back(world_.admit());
  pools_.assign(kNodes, {world_.batch(commands)});
  chain_.push_back(decide());
  deliver();
  commands.clear();
  for (std::size_t i = 0; i < kPatients; ++i) commands.push_back(world_.propose(world_.organisations()[i % kOrganisations]));
  pools_.assign(kNodes, {world_.batch(commands)});
  chain_.push_back(decide());
  deliver();
}

// Crashes, cuts and comebacks: one member in trouble at a time.
void Simulation::disturb() {
  for (std::size_t i = 0; i < kNodes; ++i) {
    if (!nodes_[i]->alive() && one_in(3)) {
      nodes_[i]->start();
      note("start", i);
    }
    if (away_[i] && one_in(3)) {
      away_[i] = false;
      note("back", i);
    }
  }
  if (trouble() || !one_in(6)) return;
  const std::size_t victim = one_of(kNodes);
  ++report_.faults;
  if (one_in(2)) {
    nodes_[victim]->crash();
    pools_[victim].clear();
    note("crash", victim);
  } else {
    away_[victim] = true;
    note("away", victim);
  }
}

// New commands, and old ones once more, reach some of the pools.
void Simulation::gossip() {
  std::vector<Bytes> fresh;
  for (std::uint64_t i = one_of(4); i > 0; --i) {
    const std::size_t commands = 1 + one_of(6);
    report_.commands += commands;
    fresh.push_back(world_.random_batch(commands, random_));
  }
  if (!old_.empty() && one_in(4)) fresh.push_back(old_[one_of(old_.size())]);
  if (one_in(10)) fresh.emplace_back("no envelope");
  for (const Bytes& tx : fresh)
    for (std::size_t i = 0; i < kNodes; ++i)
      if (nodes_[i]->alive() && !away_[i] && !one_in(8) && nodes_[i]->check(tx) == 0) pools_[i].push_back(tx);
}

Decided Simulation::lie(const Decided& honest) {
  Decided lie = honest;
  switch (one_of(4)) {
    case 0: lie.txs.emplace_back("no envelope"); break;
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

// A proposer among those who can; liars are rejected by all the others, honest ones by nobody.
Decided Simulation::decide() {
  const std::vector<std::size_t> voters = ready();
  must(voters.size() * 3 > kNodes * 2, "too few members are there to agree");
  const std::size_t proposer = voters[one_of(voters.size())];
  if (!one_in(8)) time_.value += static_cast<std::int64_t>(one_of(2000));  // headers may stand in one millisecond
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

bool Simulation::apply(SimNode& node, std::uint64_t height, Fault fault) {
  const Effect effect = node.finalize(chain_[height - 1], height);
  if (effects_.size() < height) effects_.push_back(effect);
  must(effects_[height - 1] == effect, "two members disagree about a block");
  if (!node.commit(fault)) return false;
  must(node.replica().view().app_hash().bytes() == effect.app_hash, "the committed app hash is not the executed one");
  if (height == counted_ + 1) {
    count(node.receipts());
    ++counted_;
  }
  return true;
}

void Simulation::count(const std::vector<kernel::Receipt>& receipts) {
  for (const kernel::Receipt& receipt : receipts)
    if (receipt.code.ok()) must(applied_.insert(receipt.command).second, "a command was applied twice");
}

// As an engine replays after a start: from the height that Info names.
void Simulation::catch_up(std::size_t index, std::uint64_t up_to) {
  SimNode& node = *nodes_[index];
  while (node.height() < up_to) {
    const std::uint64_t height = node.height() + 1;
    const bool may_fail = !trouble() && one_in(40);
    const Fault fault = !may_fail ? Fault::none : one_in(2) ? Fault::before_write : Fault::after_write;
    if (apply(node, height, fault)) continue;
    ++report_.faults;
    note("disk", index);
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
  found();
  while (chain_.size() < blocks) {
    disturb();
    gossip();
    deliver();
    chain_.push_back(decide());
    deliver();
    trace_ += effects_.back().app_hash;
  }
  finish();
  report_.blocks = chain_.size();
  report_.trace = crypto::sha256(trace_);
  return report_;
}

// Everybody again, one who starts from nothing, and one who starts from a snapshot.
void Simulation::finish() {
  for (std::size_t i = 0; i < kNodes; ++i) {
    away_[i] = false;
    if (!nodes_[i]->alive()) nodes_[i]->start();
    catch_up(i, chain_.size());
  }
  SimNode fresh(world_);
  for (std::uint64_t height = 1; height <= chain_.size(); ++height) must(apply(fresh, height, Fault::none), "a replay failed");
  const replica::View view = nodes_.front()->replica().view();
  const auto reader = replica::SnapshotReader::make(view, 4096);
  must(reader.has_value(), "no snapshot could be made");
  const auto other = replica::SnapshotReader::make(fresh.replica().view(), 4096);
  must(other && other->header() == reader->header(), "two members' snapshots differ");
  const auto store = std::shared_ptr<storage::Store>(replica::memory_ledger_store());
  auto loader = replica::SnapshotLoader::begin(store, reader->header(), {world_.ledger(), view.height(), view.time(), view.app_hash()});
  must(loader.has_value(), "a snapshot was refused");
  for (std::size_t i = 0; i < reader->chunks(); ++i) must(loader->add(*reader->chunk(i)).has_value(), "a piece of a snapshot was refused");
  must(loader->finish().has_value(), "a snapshot was not complete");
  const auto filled = replica::test::open_replica(world_, store);
  must(filled->view().app_hash() == view.app_hash(), "a snapshot gives another state");
}

}  // namespace careledger::simulator
