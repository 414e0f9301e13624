// $retrieve and $relationship of a Patient: parameters read, then handed to whoever supplies them (operations.h).
#include "edge/fhir/incoming.h"
#include "edge/fhir/state.h"

namespace careledger::edge::fhir {
namespace {

using codec::json::Value;

constexpr std::size_t kParametersMax = 200;

// value[x] of a parameter when it is a primitive.
Outcome<std::string> value_of(const Value& parameter, const std::string& location) {
  for (const codec::json::Member& member : parameter.members()) {
    if (!member.key().starts_with("value")) continue;
    const Value& value = member.value;
    if (value.is_string() || value.is_number()) return std::string(value.text());
    if (value.is_boolean()) return std::string(value.boolean() ? "true" : "false");
  }
  return tl::make_unexpected(failure(400, "invalid", "a parameter of this operation has a primitive value", location));
}

Outcome<std::vector<OperationParameter>> read_parameters(Call& call) {
  std::vector<OperationParameter> out;
  for (const http::Parameter& one : call.request.query)
    if (!is_form_parameter(one.name)) out.push_back({one.name, one.value});
  if (call.request.body.empty()) return out;
  auto document = parse_body(std::move(call.request.body));
  if (!document) return tl::make_unexpected(std::move(document.error()));
  if (auto checked = check_resource(document->root(), "Parameters", {}); !checked) return tl::make_unexpected(std::move(checked.error()));
  const auto items = std::as_const(*document).root().items_at("parameter");
  if (items.size() > kParametersMax) return tl::make_unexpected(failure(413, "too-long", "too many parameters"));
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto value = value_of(items[i], "Parameters.parameter[" + std::to_string(i) + "]");
    if (!value) return tl::make_unexpected(std::move(value.error()));
    out.push_back({std::string(items[i].string_at("name")), std::move(*value)});
  }
  return out;
}

void reply(State& state, CallPtr call, Result<OperationReply> result) {
  if (!result) {
    http::Response response = refusal(call->form, failure_of(result.error()));
    if (http::status_of(result.error().kind) >= 500 && state.config.on_alert) {
      state.config.on_alert("an operation failed: " + result.error().message);
    }
    return send(std::move(call), std::move(response));
  }
  http::Response response = resource(call->form, result->status, std::move(result->body));
  send(std::move(call), std::move(response));
}

using Run = void (Operations::*)(OperationCall, OperationDone);
Run operation_of(std::string_view type, std::string_view name) {
  if (type != "Patient") return nullptr;
  if (name == "$retrieve") return &Operations::retrieve;
  if (name == "$relationship") return &Operations::relationship;
  return nullptr;
}

}  // namespace

void operation(State& state, CallPtr call) {
  Access access = access_of(*call);
  access.details = "{\"operation\":\"" + call->route.operation.substr(1) + "\"}";
  const Run run = operation_of(call->route.type, call->route.operation);
  if (run == nullptr || state.parts.operations == nullptr) {
    access.details.clear();  // the name is the client's own text
    return finish(state, std::move(call), std::move(access), failure(501, "not-supported", "this operation is not offered"));
  }
  const auto patient = state.parts.vault.view().read_meta(call->route.type, call->route.id);
  if (!patient || patient->deleted) {
    const Error error = patient ? Error{ErrorKind::gone, "the resource was deleted"} : patient.error();
    return finish(state, std::move(call), std::move(access), failure_of(error));
  }
  auto parameters = read_parameters(*call);
  if (!parameters) return finish(state, std::move(call), std::move(access), parameters.error());
  OperationCall order{call->principal, call->route.id, std::move(*parameters)};
  const auto shared = std::make_shared<CallPtr>(std::move(call));
  (state.parts.operations->*run)(std::move(order),
                                 [&state, shared](Result<OperationReply> result) { reply(state, std::move(*shared), std::move(result)); });
}

}  // namespace careledger::edge::fhir
