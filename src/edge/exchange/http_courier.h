// The courier over HTTP: signs with the organisation's http-signature key (RFC 9421) and posts to the custodian's node.
//
// Thread-safety: send() from any thread; it blocks. Keys, clock, entropy are borrowed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "edge/http/client.h"
#include "exchange/courier.h"
#include "vault/keystore.h"

namespace careledger::edge::exchange {

// "https://hospital.example:8443" of an organisation; nullopt: nobody knows. Any thread.
using Addresses = std::function<std::optional<std::string>(const OrganisationId&)>;

class HttpCourier final : public careledger::exchange::Courier {
 public:
  struct Parts {
    OrganisationId organisation;
    vault::Keystore& keys;
    Addresses addresses;
    std::string trust_file;  // PEM, for https
    const Clock& clock;
    Entropy& entropy;
  };
  explicit HttpCourier(Parts parts) : parts_(std::move(parts)) {}
  Result<Bytes> send(const OrganisationId& to, ByteView sealed) override;

 private:
  Result<std::shared_ptr<http::Client>> client_of(const std::string& origin);

  Parts parts_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<http::Client>> clients_;  // by origin
};

}  // namespace careledger::edge::exchange
