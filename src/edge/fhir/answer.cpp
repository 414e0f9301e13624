// Answers: built, recorded, waited for, sent.
#include <algorithm>
#include <atomic>

#include "codec/json/json.h"
#include "crypto/hash.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {
namespace {

using vault::AuditEntry;
using vault::AuditKind;
using vault::AuditOutcome;

constexpr std::size_t kLargeAnswer = 64 * 1024;  // packing more would hold up the thread that tells of durable entries

const char* route_name(const Route& route) {
  switch (route.interaction) {
    case Interaction::none: return !route.id.empty() ? "/fhir/{type}/{id}" : !route.type.empty() ? "/fhir/{type}" : "/fhir/*";
    case Interaction::capabilities: return "/fhir/metadata";
    case Interaction::read:
    case Interaction::update:
    case Interaction::remove: return "/fhir/{type}/{id}";
    case Interaction::vread: return "/fhir/{type}/{id}/_history/{version}";
    case Interaction::history: return "/fhir/{type}/{id}/_history";
    case Interaction::create: return "/fhir/{type}";
    case Interaction::search: return route.form ? "/fhir/{type}/_search" : "/fhir/{type}";
    case Interaction::bundle: return "/fhir";
    case Interaction::operation: return "/fhir/{type}/{id}/{operation}";
  }
  return "/fhir";
}

// What a request that is no interaction would have been.
AuditKind kind_of(http::Method method) {
  switch (method) {
    case http::Method::post: return AuditKind::create;
    case http::Method::put:
    case http::Method::patch: return AuditKind::update;
    case http::Method::remove: return AuditKind::remove;
    case http::Method::get:
    case http::Method::head:
    case http::Method::options:
    case http::Method::other: return AuditKind::read;
  }
  return AuditKind::read;
}

AuditKind kind_of(Interaction interaction, http::Method method) {
  switch (interaction) {
    case Interaction::none: return kind_of(method);
    case Interaction::capabilities:
    case Interaction::read: return AuditKind::read;
    case Interaction::vread: return AuditKind::vread;
    case Interaction::history: return AuditKind::history;
    case Interaction::create: return AuditKind::create;
    case Interaction::update: return AuditKind::update;
    case Interaction::remove: return AuditKind::remove;
    case Interaction::search: return AuditKind::search;
    case Interaction::bundle: return AuditKind::transaction;
    case Interaction::operation: return AuditKind::retrieve;
  }
  return AuditKind::read;
}

void tell_anchor(http::Response& response, const vault::AnchorState& state) {
  switch (state.state) {
    case vault::Anchoring::pending:
    case vault::Anchoring::submitted: response.headers.set("CareLedger-Anchor", "pending"); return;
    case vault::Anchoring::refused: response.headers.set("CareLedger-Anchor", "refused"); return;
    case vault::Anchoring::final: response.headers.set("CareLedger-Anchor", "final; height=" + std::to_string(state.height.value)); return;
  }
}

http::Response unrecorded(const State& state, const Call& call, const Error& error) {
  if (state.config.on_alert) state.config.on_alert("an access could not be recorded and was not answered: " + error.message);
  const Failure why{http::status_of(error.kind), {{"error", issue_code_of(error.kind), "the request could not be recorded", {}}}};
  return refusal(call.form, why);
}

// Waits for the entries of one request, then for its anchor.
struct Waiting : std::enable_shared_from_this<Waiting> {
  State& state;
  CallPtr call;
  http::Response response;
  std::uint64_t number;
  std::atomic<std::size_t> left;
  std::mutex mutex{};
  std::optional<Error> failed{};

  template <class T>
  void recorded(const Result<T>& result) {
    if (!result) {
      const std::lock_guard lock(mutex);
      failed = result.error();
    }
    if (left.fetch_sub(1) == 1) complete();
  }

  void complete() {
    if (failed) return deliver(unrecorded(state, *call, *failed));
    if (number == 0) return deliver(std::move(response));
    if (!state.config.waits_for_anchor()) {
      response.headers.set("CareLedger-Anchor", "pending");
      return deliver(std::move(response));
    }
    auto& vault = state.parts.vault;
    const auto waits = state.config.waits_for_anchor;  // a copy: once it is answered, this and the handler may go
    vault.when_anchored(number, [self = shared_from_this()](const vault::AnchorState& anchor) {
      tell_anchor(self->response, anchor);
      self->deliver(std::move(self->response));
    });
    if (!waits()) vault.release_waiting();  // the ledger grew between the two: nobody told this one
  }

  void deliver(http::Response answer) { send_by_size(state, std::move(call), std::move(answer)); }

  Waiting(State& the_state, CallPtr the_call, http::Response the_response, std::uint64_t the_number, std::size_t entries)
      : state(the_state), call(std::move(the_call)), response(std::move(the_response)), number(the_number), left(entries) {}
};

AuditEntry entry_of(const Call& call, const Access& access) {
  AuditEntry entry;
  entry.kind = access.kind;
  entry.outcome = access.outcome;
  entry.actor = call.principal.actor;
  entry.role = auth::name_of(call.principal.role);
  entry.purpose = call.principal.purpose;
  entry.resource_type = access.type;
  entry.resource_id = access.id;
  entry.version = access.version;
  entry.details = access.details;
  if (call.principal.emergency && entry.kind != AuditKind::refusal) {
    entry.details = std::string("{\"interaction\":\"") + vault::name_of(access.kind) + '"';
    if (!access.details.empty()) entry.details += ",\"details\":" + access.details;
    entry.details += '}';
    entry.kind = AuditKind::break_glass;
  }
  return entry;
}

// Whose lists it shows in. Names that no patient has come to one entry under nobody together: a subject of the audit map stays for ever.
std::vector<vault::Subject> subjects_of(const State& state, const Access& access) {
  std::vector<std::string_view> patients(access.patients.begin(), access.patients.end());
  std::span<const std::string> named = access.named;
  if (named.empty() && patients.empty() && access.type == "Patient" && !access.id.empty()) named = {&access.id, 1};
  bool nobody = patients.empty() && named.empty();
  if (!named.empty()) {
    const vault::View view = state.parts.vault.view();
    const auto known = [&](const std::string& name) { return view.has_patient(name); };
    std::ranges::copy_if(named, std::back_inserter(patients), known);
    nobody = patients.size() < access.patients.size() + named.size();
  }
  std::ranges::sort(patients);
  patients.erase(std::unique(patients.begin(), patients.end()), patients.end());
  std::vector<vault::Subject> out;
  out.reserve(patients.size() + 1);
  if (nobody) out.emplace_back();
  for (const std::string_view patient : patients) out.push_back(state.parts.audit.subject_of(patient));
  return out;
}

}  // namespace

std::string base_of(const State& state, const http::Request& request) {
  if (!state.config.base_url.empty()) return state.config.base_url;
  return (request.tls ? "https://" : "http://") + request.authority + "/fhir";
}

http::Response resource(const Form& form, int status, Bytes body) {
  http::Response response;
  response.status = status;
  if (body.empty()) return response;
  response.headers.reserve(6, 256);
  response.headers.add("Content-Type", "application/fhir+json; charset=utf-8");
  if (form.pretty) {
    if (const auto tree = codec::json::parse(body)) body = codec::json::pretty(tree->root()) + '\n';
  }
  response.body = std::move(body);
  return response;
}

http::Response refusal(const Form& form, const Failure& failure) {
  http::Response response = resource(form, failure.status, outcome(failure.issues));
  if (failure.status == 503) response.headers.add("Retry-After", "1");
  if (failure.status == 403) response.headers.add("WWW-Authenticate", auth::challenge({ErrorKind::forbidden, {}}));
  return response;
}

Access access_of(const Call& call) {
  Access access;
  access.kind = kind_of(call.route.interaction, call.request.method);
  access.type = call.route.type;
  access.id = call.route.id;
  access.version = call.route.version;
  if (!call.route.compartment.empty()) access.named = {call.route.compartment};
  return access;
}

void send(CallPtr call, http::Response response) {
  response.route = route_name(call->route);
  call->respond(std::move(response));
}

void send_by_size(State& state, CallPtr call, http::Response response) {
  if (response.content().size() <= kLargeAnswer) return send(std::move(call), std::move(response));
  const auto shared = std::make_shared<std::pair<CallPtr, http::Response>>(std::move(call), std::move(response));
  const auto work = [shared] { send(std::move(shared->first), std::move(shared->second)); };
  if (!state.searches.post(work)) work();
}

Outcome<std::optional<Digest>> new_name(const Call& call, const vault::Transaction& transaction, std::uint64_t part) {
  const auto key = call.request.headers.get("Idempotency-Key");
  if (key.empty()) return std::nullopt;
  const Digest name = crypto::sha256({crypto::sha256(call.principal.actor).view(), crypto::sha256(key).view(), u64_bytes(part)});
  const auto stored = transaction.stored(name);
  if (!stored) return tl::make_unexpected(failure_of(stored.error()));
  if (*stored) return tl::make_unexpected(failure(409, "duplicate", "this was stored before, under this Idempotency-Key"));
  return name;
}

Outcome<void> once(const Call& call, vault::Transaction& transaction) {
  const auto name = new_name(call, transaction, 0);
  if (!name) return tl::make_unexpected(name.error());
  if (*name) transaction.name(**name);
  return {};
}

Outcome<Kept> commit(State& state, const Call& call, vault::Transaction& transaction, const Access& access) {
  auto written = state.parts.writes.commit(transaction, entry_of(call, access), subjects_of(state, access));
  if (!written) return tl::make_unexpected(failure_of(written.error()));
  Kept kept{written->committed.last_number, {}};
  if (written->recording) kept.recordings.push_back(std::move(written->recording));
  return kept;
}

void finish(State& state, CallPtr call, Access access, http::Response response) {
  std::vector<Access> accesses;
  accesses.push_back(std::move(access));
  finish(state, std::move(call), std::move(accesses), std::move(response));
}

void finish(State& state, CallPtr call, std::vector<Access> accesses, http::Response response, Kept kept) {
  std::vector<AuditEntry> entries;
  for (const Access& access : accesses) {
    const AuditEntry entry = entry_of(*call, access);
    for (const vault::Subject& subject : subjects_of(state, access)) {
      entries.push_back(entry);
      entries.back().subject = subject;
    }
  }
  const std::size_t parts = entries.size() + kept.recordings.size();
  const auto waiting = std::make_shared<Waiting>(state, std::move(call), std::move(response), kept.number, parts);
  for (const auto& recording : kept.recordings) {
    recording->when_done([waiting](const Result<void>& recorded) { waiting->recorded(recorded); });
  }
  for (AuditEntry& entry : entries) {
    state.parts.audit.append(std::move(entry), [waiting](const Result<vault::Recorded>& recorded) { waiting->recorded(recorded); });
  }
}

void make_refusal(Access& access) {
  access.details = std::string("{\"interaction\":\"") + vault::name_of(access.kind) + "\"}";
  access.kind = AuditKind::refusal;
  access.outcome = AuditOutcome::refused;
}

// A tombstone's too; what was erased belongs to nobody any more. Nothing of this shows in the answer.
void name_patients(const State& state, Access& access) {
  if (access.id.empty() || !access.patients.empty() || access.type == "Patient" || access.type == "AuditEvent") return;
  const vault::View view = state.parts.vault.view();
  const auto add = [&](const vault::VersionMeta& meta) {
    access.patients.insert(access.patients.end(), meta.patients.begin(), meta.patients.end());
  };
  if (const auto newest = view.read_meta(access.type, access.id)) add(*newest);
  if (access.version != 0)  // which may have been another's record
    if (const auto asked = view.read_version(access.type, access.id, access.version)) add(asked->meta);
  std::ranges::sort(access.patients);
  access.patients.erase(std::unique(access.patients.begin(), access.patients.end()), access.patients.end());
}

void finish(State& state, CallPtr call, Access access, const Failure& failure) {
  access.outcome = AuditOutcome::failed;
  name_patients(state, access);
  if (failure.status == 403) make_refusal(access);
  if (failure.status >= 500 && failure.status != 501 && failure.status != 503 && state.config.on_alert) {
    state.config.on_alert("a request failed: " + failure.issues.front().text);
  }
  http::Response response = refusal(call->form, failure);
  finish(state, std::move(call), std::move(access), std::move(response));
}

void finish_login(State& state, CallPtr call, const Error& error) {
  http::Response response = refusal(call->form, failure_of(error));
  response.headers.set("WWW-Authenticate", auth::challenge(error));
  const auto shared = std::make_shared<std::pair<CallPtr, http::Response>>(std::move(call), std::move(response));
  state.parts.logins.record("fhir", shared->first->request, [&state, shared](const Result<void>& recorded) {
    if (!recorded) shared->second = unrecorded(state, *shared->first, recorded.error());
    send(std::move(shared->first), std::move(shared->second));
  });
}

void offload(State& state, http::WorkerPool& pool, CallPtr call, void (*work)(State&, CallPtr)) {
  const auto shared = std::make_shared<CallPtr>(std::move(call));
  if (pool.post([&state, shared, work] { work(state, std::move(*shared)); })) return;
  Access access = access_of(**shared);
  finish(state, std::move(*shared), std::move(access), failure(503, "throttled", "too much is waiting: try again"));
}

}  // namespace careledger::edge::fhir
