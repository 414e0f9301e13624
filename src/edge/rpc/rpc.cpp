// JSON-RPC 2.0 and the URI form around the methods.
#include "edge/rpc/rpc.h"

#include "edge/rpc/methods.h"
#include "edge/rpc/websocket.h"

namespace careledger::edge::rpc {

namespace {

constexpr std::size_t kCallsMax = 32;  // in one JSON-RPC batch
constexpr std::uint32_t kRequestMax = 64 * 1024;

struct Fault {
  int code;
  std::string_view message;
};
constexpr Fault kParseError{-32700, "Parse error. Invalid JSON"};
constexpr Fault kInvalidRequest{-32600, "Invalid Request"};
constexpr Fault kMethodNotFound{-32601, "Method not found"};
constexpr Fault kInvalidParams{-32602, "Invalid params"};
constexpr Fault kInternalError{-32603, "Internal error"};

Value envelope(Document& document, const Value& id, std::string_view member, Value content) {
  Object out(document);
  out.text("jsonrpc", "2.0");
  if (!id.is_null()) out.add("id", document.copy(id));
  return out.add(member, content).done();
}

Value fault(Document& document, const Value& id, Fault what, std::string_view data) {
  Object error(document);
  error.number("code", what.code).text("message", what.message);
  if (!data.empty()) error.text("data", data);
  return envelope(document, id, "error", error.done());
}

// A parameter as text: strings lose their quotes, numbers and booleans are taken as they stand.
std::optional<std::string> as_text(const Value& value) {
  if (value.is_string() || value.is_number()) return std::string(value.text());
  if (value.is_boolean()) return value.boolean() ? "true" : "false";
  if (value.is_null()) return "";
  return std::nullopt;
}

bool read_arguments(const Value* params, std::span<const std::string_view> names, Arguments& out) {
  if (params == nullptr || params->is_null()) return true;
  const auto take = [&out](std::string_view name, const Value& value) {
    auto text = as_text(value);
    if (text) out.set(std::string(name), std::move(*text));
    return text.has_value();
  };
  if (params->is_object()) {
    for (const auto& member : params->members()) {
      if (!take(member.key(), member.value)) return false;
    }
    return true;
  }
  if (!params->is_array() || params->size() > names.size()) return false;
  for (std::size_t i = 0; i < params->size(); ++i) {
    if (!take(names[i], params->items()[i])) return false;
  }
  return true;
}

// One call; null for a notification, which gets no answer.
Value answer_one(const Node& node, const Value& request, Document& document) {
  const Value* const id = request.find("id");
  if (!request.is_object()) return fault(document, Value(), kInvalidRequest, "not an object");
  if (id == nullptr || id->is_null()) return document.null();
  if (!id->is_string() && !id->is_number()) return fault(document, Value(), kInvalidRequest, "the id is neither a string nor a number");
  const auto method = request.string_at("method");
  const auto names = parameters_of(method);
  if (!names) return fault(document, *id, kMethodNotFound, "");
  Arguments arguments;
  if (!read_arguments(request.find("params"), *names, arguments))
    return fault(document, *id, kInvalidParams, "not parameters of this method");
  auto result = call(node, method, arguments, document);
  if (!result) return fault(document, *id, kInternalError, result.error().message);
  return envelope(document, *id, "result", *result);
}

std::string answer_text(const Node& node, std::string_view text) {
  Document document;
  codec::json::Limits limits;
  limits.bytes = kRequestMax;
  limits.depth = 8;
  const auto request = codec::json::parse(text, limits);
  if (!request) return codec::json::compact(fault(document, Value(), kParseError, request.error().message));
  if (!request->root().is_array()) {
    const auto answer = answer_one(node, request->root(), document);
    return answer.is_null() ? std::string() : codec::json::compact(answer);
  }
  if (request->root().size() > kCallsMax)
    return codec::json::compact(fault(document, Value(), kInvalidRequest, "more than 32 calls at once"));
  auto answers = document.array();
  for (const auto& each : request->root().items()) {
    const auto answer = answer_one(node, each, document);
    if (!answer.is_null()) document.append(answers, answer);
  }
  if (answers.size() == 1) return codec::json::compact(answers.items()[0]);  // as CometBFT does
  return answers.size() == 0 ? std::string() : codec::json::compact(answers);
}

// In a URI strings stand in quotes and bytes begin with 0x.
std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

http::Response answer_uri(const Node& node, const http::Request& request, std::string_view method) {
  Document document;
  Arguments arguments;
  for (const auto& parameter : request.query) {
    const bool quoted_bytes = parameter.name == "data" && parameter.value.starts_with('"');
    arguments.set(parameter.name, quoted_bytes ? to_hex(unquoted(parameter.value)) : unquoted(parameter.value));
  }
  const auto id = document.number(-1);
  const auto result = call(node, method, arguments, document);
  if (!result) return http::json(500, codec::json::compact(fault(document, id, kInternalError, result.error().message)));
  return http::json(200, codec::json::compact(envelope(document, id, "result", *result)));
}

}  // namespace

struct Rpc::State {
  Node node;
};

Rpc::Rpc(Node node) : state_(std::make_shared<State>(State{std::move(node)})) {
  CARELEDGER_ASSERT(state_->node.ordering != nullptr && state_->node.replica != nullptr && state_->node.rules);
}
Rpc::~Rpc() = default;

void Rpc::handle(http::Request request, http::Responder respond) {
  const auto& node = state_->node;
  http::Response response;
  if (request.path == "/websocket") {
    response = accept_websocket(request, [state = state_](std::string_view text) { return answer_text(state->node, text); });
    response.route = "/websocket";
  } else if (request.path == "/" && request.method == http::Method::post) {
    response =
        request.body.size() > kRequestMax ? http::problem(413, "a call may hold 64 KiB") : http::json(200, answer_text(node, request.body));
    response.route = "/";
  } else if (const auto method = std::string_view(request.path).substr(1);
             parameters_of(method) && (request.method == http::Method::get || request.method == http::Method::head)) {
    response = answer_uri(node, request, method);
    response.route = request.path;
  } else {
    response = http::problem(404, "there is no such method; see CometBFT's RPC");
    response.route = "(unknown)";
  }
  respond(std::move(response));
}

}  // namespace careledger::edge::rpc
