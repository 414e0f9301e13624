// How commands reach a node: the one that serves the folder, or, when none does, one in this very process that serves loopback for as
// long as the command runs. Either way through its HTTP interface, with tokens made from the organisation's keystore.
//
// Thread-safety: call() from any thread; open and destruction belong to one.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "apps/node.h"
#include "edge/auth/principal.h"
#include "edge/http/client.h"

namespace careledger::apps {

// What an answer that is not 2xx says, in its own words.
Error error_of(const edge::http::Response& response);

class NodeAccess {
 public:
  static Result<std::unique_ptr<NodeAccess>> open(const Layout& layout, const SealChoice& seal, const std::string& trust_file = {});
  // To copy what is here: of a network's node that does not serve too, which is opened without its engine.
  static Result<std::unique_ptr<NodeAccess>> open_at_rest(const Layout& layout, const SealChoice& seal);
  ~NodeAccess();

  const Config& config() const { return config_; }
  bool in_process() const { return node_ != nullptr; }
  Result<std::string> origin_of(const std::string& organisation) const;  // "http://127.0.0.1:8480"
  Result<std::string> token_for(const std::string& organisation, edge::auth::Role role);
  // A token for somebody else. The node has recorded it before this returns.
  Result<std::string> issue_token(const std::string& organisation, const edge::auth::Principal& principal, std::chrono::minutes life);

  // One request to an organisation's endpoint; any status is a success here. not_found: no such organisation.
  Result<edge::http::Response> call(const std::string& organisation, edge::auth::Role role, edge::http::Request request);
  // The same, with what is not 2xx turned into an error that carries the answer's own words.
  Result<edge::http::Response> need(const std::string& organisation, edge::auth::Role role, edge::http::Request request);

 private:
  NodeAccess(Layout layout, SealChoice seal) : layout_(std::move(layout)), seal_(std::move(seal)) {}
  static Result<std::unique_ptr<NodeAccess>> open(const Layout& layout, const SealChoice& seal, const std::string& trust_file,
                                                  Result<std::unique_ptr<Node>> node);
  Result<void> find_running(const std::string& trust_file);
  Result<edge::http::Client*> client_of(const std::string& organisation);
  Result<std::string> sign_token(const OrganisationConfig& organisation, const edge::auth::Principal& principal, std::chrono::seconds life);
  Result<std::string> kept_token(const std::string& organisation, edge::auth::Role role);  // the same one for half its life

  struct KeptToken {
    std::string text;
    std::uint64_t renew_ns = 0;
  };

  Layout layout_;
  SealChoice seal_;
  Config config_;
  std::string trust_file_;
  std::unique_ptr<Node> node_;
  std::mutex mutex_;
  std::map<std::string, std::string> origins_;  // by slug
  std::map<std::string, std::unique_ptr<edge::http::Client>> clients_;
  std::mutex tokens_mutex_;
  std::map<std::string, crypto::SigningKey> token_keys_;  // by slug, of keystores opened once
  std::map<std::pair<std::string, edge::auth::Role>, KeptToken> tokens_;
};

}  // namespace careledger::apps
