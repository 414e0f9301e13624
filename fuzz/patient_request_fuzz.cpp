// What wallets send to the patients' interface, on a real ledger, vault and audit map: bodies, numbers and paths under a signature that
// holds, and signatures that do not. By the input's first byte. Each is answered once, and nothing is kept that the ledger does not hold.
#include <future>

#include "base/assert.h"
#include "edge/http/client.h"
#include "edge/patient/patient_api.h"
#include "exchange/test_world.h"

using namespace careledger;

namespace {

namespace http = edge::http;

struct Stand {
  exchange::testing::World world;
  crypto::SigningKey log = crypto::SigningKey::generate(system_entropy());
  http::WorkerPool workers{1, 16};
  edge::auth::FailedLogins logins{*world.north.audit, system_clock()};
  edge::patient::PatientApi api{{world.north.id, "North", *world.chain.replica, *world.chain.ordering, *world.north.audit,
                                 *world.north.relationships, logins, system_clock(), workers,
                                 proof::NoteKey{"careledger/fuzz", proof::NoteKind::ed25519, log.public_key()}}};

  // Nothing when the target is none.
  std::optional<http::Request> signed_request(http::Method method, const std::string& target, std::string_view body) {
    http::Request request = http::make_request(method, target, std::string(body), body.empty() ? "" : "application/json");
    if (!http::read_target(request.target, 32, request)) return std::nullopt;
    request.authority = "node.example";
    http::sign_request(request, request.authority, world.key_north, world.at_north.hex(), std::chrono::seconds(1), system_clock(),
                       system_entropy());
    return request;
  }
  int ask(http::Request request) {
    std::promise<http::Response> answered;
    api.handle(std::move(request), [&](http::Response response) { answered.set_value(std::move(response)); });
    return answered.get_future().get().status;
  }
};

Stand& stand() {
  static Stand made;
  return made;
}

void post(const std::string& path, std::string_view body) {
  if (auto request = stand().signed_request(http::Method::post, "/patient/v1/" + path, body)) {
    const int status = stand().ask(std::move(*request));
    CARELEDGER_ASSERT((status == 200 && path.ends_with("/withdraw")) || (status >= 400 && status < 500));  // none of these is true
  }
}

void forged(std::string_view value) {
  auto request = stand().signed_request(http::Method::get, "/patient/v1/relationship", {});
  const std::size_t end = std::min(value.find('\n'), value.size());
  request->headers.set("Signature-Input", std::string(value.substr(0, end)));
  if (end < value.size()) request->headers.set("Signature", std::string(value.substr(end + 1)));
  CARELEDGER_ASSERT(stand().ask(std::move(*request)) == 401);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: post("consents", text); break;
    case 1: post("cosignatures", text); break;
    case 2: post("consents/" + http::percent_encode(text) + "/withdraw", {}); break;
    case 3: forged(text); break;
  }
  return 0;
}
