#include "edge/fhir/handler.h"

#include "base/assert.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"
#include "edge/http/gzip.h"

namespace careledger::edge::fhir {
namespace {

constexpr std::size_t kPageKeyBytes = 32;

auth::Action action_of(Interaction interaction, std::string_view operation) {
  switch (interaction) {
    case Interaction::none:
    case Interaction::capabilities:
    case Interaction::read:
    case Interaction::vread: return auth::Action::read;
    case Interaction::history: return auth::Action::history;
    case Interaction::create: return auth::Action::create;
    case Interaction::update: return auth::Action::update;
    case Interaction::remove: return auth::Action::remove;
    case Interaction::search: return auth::Action::search;
    case Interaction::bundle: return auth::Action::transaction;
    case Interaction::operation: return operation == "$retrieve" ? auth::Action::retrieve : auth::Action::update;
  }
  return auth::Action::administrate;
}

// What role and scopes allow, before anything is looked up; whose record it is, the interaction asks when it knows.
Result<void> permit_kind(const Call& call) {
  const std::span<const std::string> own(&call.principal.compartment, call.principal.role == auth::Role::patient ? 1 : 0);
  return auth::permit(call.principal, action_of(call.route.interaction, call.route.operation), {call.route.type, call.route.id, own});
}

bool has_body(const Route& route) {
  switch (route.interaction) {
    case Interaction::create:
    case Interaction::update:
    case Interaction::bundle: return true;
    case Interaction::none:
    case Interaction::capabilities:
    case Interaction::read:
    case Interaction::vread:
    case Interaction::history:
    case Interaction::remove:
    case Interaction::search:
    case Interaction::operation: return false;
  }
  return false;
}

void send_capabilities(State& state, CallPtr call) {
  const Capabilities ready = capabilities(state, base_of(state, call->request));
  http::Response response = resource(call->form, 200, call->form.pretty ? Bytes(*ready.plain) : Bytes());
  if (!call->form.pretty) {
    const bool packed = http::accepts_gzip(call->request.headers.get("Accept-Encoding"));
    response.headers.add("Content-Type", "application/fhir+json; charset=utf-8");
    if (packed) response.headers.add("Content-Encoding", "gzip");
    response.shared_body = packed ? ready.packed : ready.plain;
  }
  response.headers.set("Cache-Control", "public, max-age=300");
  if (call->form.pretty) return send_by_size(state, std::move(call), std::move(response));
  send(std::move(call), std::move(response));
}

// What is public: capabilities and our own definitions. False when the request is for something else.
bool send_public(State& state, CallPtr& call) {
  if (call->route.interaction == Interaction::capabilities) {
    send_capabilities(state, std::move(call));
    return true;
  }
  if (call->route.interaction != Interaction::read) return false;
  const std::string_view text = definition(call->route.type, call->route.id);
  if (text.empty()) return false;
  http::Response response = resource(call->form, 200, Bytes(text));
  send(std::move(call), std::move(response));
  return true;
}

void dispatch(State& state, CallPtr call) {
  const bool audit_event = call->route.type == "AuditEvent";
  switch (call->route.interaction) {
    case Interaction::none:  // has been refused
    case Interaction::capabilities:
    case Interaction::read:
      return audit_event ? offload(state, state.searches, std::move(call), read_audit_event) : read(state, std::move(call));
    case Interaction::vread: return read(state, std::move(call));
    case Interaction::history: return offload(state, state.searches, std::move(call), history);
    case Interaction::create: return offload(state, state.parts.pool, std::move(call), create);
    case Interaction::update: return offload(state, state.parts.pool, std::move(call), update);
    case Interaction::remove: return offload(state, state.parts.pool, std::move(call), remove);
    case Interaction::search:
      return audit_event ? offload(state, state.searches, std::move(call), search_audit_events) : search(state, std::move(call));
    case Interaction::bundle: return offload(state, state.parts.pool, std::move(call), bundle);
    case Interaction::operation: return offload(state, state.parts.pool, std::move(call), operation);
  }
}

}  // namespace

FhirHandler::FhirHandler(FhirParts parts, FhirConfig config) : state_(std::make_shared<State>(parts, std::move(config))) {
  auto& key = state_->config.page_key;
  if (key.empty()) key = crypto::Secret::random(parts.entropy, kPageKeyBytes);
  CARELEDGER_ASSERT(key.size() == kPageKeyBytes);
}

FhirHandler::~FhirHandler() = default;

void FhirHandler::handle(http::Request request, http::Responder respond) {
  State& state = *state_;
  auto call = std::make_unique<Call>();
  call->request = std::move(request);
  call->respond = std::move(respond);
  std::string allow;
  const auto route = route_of(call->request, call->route, allow);
  const auto form = form_of(call->request, route && has_body(call->route));
  if (form) call->form = *form;
  if (route && form && send_public(state, call)) return;

  auto principal = state.parts.authenticator.authenticate(call->request);
  if (!principal) return finish_login(state, std::move(call), principal.error());
  call->principal = std::move(*principal);
  if (!route || !form) {
    http::Response response = refusal(call->form, route ? form.error() : route.error());
    if (!allow.empty()) response.headers.add("Allow", allow);
    Access access = access_of(*call);
    access.outcome = vault::AuditOutcome::failed;
    name_patients(state, access);
    access.details = "{\"status\":" + std::to_string(response.status) + '}';
    return finish(state, std::move(call), std::move(access), std::move(response));
  }
  if (const auto allowed = permit_kind(*call); !allowed) {
    Access access = access_of(*call);
    name_searched(state, *call, access);
    return finish(state, std::move(call), std::move(access), failure_of(allowed.error()));
  }
  dispatch(state, std::move(call));
}

}  // namespace careledger::edge::fhir
