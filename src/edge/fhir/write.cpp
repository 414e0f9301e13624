// create, update and delete (http://hl7.org/fhir/R4/http.html#create). On the worker pool; parsed and checked before the writer's turn.
#include "codec/fhir/definitions.h"
#include "codec/fhir/primitive.h"
#include "edge/fhir/incoming.h"
#include "edge/fhir/resolver.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"
#include "edge/http/response_writer.h"

namespace careledger::edge::fhir {
namespace {

using codec::json::Document;

// A write that went through.
struct Written {
  vault::VersionMeta meta{};
  Bytes body{};  // empty for a deletion
  int status = 200;
  Kept kept{};                          // with what was recorded of it; nothing when nothing changed
  std::vector<std::string> patients{};  // in whose access lists it shows when nothing changed
};

Outcome<Document> take_resource(Call& call) {
  auto document = parse_body(std::move(call.request.body));
  if (!document) return document;
  if (auto checked = check_resource(document->root(), call.route.type, {}); !checked)
    return tl::make_unexpected(std::move(checked.error()));
  return document;
}

Outcome<std::unique_ptr<vault::Transaction>> begin(State& state, const Call& call) {
  auto transaction = state.parts.vault.begin();
  if (!transaction) return tl::make_unexpected(failure_of(transaction.error()));
  if (auto named = once(call, **transaction); !named) return tl::make_unexpected(std::move(named.error()));
  return std::move(*transaction);
}

// Commits the one version that is staged, and says in whose lists it shows.
Outcome<Written> keep(State& state, vault::Transaction& transaction, const Call& call, vault::VersionMeta meta) {
  Access access = access_of(call);
  access.id = meta.id;
  access.version = meta.version;
  access.patients.assign(transaction.patients().begin(), transaction.patients().end());
  auto kept = commit(state, call, transaction, access);
  if (!kept) return tl::make_unexpected(std::move(kept.error()));
  Written out;
  out.meta = std::move(meta);
  out.kept = std::move(*kept);
  return out;
}

// Resolves, stamps and stages one resource, and commits.
Outcome<Written> store(State& state, vault::Transaction& transaction, Document& document, const Call& call, const std::string& id,
                       std::uint32_t version) {
  Resolver resolver(transaction.before(), state.parts.clock.now(), state.config.check_references, base_of(state, call.request),
                    call.principal);
  resolver.add_coming(call.route.type, id);
  if (auto resolved = resolver.resolve(document, document.root(), {}); !resolved) return tl::make_unexpected(std::move(resolved.error()));
  stamp(document, document.root(), id, version, transaction.time());
  Bytes body = codec::json::compact(document.root());
  auto staged = transaction.put({call.route.type, id, version, body, &document.root()});
  if (!staged) return tl::make_unexpected(failure_of(staged.error()));
  auto out = keep(state, transaction, call, std::move(*staged));
  if (out) out->body = std::move(body);
  return out;
}

// What If-None-Exist found: the one that is there already, or nothing.
Outcome<std::optional<Written>> found_already(State& state, const vault::Transaction& transaction, const Call& call) {
  const auto condition = call.request.headers.get("If-None-Exist");
  if (condition.empty()) return std::nullopt;
  Resolver resolver(transaction.before(), state.parts.clock.now(), false, base_of(state, call.request), call.principal);
  auto id = resolver.match(call.route.type, condition, "http.If-None-Exist");
  if (!id) return tl::make_unexpected(std::move(id.error()));
  if (id->empty()) return std::nullopt;
  auto version = transaction.before().read(call.route.type, *id);
  if (!version) return tl::make_unexpected(failure_of(version.error()));
  std::vector<std::string> patients = version->meta.patients;
  return Written{std::move(version->meta), std::move(version->body), 200, {}, std::move(patients)};
}

// Some clients say the condition in the URL. Overlooked, it would make a second one of what is there.
Outcome<void> check_no_criteria(const Call& call) {
  for (const http::Parameter& one : call.request.query)
    if (!is_form_parameter(one.name))
      return tl::make_unexpected(
          failure(400, "invalid", "a create takes no search parameters; a conditional one has them in If-None-Exist"));
  return {};
}

Outcome<Written> do_create(State& state, Call& call) {
  if (auto none = check_no_criteria(call); !none) return tl::make_unexpected(std::move(none.error()));
  auto document = take_resource(call);
  if (!document) return tl::make_unexpected(std::move(document.error()));
  auto transaction = begin(state, call);
  if (!transaction) return tl::make_unexpected(std::move(transaction.error()));
  auto found = found_already(state, **transaction, call);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  if (*found) return std::move(**found);
  auto written = store(state, **transaction, *document, call, random_uuid(state.parts.entropy), 1);
  if (written) written->status = 201;
  return written;
}

// The version that is there now; 0 when there is none or it is deleted.
Outcome<std::uint32_t> current_version(const vault::Transaction& transaction, const Route& route, std::uint32_t next) {
  if (next == 1) return 0;
  const auto there = exists(transaction.before(), route.type, route.id);
  if (!there) return tl::make_unexpected(failure_of(there.error()));
  return *there ? next - 1 : 0;
}

Outcome<void> check_conditions(const Call& call, std::uint32_t current) {
  if (current != 0 && trimmed(call.request.headers.get("If-None-Match")) == "*") {
    return tl::make_unexpected(failure(412, "conflict", "the resource exists already"));
  }
  return check_if_match(call.request.headers.get("If-Match"), current, {});
}

Outcome<Written> do_update(State& state, Call& call) {
  auto document = take_resource(call);
  if (!document) return tl::make_unexpected(std::move(document.error()));
  if (document->root().string_at("id") != call.route.id) {
    return tl::make_unexpected(failure(400, "invalid", "the id in the body is not the one in the URL", call.route.type + ".id"));
  }
  auto transaction = begin(state, call);
  if (!transaction) return tl::make_unexpected(std::move(transaction.error()));
  const auto next = (*transaction)->next_version(call.route.type, call.route.id);
  if (!next) return tl::make_unexpected(failure_of(next.error()));
  const auto current = current_version(**transaction, call.route, *next);
  if (!current) return tl::make_unexpected(current.error());
  if (auto holds = check_conditions(call, *current); !holds) return tl::make_unexpected(std::move(holds.error()));
  auto written = store(state, **transaction, *document, call, call.route.id, *next);
  if (written) written->status = *current == 0 ? 201 : 200;
  return written;
}

Outcome<Written> do_remove(State& state, Call& call) {
  auto transaction = begin(state, call);
  if (!transaction) return tl::make_unexpected(std::move(transaction.error()));
  const auto next = (*transaction)->next_version(call.route.type, call.route.id);
  if (!next) return tl::make_unexpected(failure_of(next.error()));
  const auto current = current_version(**transaction, call.route, *next);
  if (!current) return tl::make_unexpected(current.error());
  if (auto holds = check_conditions(call, *current); !holds) return tl::make_unexpected(std::move(holds.error()));
  if (*current == 0) {  // R4: not there at all is success as well
    Written out;
    out.status = 204;
    out.meta.type = call.route.type;
    out.meta.id = call.route.id;
    out.meta.version = *next - 1;
    return out;
  }
  auto staged = (*transaction)->remove(call.route.type, call.route.id);
  if (!staged) return tl::make_unexpected(failure_of(staged.error()));
  auto out = keep(state, **transaction, call, std::move(*staged));
  if (out) out->status = 204;
  return out;
}

Bytes body_as_preferred(const Call& call, Written& written) {
  switch (call.form.prefer) {
    case Prefer::minimal: return {};
    case Prefer::unspecified:
    case Prefer::representation: return std::move(written.body);
    case Prefer::outcome:
      return outcome({{"information", "informational", "stored as version " + std::to_string(written.meta.version), {}}});
  }
  return {};
}

void answer(State& state, CallPtr call, Outcome<Written> written) {
  Access access = access_of(*call);
  if (!written) return finish(state, std::move(call), std::move(access), written.error());
  const vault::VersionMeta& meta = written->meta;
  const bool body = written->status != 204;
  http::Response response = resource(call->form, written->status, body ? body_as_preferred(*call, *written) : Bytes());
  if (meta.version != 0) response.headers.add("ETag", etag_of(meta.version));
  if (meta.updated.value != 0) response.headers.add("Last-Modified", http::imf_date(meta.updated));
  if (written->status == 201 || (call->route.interaction == Interaction::create && body)) {
    response.headers.add("Location",
                         base_of(state, call->request) + '/' + meta.type + '/' + meta.id + "/_history/" + std::to_string(meta.version));
  }
  std::vector<Access> accesses;
  if (written->kept.recordings.empty()) {
    access.id = meta.id;
    access.version = meta.version;
    access.patients = std::move(written->patients);
    accesses.push_back(std::move(access));
  }
  finish(state, std::move(call), std::move(accesses), std::move(response), std::move(written->kept));
}

}  // namespace

void create(State& state, CallPtr call) {
  auto written = do_create(state, *call);
  answer(state, std::move(call), std::move(written));
}

void update(State& state, CallPtr call) {
  auto written = do_update(state, *call);
  answer(state, std::move(call), std::move(written));
}

void remove(State& state, CallPtr call) {
  auto written = do_remove(state, *call);
  answer(state, std::move(call), std::move(written));
}

}  // namespace careledger::edge::fhir
