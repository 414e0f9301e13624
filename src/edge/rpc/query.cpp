// abci_query: rows of the state with proofs up to a header's app hash.
#include "edge/rpc/methods.h"
#include "ordering/state_query.h"
#include "proof/comet.pb.h"

namespace careledger::edge::rpc {

namespace {

Value ops_json(Document& document, const Bytes& encoded) {
  comet::ProofOps ops;
  CARELEDGER_ASSERT(ops.ParseFromString(encoded));
  auto list = document.array();
  for (const auto& op : ops.ops()) {
    document.append(list, Object(document).text("type", op.type()).base64("key", op.key()).base64("data", op.data()).done());
  }
  return Object(document).add("ops", list).done();
}

Value response_json(Document& document, ByteView key, const ordering::QueryAnswer& answer) {
  const bool ok = answer.code == ordering::QueryCode::ok;
  Object response(document);
  response.number("code", static_cast<std::uint32_t>(answer.code)).text("log", answer.log).text("info", "").quoted("index", 0);
  response.base64("key", key).base64("value", answer.value ? ByteView(*answer.value) : ByteView{});
  response.add("proofOps", ok ? ops_json(document, answer.operations) : document.null());
  response.quoted("height", static_cast<std::int64_t>(answer.height.value)).text("codespace", ok ? "" : "careledger");
  return Object(document).add("response", response.done()).done();
}

}  // namespace

Result<Value> abci_query(const Node& node, const Arguments& arguments, Document& document) {
  CARELEDGER_TRY(const auto key, arguments.bytes("data"));
  CARELEDGER_TRY(const auto height, arguments.integer("height"));
  if (key.empty() || key.size() > ordering::kQueryKeyMax) return fail(ErrorKind::invalid, "data must be a key of 1 to 256 bytes, in hex");
  const auto path = arguments.find("path").value_or("");
  return response_json(document, key, ordering::query_state(*node.replica, node.ordering->height(), path, key, height.value_or(0)));
}

}  // namespace careledger::edge::rpc
