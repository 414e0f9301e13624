#include "edge/rpc/methods.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "ordering/headers_kept.h"

namespace careledger::edge::rpc {

namespace {

constexpr std::int64_t kPerPageDefault = 30;  // CometBFT's
constexpr std::int64_t kPerPageMax = 100;

std::int64_t newest_of(const Node& node) { return static_cast<std::int64_t>(node.ordering->height().value); }

// CometBFT's words: its clients tell "too high" from "not there" by them.
Result<Height> height_of(const Node& node, const Arguments& arguments) {
  const auto highest = newest_of(node);
  CARELEDGER_TRY(const auto asked, arguments.integer("height"));
  if (highest < 1) return fail(ErrorKind::unavailable, "height 1 must be less than or equal to the current blockchain height 0");
  const auto height = asked.value_or(highest);
  if (asked && height <= 0) return fail(ErrorKind::invalid, "height must be greater than 0, but got " + std::to_string(height));
  if (height > highest) {
    return fail(ErrorKind::invalid, "height " + std::to_string(height) + " must be less than or equal to the current blockchain height " +
                                        std::to_string(highest));
  }
  return Height{static_cast<std::uint64_t>(height)};
}

Result<proof::SignedHeader> header_at(const Node& node, Height height) {
  auto header = node.ordering->header(height);
  if (!header && header.error().kind == ErrorKind::not_found) {
    const std::string what = "height " + std::to_string(height.value) + " is not available";
    const auto kept = ordering::check_header_kept(node.replica->view(), height);
    return fail(ErrorKind::not_found, kept ? what : what + "; " + kept.error().message);
  }
  return header;
}

Result<Value> health(const Node&, const Arguments&, Document& document) { return document.object(); }

Result<Value> net_info(const Node&, const Arguments&, Document& document) {
  return Object(document)
      .truth("listening", true)
      .add("listeners", document.array())
      .quoted("n_peers", 0)
      .add("peers", document.array())
      .done();
}

Result<Value> header(const Node& node, const Arguments& arguments, Document& document) {
  CARELEDGER_TRY(const auto height, height_of(node, arguments));
  CARELEDGER_TRY(const auto found, header_at(node, height));
  return Object(document).add("header", to_json(document, found.header)).done();
}

Result<Value> commit(const Node& node, const Arguments& arguments, Document& document) {
  CARELEDGER_TRY(const auto height, height_of(node, arguments));
  CARELEDGER_TRY(const auto found, header_at(node, height));
  Object signed_header(document);
  signed_header.add("header", to_json(document, found.header)).add("commit", to_json(document, found.commit));
  return Object(document).add("signed_header", signed_header.done()).truth("canonical", true).done();
}

Result<Value> validators(const Node& node, const Arguments& arguments, Document& document) {
  CARELEDGER_TRY(const auto height, height_of(node, arguments));
  CARELEDGER_TRY(const auto page_asked, arguments.integer("page"));
  CARELEDGER_TRY(const auto per_page_asked, arguments.integer("per_page"));
  CARELEDGER_TRY(const auto set, node.ordering->validators(height));
  const auto total = static_cast<std::int64_t>(set.validators.size());
  auto per_page = per_page_asked.value_or(kPerPageDefault);
  per_page = per_page < 1 ? kPerPageDefault : std::min(per_page, kPerPageMax);
  const auto pages = std::max<std::int64_t>(1, (total - 1) / per_page + 1);
  const auto page = page_asked.value_or(1);
  if (page < 1 || page > pages) {
    return fail(ErrorKind::invalid, "page should be within [1, " + std::to_string(pages) + "] range, given " + std::to_string(page));
  }
  auto list = document.array();
  for (auto i = (page - 1) * per_page; i < std::min(total, page * per_page); ++i) {
    document.append(list, to_json(document, set.validators[static_cast<std::size_t>(i)]));
  }
  Object out(document);
  out.quoted("block_height", static_cast<std::int64_t>(height.value)).add("validators", list);
  return out.quoted("count", static_cast<std::int64_t>(list.size())).quoted("total", total).done();
}

Result<Value> consensus_params(const Node& node, const Arguments& arguments, Document& document) {
  CARELEDGER_TRY(const auto height, height_of(node, arguments));
  CARELEDGER_TRY(const auto found, header_at(node, height));
  Object out(document);
  out.quoted("block_height", static_cast<std::int64_t>(height.value));
  CARELEDGER_TRY(const ordering::chain_json::Rules rules, node.rules(height));
  return out.add("consensus_params", consensus_params_json(document, rules.limits, found.header.app_version, rules.evidence)).done();
}

Result<Value> abci_info(const Node& node, const Arguments&, Document& document) {
  const auto view = node.replica->view();
  Object response(document);
  response.text("data", "careledger").text("version", node.version);
  response.quoted("last_block_height", static_cast<std::int64_t>(view.height().value))
      .base64("last_block_app_hash", view.app_hash().view());
  return Object(document).add("response", response.done()).done();
}

Value node_info(const Node& node, const proof::Header& latest, const Bytes& address, Document& document) {
  Object protocol(document);
  protocol.quoted("p2p", 8)
      .quoted("block", static_cast<std::int64_t>(latest.block_version))
      .quoted("app", static_cast<std::int64_t>(latest.app_version));
  return Object(document)
      .add("protocol_version", protocol.done())
      .text("id", to_hex(address))
      .text("listen_addr", "")
      .text("network", latest.chain_id)
      .text("version", node.version)
      .text("channels", "")
      .text("moniker", node.moniker)
      .add("other", Object(document).text("tx_index", "off").text("rpc_address", "").done())
      .done();
}

// A block that comes between the two questions may drop what the first one named.
Result<proof::SignedHeader> earliest_of(const Node& node) {
  constexpr int kTries = 3;
  for (int tried = 1;; ++tried) {
    CARELEDGER_TRY(const Height first, ordering::first_header(node.replica->view()));
    auto header = header_at(node, first);
    if (header || header.error().kind != ErrorKind::not_found || tried == kTries) return header;
  }
}

Result<Value> status(const Node& node, const Arguments&, Document& document) {
  const Height newest = node.ordering->height();
  if (newest.value < 1) return fail(ErrorKind::unavailable, "there is no block yet");
  CARELEDGER_TRY(const auto latest, header_at(node, newest));
  CARELEDGER_TRY(const auto earliest, earliest_of(node));
  CARELEDGER_TRY(const auto set, node.ordering->validators(newest));
  CARELEDGER_ASSERT(!set.validators.empty());
  const auto& validator = set.validators[0];
  Object sync(document);
  const auto add = [&sync](const std::string& which, const proof::SignedHeader& block) {
    sync.hex(which + "_block_hash", block.commit.block_id.hash).hex(which + "_app_hash", block.header.app_hash);
    sync.quoted(which + "_block_height", block.header.height).text(which + "_block_time", proof::to_rfc3339(block.header.time));
  };
  add("latest", latest);
  add("earliest", earliest);
  sync.truth("catching_up", false);
  Object who(document);
  who.hex("address", validator.address()).add("pub_key", public_key_json(document, validator.key)).quoted("voting_power", validator.power);
  return Object(document)
      .add("node_info", node_info(node, latest.header, validator.address(), document))
      .add("sync_info", sync.done())
      .add("validator_info", who.done())
      .done();
}

Result<Value> genesis(const Node& node, const Arguments&, Document& document) {
  if (newest_of(node) < 1) return fail(ErrorKind::unavailable, "there is no block yet");
  CARELEDGER_TRY(const auto first, header_at(node, {1}));
  CARELEDGER_TRY(const auto set, node.ordering->validators({1}));
  auto list = document.array();
  for (const auto& validator : set.validators) document.append(list, genesis_validator_json(document, validator.key, validator.power, ""));
  Object out(document);
  out.text("genesis_time", proof::to_rfc3339(first.header.time)).text("chain_id", first.header.chain_id).quoted("initial_height", 1);
  CARELEDGER_TRY(const ordering::chain_json::Rules rules, node.rules({1}));
  out.add("consensus_params", consensus_params_json(document, rules.limits, first.header.app_version, rules.evidence));
  out.add("validators", list).hex("app_hash", first.header.app_hash);
  return Object(document).add("genesis", out.done()).done();
}

struct Method {
  std::string_view name;
  std::vector<std::string_view> parameters;
  Result<Value> (*call)(const Node&, const Arguments&, Document&);
};

const std::array<Method, 10>& methods() {
  static const std::array<Method, 10> all{{{"health", {}, health},
                                           {"status", {}, status},
                                           {"net_info", {}, net_info},
                                           {"genesis", {}, genesis},
                                           {"header", {"height"}, header},
                                           {"commit", {"height"}, commit},
                                           {"validators", {"height", "page", "per_page"}, validators},
                                           {"consensus_params", {"height"}, consensus_params},
                                           {"abci_info", {}, abci_info},
                                           {"abci_query", {"path", "data", "height", "prove"}, abci_query}}};
  return all;
}

const Method* find(std::string_view name) {
  const auto found = std::ranges::find(methods(), name, &Method::name);
  return found == methods().end() ? nullptr : &*found;
}

}  // namespace

std::optional<std::string> Arguments::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::optional<std::int64_t>> Arguments::integer(std::string_view name) const {
  const auto text = find(name);
  if (!text || text->empty()) return std::optional<std::int64_t>{};
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return fail(ErrorKind::invalid, std::string(name) + " is not an integer");
  return std::optional(value);
}

Result<Bytes> Arguments::bytes(std::string_view name) const {
  const auto text = find(name).value_or("");
  auto bytes = from_hex(std::string_view(text).substr(text.starts_with("0x") || text.starts_with("0X") ? 2 : 0));
  if (!bytes) return fail(ErrorKind::invalid, std::string(name) + " is not hex");
  return std::move(*bytes);
}

bool Arguments::truth(std::string_view name) const { return find(name).value_or("") == "true"; }

std::optional<std::vector<std::string_view>> parameters_of(std::string_view method) {
  const auto* const found = find(method);
  return found == nullptr ? std::nullopt : std::optional(found->parameters);
}

Result<Value> call(const Node& node, std::string_view method, const Arguments& arguments, Document& document) {
  const auto* const found = find(method);
  if (found == nullptr) return fail(ErrorKind::not_found, "Method not found");
  return found->call(node, arguments, document);
}

}  // namespace careledger::edge::rpc
