// What the parts of the FHIR interface share. For edge/fhir alone.
#pragma once

#include <memory>
#include <mutex>
#include <span>

#include "edge/fhir/handler.h"
#include "edge/fhir/route.h"

namespace careledger::edge::fhir {

// A request under way. It has one owner at a time and moves from thread to thread with its callbacks.
struct Call {
  http::Request request;
  http::Responder respond;
  auth::Principal principal{};
  Route route{};
  Form form{};
};
using CallPtr = std::unique_ptr<Call>;

// What is to be recorded of it: one entry for each patient concerned, or one that concerns nobody in particular.
struct Access {
  vault::AuditKind kind = vault::AuditKind::read;
  vault::AuditOutcome outcome = vault::AuditOutcome::done;
  std::string type{};
  std::string id{};
  std::uint32_t version = 0;
  std::vector<std::string> patients{};  // of the vault, or as its records say
  std::vector<std::string> named{};     // as the request says: anything at all
  Bytes details{};
};

// The statement as it goes out, ready for every client: it is far too long to be packed anew for each.
struct Capabilities {
  std::shared_ptr<const std::string> plain{};
  std::shared_ptr<const std::string> packed{};  // gzip
};

struct FhirHandler::State {
  FhirParts parts;
  FhirConfig config;

  std::mutex metadata_mutex;
  std::string metadata_base;  // of what is kept
  Capabilities metadata;

  http::WorkerPool searches{2, 1024};  // of their own, so that no search waits for writers; last: stops first

  State(FhirParts the_parts, FhirConfig the_config) : parts(the_parts), config(std::move(the_config)) {}
};
using State = FhirHandler::State;

// answer.cpp
std::string base_of(const State& state, const http::Request& request);  // "https://north.example/fhir"
http::Response resource(const Form& form, int status, Bytes body);      // the body may be empty
http::Response refusal(const Form& form, const Failure& failure);
Access access_of(const Call& call);                // by its route; outcome done
void send(CallPtr call, http::Response response);  // unrecorded
// The same, from another thread when it is long: packing it would hold up this one.
void send_by_size(State& state, CallPtr call, http::Response response);
// What was committed and is recorded with it.
struct Kept {
  std::uint64_t number = 0;  // the last version's, to be anchored; 0: nothing changed
  std::vector<std::shared_ptr<vault::Recording>> recordings{};
};
// The name under which the vault knows again what a request with an Idempotency-Key asks for, whole (part 0) or in entry `part` - 1 of a
// batch; none without the key. 409 (duplicate) when that is stored. Whoever did not get the answer may send the request again.
Outcome<std::optional<Digest>> new_name(const Call& call, const vault::Transaction& transaction, std::uint64_t part);
// The same for a request that is stored whole or not at all; the name is the transaction's.
Outcome<void> once(const Call& call, vault::Transaction& transaction);
// Commits; `access`, with its patients, is what the commit owes the audit map. With no recording when nothing changed.
Outcome<Kept> commit(State& state, const Call& call, vault::Transaction& transaction, const Access& access);
// Records what happened, durably, and answers when that and what was recorded with the writes is, and the last write is anchored.
void finish(State& state, CallPtr call, std::vector<Access> accesses, http::Response response, Kept kept = {});
void finish(State& state, CallPtr call, Access access, http::Response response);
void finish(State& state, CallPtr call, Access access, const Failure& failure);  // 403 is recorded as a refusal
void make_refusal(Access& access);                                               // of what it says was tried
// Puts an access that names a resource, and went no further, under the patients whose record that is.
void name_patients(const State& state, Access& access);
void name_searched(const State& state, const Call& call, Access& access);  // the same of a search, by what it names; search.cpp
void finish_login(State& state, CallPtr call, const Error& error);
// Runs `work` on the pool with the call; answers 503 when the pool is full.
void offload(State& state, http::WorkerPool& pool, CallPtr call, void (*work)(State&, CallPtr));

// capabilities.cpp
Capabilities capabilities(State& state, const std::string& base);
// Definitions that the program serves itself: our operations, profiles and code systems. Empty: none of that name.
std::string_view definition(std::string_view type, std::string_view id);

// What each interaction does: read.cpp, write.cpp, bundle.cpp, search.cpp, operation.cpp, audit_event.cpp. Each answers in the end.
void read(State& state, CallPtr call);  // also vread
void history(State& state, CallPtr call);
void create(State& state, CallPtr call);
void update(State& state, CallPtr call);
void remove(State& state, CallPtr call);
void bundle(State& state, CallPtr call);
void search(State& state, CallPtr call);
void operation(State& state, CallPtr call);

// A search inside a Bundle: on behalf of the call's principal, unrecorded.
struct Found {
  Bytes bundle;                       // a searchset
  std::vector<std::string> patients;  // whom it shows or counts; repeats possible
  std::vector<std::string> named;     // whom the search asks about; repeats possible
  Bytes details;                      // for the record
};
Outcome<Found> search_type(State& state, const Call& call, const std::string& type, std::span<const http::Parameter> parameters);
void read_audit_event(State& state, CallPtr call);
void search_audit_events(State& state, CallPtr call);

}  // namespace careledger::edge::fhir
