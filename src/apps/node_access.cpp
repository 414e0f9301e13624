#include "apps/node_access.h"

#include "codec/json/json.h"
#include "edge/auth/token.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::size_t kRunningBytesMax = 1 << 20;
constexpr std::size_t kWordsMax = 2000;
constexpr std::chrono::minutes kTokenLife{60};

ErrorKind kind_of(int status) {
  switch (status) {
    case 400: return ErrorKind::invalid;
    case 401: return ErrorKind::unauthenticated;
    case 403: return ErrorKind::forbidden;
    case 404: return ErrorKind::not_found;
    case 409: return ErrorKind::conflict;
    case 410: return ErrorKind::gone;
    case 412: return ErrorKind::precondition;
    case 413: return ErrorKind::too_large;
    case 429:
    case 503: return ErrorKind::unavailable;
    default: return status < 500 ? ErrorKind::invalid : ErrorKind::storage;
  }
}

// The words of an OperationOutcome or a problem document; the body as it is for anything else.
std::string words_of(const http::Response& response) {
  const auto document = json::parse(response.content());
  std::string words;
  if (document) {
    words = std::string(document->root().string_at("title"));
    for (const json::Value& issue : document->root().items_at("issue")) {
      if (!words.empty()) words += "; ";
      for (const json::Value& where : issue.items_at("expression")) words += std::string(where.text()) + ": ";
      words += std::string(issue.string_at("diagnostics"));
    }
  }
  if (words.empty()) words = std::string(response.content());
  return words.substr(0, kWordsMax);
}

}  // namespace

Error error_of(const http::Response& response) { return {kind_of(response.status), words_of(response)}; }

Result<std::unique_ptr<NodeAccess>> NodeAccess::open(const Layout& layout, const SealChoice& seal, const std::string& trust_file) {
  return open(layout, seal, trust_file, Node::open(layout, seal, system_clock(), system_entropy()));
}

Result<std::unique_ptr<NodeAccess>> NodeAccess::open_at_rest(const Layout& layout, const SealChoice& seal) {
  return open(layout, seal, {}, Node::open_at_rest(layout, seal, system_clock(), system_entropy()));
}

Result<std::unique_ptr<NodeAccess>> NodeAccess::open(const Layout& layout, const SealChoice& seal, const std::string& trust_file,
                                                     Result<std::unique_ptr<Node>> node) {
  auto access = std::unique_ptr<NodeAccess>(new NodeAccess(layout, seal));
  CARELEDGER_TRY(access->config_, read_config(system_files(), layout.config()));
  if (!node && node.error().kind == ErrorKind::unavailable) {
    CARELEDGER_CHECK(access->find_running(trust_file));
    return access;
  }
  if (!node) return tl::make_unexpected(node.error());
  access->node_ = std::move(*node);
  ServeConfig serve;
  serve.log.level = edge::ops::Level::error;
  serve.any_port = true;
  CARELEDGER_CHECK(access->node_->serve(serve));
  for (const auto& organisation : access->node_->organisations()) access->origins_[organisation->config().slug] = organisation->origin();
  return access;
}

NodeAccess::~NodeAccess() {
  clients_.clear();
  if (node_) node_->stop();
}

Result<void> NodeAccess::find_running(const std::string& trust_file) {
  const auto text = system_files().read_all(layout_.running(), kRunningBytesMax);
  if (!text)
    return fail(ErrorKind::unavailable,
                "another process works on " + layout_.folder + " and does not serve (yet); wait for it, or stop it");
  CARELEDGER_TRY(const json::Document document, json::parse(*text));
  for (const json::Value& organisation : document.root().items_at("organisations")) {
    std::string fhir(organisation.string_at("fhir"));
    if (fhir.ends_with("/fhir")) fhir.resize(fhir.size() - 5);
    origins_[slug_of(std::string(organisation.string_at("name")))] = fhir;
  }
  trust_file_ = trust_file;
  if (trust_file_.empty()) trust_file_ = document.root().string_at("certificate");
  return {};
}

Result<std::string> NodeAccess::origin_of(const std::string& organisation) const {
  const OrganisationConfig* found = config_.find(organisation);
  const auto origin = found == nullptr ? origins_.end() : origins_.find(found->slug);
  if (origin != origins_.end()) return origin->second;
  std::string known;
  for (const OrganisationConfig& candidate : config_.organisations) known += (known.empty() ? "" : ", ") + candidate.name;
  return fail(ErrorKind::not_found, "this node hosts no organisation \"" + organisation + "\"; it hosts " + known);
}

Result<std::string> NodeAccess::token_for(const std::string& organisation, edge::auth::Role role) {
  const OrganisationConfig* found = config_.find(organisation);
  if (found == nullptr) return tl::make_unexpected(origin_of(organisation).error());
  edge::auth::Principal principal;
  principal.organisation = found->id;
  principal.role = role;
  principal.actor = role == edge::auth::Role::clinician ? "Practitioner/" + found->clinician.hex() : "Device/command-line";
  return sign_token(*found, principal, kTokenLife);
}

// With the key of the node in this process, or of a keystore opened here, once: a passphrase on standard input is there once.
Result<std::string> NodeAccess::sign_token(const OrganisationConfig& organisation, const edge::auth::Principal& principal,
                                           std::chrono::seconds life) {
  const std::lock_guard lock(mutex_);
  auto known = token_keys_.find(organisation.slug);
  if (known == token_keys_.end()) {
    Organisation* const here = node_ ? node_->find(organisation.slug) : nullptr;
    std::unique_ptr<vault::Keystore> opened;
    if (here == nullptr) {
      CARELEDGER_TRY(const vault::Seal seal, open_seal(layout_, seal_, false, system_entropy()));
      CARELEDGER_TRY(opened,
                     vault::Keystore::open(layout_.organisation_keystore(organisation.slug), seal, system_clock(), system_entropy()));
    }
    vault::Keystore& keys = here == nullptr ? *opened : here->keys();
    CARELEDGER_TRY(crypto::SigningKey key, keys.signing(vault::Purpose::access_token));
    known = token_keys_.emplace(organisation.slug, std::move(key)).first;
  }
  return edge::auth::issue_token(known->second, principal, life, system_clock(), system_entropy());
}

Result<std::string> NodeAccess::issue_token(const std::string& organisation, const edge::auth::Principal& principal,
                                            std::chrono::minutes life) {
  const OrganisationConfig* found = config_.find(organisation);
  if (found == nullptr) return tl::make_unexpected(origin_of(organisation).error());
  CARELEDGER_TRY(std::string token, sign_token(*found, principal, life));  // before it is announced: it may be refused
  json::Document document;
  json::Value body = document.object();
  document.set(body, "role", document.string(edge::auth::name_of(principal.role)));
  document.set(body, "actor", document.string(principal.actor));
  document.set(body, "purpose", document.string(principal.purpose));
  document.set(body, "patient", document.string(principal.compartment));
  document.set(body, "minutes", document.number(static_cast<std::int64_t>(life.count())));
  document.set(body, "emergency", document.boolean(principal.emergency));
  const auto request = http::make_request(http::Method::post, "/admin/v1/tokens", json::compact(body), "application/json");
  CARELEDGER_CHECK(need(organisation, edge::auth::Role::administrator, request));
  return token;
}

Result<std::string> NodeAccess::kept_token(const std::string& organisation, edge::auth::Role role) {
  const std::lock_guard lock(tokens_mutex_);
  KeptToken& kept = tokens_[{organisation, role}];
  const std::uint64_t now = system_clock().monotonic_ns();
  if (kept.text.empty() || now >= kept.renew_ns) {
    CARELEDGER_TRY(kept.text, token_for(organisation, role));
    kept.renew_ns = now + static_cast<std::uint64_t>(std::chrono::nanoseconds(kTokenLife).count()) / 2;
  }
  return kept.text;
}

Result<http::Client*> NodeAccess::client_of(const std::string& organisation) {
  CARELEDGER_TRY(const std::string origin, origin_of(organisation));
  const std::lock_guard lock(mutex_);
  auto& client = clients_[origin];
  if (!client) {
    http::ClientConfig config;
    config.origin = origin;
    config.trust_file = trust_file_;
    config.answer_time = std::chrono::minutes(10);
    CARELEDGER_TRY(client, http::Client::make(config));
  }
  return client.get();
}

Result<http::Response> NodeAccess::call(const std::string& organisation, edge::auth::Role role, http::Request request) {
  CARELEDGER_TRY(http::Client * client, client_of(organisation));
  if (!request.headers.find("Authorization")) {
    CARELEDGER_TRY(const std::string token, kept_token(organisation, role));
    request.headers.set("Authorization", "Bearer " + token);
  }
  return client->call(request);
}

Result<http::Response> NodeAccess::need(const std::string& organisation, edge::auth::Role role, http::Request request) {
  CARELEDGER_TRY(http::Response response, call(organisation, role, std::move(request)));
  if (response.status / 100 == 2) return response;
  return tl::make_unexpected(error_of(response));
}

}  // namespace careledger::apps
