#include "edge/exchange/http_courier.h"

#include "edge/exchange/release_api.h"
#include "edge/http/signature.h"

namespace careledger::edge::exchange {
namespace {

constexpr std::chrono::seconds kSignatureLife{120};

ErrorKind kind_of(int status) {
  switch (status) {
    case 400: return ErrorKind::malformed;
    case 401: return ErrorKind::unauthenticated;
    case 403: return ErrorKind::forbidden;
    case 413: return ErrorKind::too_large;
    case 429:
    case 503: return ErrorKind::busy;
    default: return ErrorKind::unavailable;
  }
}

}  // namespace

Result<std::shared_ptr<http::Client>> HttpCourier::client_of(const std::string& origin) {
  const std::lock_guard lock(mutex_);
  auto& client = clients_[origin];
  if (client) return client;
  http::ClientConfig config;
  config.origin = origin;
  config.trust_file = parts_.trust_file;
  config.body_bytes = careledger::exchange::kAnswerBytesMax + 4096;
  CARELEDGER_TRY(std::unique_ptr<http::Client> made, http::Client::make(config));
  client = std::move(made);
  return client;
}

Result<Bytes> HttpCourier::send(const OrganisationId& to, ByteView sealed) {
  const auto origin = parts_.addresses(to);
  if (!origin) return fail(ErrorKind::not_found, "no address of that organisation is known here; add it to the node's configuration");
  CARELEDGER_TRY(const std::shared_ptr<http::Client> client, client_of(*origin));
  CARELEDGER_TRY(const crypto::SigningKey key, parts_.keys.signing(vault::Purpose::http_signature));
  http::Request request = http::make_request(http::Method::post, std::string(kReleasePath), std::string(sealed), kSealedType);
  http::sign_request(request, client->authority(), key, parts_.organisation.hex(), kSignatureLife, parts_.clock, parts_.entropy);
  CARELEDGER_TRY(http::Response response, client->call(request));
  if (response.status != 200)
    return fail(kind_of(response.status), "the custodian's node answered " + std::to_string(response.status) + " and no sealed answer");
  return std::move(response.body);
}

}  // namespace careledger::edge::exchange
