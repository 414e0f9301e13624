// An embedded ledger with some organisations admitted, its RPC on two addresses, and light clients that are not ours let loose on it:
// $GO_TESTS/light, which uses CometBFT's Go package, and the proxy of $COMETBFT. Exit 0 when both believe what they are given and
// neither believes a chain that somebody else signed.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <thread>

#include "codec/json/json.h"
#include "contracts/all.h"
#include "contracts/registry/registry.h"
#include "edge/http/client.h"
#include "edge/http/server.h"
#include "edge/rpc/rpc.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "ordering/local/chain_maker.h"
#include "ordering/local/local.h"
#include "replica/ledger_store.h"

namespace careledger {
namespace {

namespace http = edge::http;

void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::cerr << "light_stand: " << what << '\n';
  std::exit(1);
}

template <class T>
T demand(Result<T> result, const std::string& what) {
  demand(result.has_value(), what + (result ? "" : ": " + result.error().message));
  return std::move(*result);
}

class Envelopes final : public ordering::BatchSigner {
 public:
  explicit Envelopes(crypto::SigningKey key) : key_(std::move(key)) {}
  std::uint32_t key_number() const override { return 2; }
  crypto::Signature sign(ByteView message) const override { return key_.sign(message); }

 private:
  crypto::SigningKey key_;
};

class Ledger {
 public:
  Ledger() {
    founding_.set_format(1);
    founding_.set_name("light");
    founding_.set_created_ms(system_clock().now().value);
    *founding_.mutable_founder() = kernel::single_key(founder_key_.public_key());
    kernel::add_key(*founding_.mutable_founder(), kernel::KeyRole::batch, batch_key_.public_key());
    founding_.set_founder_nonce(Bytes(32, 'n'));
    founding_.set_epoch_ms(1);
    founding_.set_protocol(1);
    founder_ = kernel::account_id(founding_.founder(), founding_.founder_nonce());
    replica::Config config;
    config.founding = kernel::encode(founding_);
    replica_ = demand(replica::Replica::open(config, replica::memory_ledger_store(), contracts::all()), "replica");
    ordering_ = demand(ordering::local::start(*replica_, crypto::SigningKey::generate(system_entropy()), system_clock(), {.epoch_ms = 1}),
                       "ordering");
    ordering_->host(founder_, std::make_shared<Envelopes>(batch_key_.clone()));
  }
  ~Ledger() { ordering_->stop(); }
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void admit(std::uint64_t sequence) {
    contracts::registry::Payload payload;
    auto& admit = *payload.mutable_admit();
    *admit.mutable_authority() = kernel::single_key(crypto::SigningKey::generate(system_entropy()).public_key());
    admit.set_nonce(system_entropy().take(32));
    admit.set_name("organisation " + std::to_string(sequence));
    admit.set_kind(1);
    admit.set_sealing_key(system_entropy().take(32));
    const kernel::CommandOrder order{replica_->ledger(), founder_, sequence, {system_clock().now().value + 60'000}, {1}};
    const auto command = kernel::encode(kernel::sign_command(order, kernel::encode(payload), {1, &founder_key_}));
    std::promise<ordering::Answer> answered;
    ordering_->submit(founder_, command, ordering::Lane::urgent, [&](const ordering::Answer& answer) { answered.set_value(answer); });
    const auto answer = answered.get_future().get();
    demand(answer.outcome == ordering::Outcome::final && answer.receipt->code.ok(), "an organisation was not admitted");
    std::promise<void> provable;
    ordering_->when_provable(answer.receipt->height, [&] { provable.set_value(); });
    provable.get_future().get();
  }

  edge::rpc::Node node() const {
    const auto rules = [](Height) { return ordering::chain_json::Rules{{ordering::local::kBlockBytesMax, -1}, {}}; };
    return {ordering_.get(), replica_.get(), rules, "stand", "test"};
  }
  proof::SignedHeader first() const { return demand(ordering_->header({1}), "header 1"); }
  Bytes founder_key() const { return Bytes(kernel::kAccounts.key(founder_).view()); }

 private:
  crypto::SigningKey founder_key_ = crypto::SigningKey::generate(system_entropy());
  crypto::SigningKey batch_key_ = crypto::SigningKey::generate(system_entropy());
  kernel::Founding founding_;
  AccountId founder_;
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<ordering::Ordering> ordering_;
};

std::string setting(const char* name) {
  const char* const value = std::getenv(name);
  demand(value != nullptr, std::string(name) + " is not set");
  return value;
}

std::string get(const std::string& origin, const std::string& target) {
  http::ClientConfig config;
  config.origin = origin;
  const auto client = demand(http::Client::make(config), "client");
  const auto answer = client->call(http::make_request(http::Method::get, target));
  return answer ? answer->body : "";
}

// The proxy checks every answer before it passes it on.
void try_proxy(const std::string& primary, const std::string& witness, const Ledger& ledger) {
  std::string home = std::filesystem::temp_directory_path() / "careledger-light-XXXXXX";
  demand(::mkdtemp(home.data()) != nullptr, "no temporary folder");
  const auto first = ledger.first();
  const auto program = setting("COMETBFT");
  const std::string hash = to_hex(first.commit.block_id.hash);
  const std::string address = "127.0.0.1:" + std::to_string(20'000 + ::getpid() % 12'000);  // below what the kernel gives out
  const std::string listen = "tcp://" + address;
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(program.c_str(), program.c_str(), "light", first.header.chain_id.c_str(), "-p", primary.c_str(), "-w", witness.c_str(),
            "--height", "1", "--hash", hash.c_str(), "--laddr", listen.c_str(), "--home-dir", home.c_str(), "--home", home.c_str(),
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  const std::string origin = "http://" + address;
  std::string health;
  while (health.empty() && ::waitpid(child, nullptr, WNOHANG) == 0) {
    health = get(origin, "/health");
    ::poll(nullptr, 0, 20);  // another program starts: nothing of ours can tell when it has
  }
  demand(!health.empty(), "the proxy of cometbft light ended at once");
  const auto commit = get(origin, "/commit?height=2");
  const auto value = get(origin, "/abci_query?path=%22/store/state/key%22&data=0x" + to_hex(ledger.founder_key()));
  ::kill(child, SIGTERM);
  ::waitpid(child, nullptr, 0);
  std::filesystem::remove_all(home);
  demand(commit.find("\"signed_header\"") != std::string::npos, "the proxy does not believe height 2: " + commit);
  demand(value.find("\"proofOps\"") != std::string::npos && value.find("\"error\"") == std::string::npos,
         "the proxy does not believe a value: " + value);
}

int run() {
  Ledger ledger;
  Ledger other;  // the same founding words under other keys
  for (std::uint64_t i = 1; i <= 5; ++i) ledger.admit(i);
  other.admit(1);
  http::IoThreads threads(1, system_clock());
  edge::rpc::Rpc rpc(ledger.node());
  edge::rpc::Rpc other_rpc(other.node());
  const auto primary = demand(http::Server::start(threads, {}, rpc), "server");
  const auto witness = demand(http::Server::start(threads, {}, rpc), "server");
  const auto liar = demand(http::Server::start(threads, {}, other_rpc), "server");
  const auto first = ledger.first();
  auto absent = ledger.founder_key();
  absent.back() = static_cast<char>(absent.back() ^ 1);
  const std::string command = "cd '" + setting("GO_TESTS") + "' && go run ./light ";
  const std::string trust = " " + first.header.chain_id + " 1 " + to_hex(first.commit.block_id.hash) + " ";
  const std::string keys = to_hex(ledger.founder_key()) + " " + to_hex(absent);
  demand(std::system((command + primary->origin() + " " + witness->origin() + trust + keys).c_str()) == 0, "the Go light client refuses");
  demand(std::system((command + liar->origin() + " " + witness->origin() + trust + keys + " 2>/dev/null").c_str()) != 0,
         "the Go light client believes another chain");
  try_proxy(primary->origin(), witness->origin(), ledger);
  std::cout << "the proxy of cometbft light believes headers and values\n";
  return 0;
}

}  // namespace
}  // namespace careledger

int main() { return careledger::run(); }
