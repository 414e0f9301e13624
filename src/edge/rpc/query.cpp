// abci_query: rows of the state with proofs up to a header's app hash.
#include "edge/rpc/methods.h"
#include "proof/comet.pb.h"
#include "proof/ics23.h"

namespace careledger::edge::rpc {

namespace {

constexpr std::size_t kKeyMax = 256;

struct Found {
  std::optional<Bytes> value;
  Bytes ops;  // tendermint.crypto.ProofOps
};

Bytes ics23_ops(ByteView key, const Bytes& in_state, const Bytes& in_app_hash) {
  comet::ProofOps ops;
  const auto add = [&ops](ByteView of, const Bytes& data) {
    auto& op = *ops.add_ops();
    op.set_type("ics23:simple");
    op.set_key(of.data(), of.size());
    op.set_data(data);
  };
  add(key, in_state);
  add("state", in_app_hash);
  return ops.SerializeAsString();
}

Result<Found> find_row(const replica::View& view, ByteView key, bool ics23) {
  const auto state = proof::prove_simple(proof::app_map(view.app_state()), "state");
  CARELEDGER_TRY(const auto path, view.path(key));
  if (path && !ics23 && path->steps.size() <= proof::kMaxSimpleDepth) {
    CARELEDGER_TRY(auto ops, proof::simple_value_ops(*path, state));
    return Found{path->value, std::move(ops)};
  }
  if (path) return Found{path->value, ics23_ops(key, proof::ics23_existence(*path), proof::ics23_existence(state))};
  CARELEDGER_TRY(const auto neighbours, view.neighbours(key));
  if (!neighbours.before && !neighbours.after)
    return fail(ErrorKind::unsupported, "the state is empty: there is nothing to prove absence with");
  const auto absence = proof::ics23_absence(key, neighbours.before, neighbours.after);
  return Found{std::nullopt, ics23_ops(key, absence, proof::ics23_existence(state))};
}

Result<Found> find_root(const replica::View& view, ByteView name) {
  const auto map = proof::app_map(view.app_state());
  if (!map.contains(Bytes(name))) return fail(ErrorKind::not_found, "there is no root of that name; there are \"log\" and \"state\"");
  const auto proof = proof::prove_simple(map, name);
  return Found{proof.value, proof::simple_value_ops(proof)};
}

Value ops_json(Document& document, const Bytes& encoded) {
  comet::ProofOps ops;
  CARELEDGER_ASSERT(ops.ParseFromString(encoded));
  auto list = document.array();
  for (const auto& op : ops.ops()) {
    document.append(list, Object(document).text("type", op.type()).base64("key", op.key()).base64("data", op.data()).done());
  }
  return Object(document).add("ops", list).done();
}

Value response_json(Document& document, std::int64_t height, ByteView key, const Found* found, std::uint32_t code, std::string_view log) {
  Object response(document);
  response.number("code", code).text("log", log).text("info", "").quoted("index", 0).base64("key", key);
  response.base64("value", found != nullptr && found->value ? ByteView(*found->value) : ByteView{});
  response.add("proofOps", found != nullptr ? ops_json(document, found->ops) : document.null());
  response.quoted("height", height).text("codespace", code == 0 ? "" : "careledger");
  return Object(document).add("response", response.done()).done();
}

// The newest height whose app hash stands in a header that exists, or the one asked for.
Result<replica::View> view_for(const Node& node, std::int64_t asked) {
  const auto newest = node.ordering->height();
  if (newest.value < 2) return fail(ErrorKind::unavailable, "no height is provable yet");
  if (asked == 0) return node.replica->view_at({newest.value - 1});
  if (asked < 0 || static_cast<std::uint64_t>(asked) > newest.value) {
    return fail(ErrorKind::invalid, "height " + std::to_string(asked) + " must be less than or equal to the current blockchain height " +
                                        std::to_string(newest.value));
  }
  return node.replica->view_at({static_cast<std::uint64_t>(asked)});
}

}  // namespace

Result<Value> abci_query(const Node& node, const Arguments& arguments, Document& document) {
  CARELEDGER_TRY(const auto key, arguments.bytes("data"));
  CARELEDGER_TRY(const auto height, arguments.integer("height"));
  if (key.empty() || key.size() > kKeyMax) return fail(ErrorKind::invalid, "data must be a key of 1 to 256 bytes, in hex");
  const auto path = arguments.find("path").value_or("");
  const bool ics23 = path == "/ics23/state/key";
  const bool root = path == "/root";
  if (!ics23 && !root && path != "/store/state/key") {
    return response_json(document, 0, key, nullptr, 1, "unknown path; there are /store/state/key, /ics23/state/key and /root");
  }
  const auto view = view_for(node, height.value_or(0));
  if (!view) return response_json(document, 0, key, nullptr, 2, view.error().message);
  const auto found = root ? find_root(*view, key) : find_row(*view, key, ics23);
  if (!found) return response_json(document, static_cast<std::int64_t>(view->height().value), key, nullptr, 3, found.error().message);
  return response_json(document, static_cast<std::int64_t>(view->height().value), key, &*found, 0, "");
}

}  // namespace careledger::edge::rpc
