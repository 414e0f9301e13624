// What anybody may ask of the ledger: the read-only RPC, by JSON-RPC bodies and URIs, and what wallets read. Each answers once, with JSON,
// and shows nothing that is not there.
#include <future>

#include "base/assert.h"
#include "codec/json/json.h"
#include "edge/http/client.h"
#include "edge/ledger_api/ledger_api.h"
#include "edge/rpc/rpc.h"
#include "ordering/local/local.h"
#include "replica/ledger_store.h"
#include "replica/test_world.h"
#include "vault/account_signer.h"
#include "vault/keystore.h"
#include "vault/vault.h"

using namespace careledger;

namespace {

struct Chain {
  replica::test::World world{9};
  ManualClock clock;
  std::unique_ptr<replica::Replica> replica = replica::test::open_replica(world, replica::memory_ledger_store(), 1);
  SeededEntropy entropy{3};
  std::unique_ptr<ordering::Ordering> ordering =
      ordering::local::start(*replica, crypto::SigningKey::generate(entropy), clock, ordering::local::Config{.epoch_ms = 1}).value();
  edge::rpc::Rpc rpc{{ordering.get(), replica.get(), [](Height) { return ordering::chain_json::Rules{}; }, "fuzz", "0"}};
  std::unique_ptr<vault::Keystore> keys = vault::Keystore::in_memory(clock, entropy);
  std::unique_ptr<vault::Vault> records = vault::Vault::open({}, *keys, clock, entropy).value();
  vault::Relationships relationships{*records};
  vault::AccountSigner signer{replica->view(), AccountId{}, 1, crypto::SigningKey::generate(entropy), clock};
  vault::QuietOutbox quiet{{{}, relationships, *ordering, signer, clock, 1}};
  edge::ledger_api::LedgerApi wallets{{{}, "fuzz", *replica, *ordering, quiet, [] { return std::string("{}"); }, {}, 1, clock}};
};

void ask(edge::http::Handler& handler, edge::http::Request request) {
  std::promise<edge::http::Response> answered;
  handler.handle(std::move(request), [&](edge::http::Response response) { answered.set_value(std::move(response)); });
  const auto response = answered.get_future().get();
  CARELEDGER_ASSERT(response.status >= 200 && response.status < 600);
  const auto text = response.content();  // empty: the answer to a notification, which has none
  if (response.status == 200 && !text.empty()) CARELEDGER_ASSERT(codec::json::parse(text).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Chain chain;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('/')) {
    edge::http::Request request = edge::http::make_request(edge::http::Method::get, std::string(input));
    if (!edge::http::read_target(input, 32, request) || request.path == "/websocket") return 0;
    if (request.path.starts_with("/ledger/v1/")) ask(chain.wallets, std::move(request));
    else ask(chain.rpc, std::move(request));
  } else {
    edge::http::Request request = edge::http::make_request(edge::http::Method::post, "/", std::string(input), "application/json");
    request.path = "/";
    ask(chain.rpc, std::move(request));
  }
  return 0;
}
