#include "bench/proof_world.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <future>

#include "apps/founding.h"
#include "bench/common.h"
#include "bench/large_ledger.h"
#include "crypto/hash.h"

namespace careledger::bench {
namespace {

constexpr std::size_t kLarge = 1'000'000;

std::string observation(std::size_t number) {
  return fmt::format(
      R"({{"resourceType":"Observation","id":"o{}","meta":{{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z"}},"status":"final",)"
      R"("category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],)"
      R"("code":{{"coding":[{{"system":"http://loinc.org","code":"2339-0","display":"Glucose"}}],"text":"Glucose"}},)"
      R"("subject":{{"reference":"Patient/p"}},"encounter":{{"reference":"Encounter/e{}"}},)"
      R"("effectiveDateTime":"2024-05-{:02}T08:00:00Z","issued":"2024-05-{:02}T08:10:00.123Z",)"
      R"("valueQuantity":{{"value":{}.{:02},"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}}})",
      number, number / 7, number % 28 + 1, number % 28 + 1, 60 + number % 90, number % 100);
}

crypto::SigningKey made_up_key(int number) {
  return need(crypto::SigningKey::from_seed(crypto::Secret::copy_of(crypto::sha256("validator " + std::to_string(number)).view())));
}

// Of children: their standard output, or nothing of it.
pid_t spawn(const std::vector<std::string>& command, int output) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));  // posix_spawn changes none
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  if (::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ) != 0) give_up("cannot run " + command[0]);
  ::posix_spawn_file_actions_destroy(&actions);
  return child;
}

double wait_for(pid_t child, const std::string& name) {  // its processor time, milliseconds
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) give_up(name + " failed");
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) * 1e-3;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

}  // namespace

double scale() {
  const char* value = std::getenv("CARELEDGER_BENCH_SCALE");
  return value == nullptr ? 1 : std::atof(value);
}

ProofWorld::ProofWorld() : folder_(make_folder("proof")) {
  apps::NewLedger order;
  order.organisations = {{"North", "hospital", 0}, {"South", "hospital", 0}, {"Laboratory", "laboratory", 0}, {"Office", "regulator", 0}};
  need(apps::found_ledger(layout(), order, system_clock(), system_entropy(), {}));
  const auto large = static_cast<std::size_t>(kLarge * scale());
  enlarge_ledger(layout(), large, large);
  node_ = need(apps::Node::open(layout(), {}, system_clock(), system_entropy()));
}

ProofWorld::~ProofWorld() {
  node_->stop();
  node_.reset();
  std::filesystem::remove_all(folder_);
}

apps::Layout ProofWorld::layout() const { return apps::layout_of(folder_ + "/data"); }

void ProofWorld::commit_observations(std::size_t count) {
  const auto transaction = need(north().vault().begin());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t number = ++observations_;
    need(transaction->put({"Observation", "o" + std::to_string(number), 1, observation(number)}));
  }
  const vault::Committed committed = need(transaction->commit());
  std::promise<vault::AnchorState> anchored;
  north().vault().when_anchored(committed.last_number, [&](const vault::AnchorState& state) { anchored.set_value(state); });
  if (anchored.get_future().get().state != vault::Anchoring::final) give_up("a version was not anchored");
}

void ProofWorld::wait_provable() { node_->ledger().wait_provable(node_->ledger().replica().view().height()); }

vault::Provable ProofWorld::newest() { return need(vault::newest_provable(node_->ledger().replica(), node_->ledger().ordering())); }

void ProofWorld::add_checkpoint(const vault::Provable& at, proof::Bundle& bundle) {
  need(apps::add_checkpoint(node_->ledger(), at.view, bundle));
}

proof::Trust ProofWorld::trust() { return need(proof::parse_trust(need(apps::trust_text(node_->ledger())))); }

void use_four_validators(proof::Bundle& bundle, proof::Trust& trust) {
  std::vector<crypto::SigningKey> keys;
  proof::ValidatorSet set;
  for (int i = 0; i < 4; ++i) {
    keys.push_back(made_up_key(i));
    set.validators.push_back({keys.back().public_key(), 10, 0});
  }
  proof::sort(set);
  proof::Header& header = bundle.signed_header.header;
  header.validators_hash = header.next_validators_hash = proof::hash_of(set);
  header.proposer_address = set.validators[0].address();
  proof::Commit& commit = bundle.signed_header.commit;
  commit.block_id.hash = proof::hash_of(header);
  commit.signatures.clear();
  for (std::size_t i = 0; i < 4; ++i) {
    proof::Time time = header.time;
    time.nanos = static_cast<std::int32_t>(900'000'000 + i);
    commit.signatures.push_back({proof::VoteFlag::commit, set.validators[i].address(), time, ""});
    const Bytes message = proof::vote_sign_bytes(header.chain_id, commit, i);
    const auto own = std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.public_key() == set.validators[i].key; });
    commit.signatures[i].signature = Bytes(own->sign(message).view());
  }
  bundle.validators = set;
  trust.validators = set;
}

Stopwatch::Lap cold_run(const std::vector<std::string>& command) {
  const int file = ::open(command[0].c_str(), O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const double start = seconds_now();
  const double processor = wait_for(spawn(command, nothing), command[0]);
  const double took = (seconds_now() - start) * 1000;
  ::close(nothing);
  return {took, processor};
}

std::string output_of(const std::vector<std::string>& command) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) give_up("no pipe");
  const pid_t child = spawn(command, pipe[1]);
  ::close(pipe[1]);
  std::string out;
  char piece[4096];
  for (ssize_t count = 0; (count = ::read(pipe[0], piece, sizeof piece)) > 0;) out.append(piece, static_cast<std::size_t>(count));
  ::close(pipe[0]);
  wait_for(child, command[0]);
  return out;
}

std::string program(const std::string& path) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / path).string();
}

}  // namespace careledger::bench
