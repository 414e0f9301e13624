// FHIR operations that other parts of the program supply. The handler authenticates, permits and reads the parameters, then calls these.
//
// Thread-safety: called on threads of the worker pool, several at once; may block, or answer later from any thread. `done` runs exactly
// once. What an implementation gives out or refuses, it records in the audit map before it calls `done`; the handler records only what
// it refuses itself.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/function.h"
#include "base/result.h"
#include "edge/auth/principal.h"

namespace careledger::edge::fhir {

struct OperationParameter {  // of the query, or of a Parameters resource, in order; repeats kept
  std::string name;
  std::string value;  // text of the primitive value[x]: "true", "laboratory"
};

struct OperationCall {
  auth::Principal principal;
  std::string patient_id;  // of the Patient resource of this organisation; exists, and lay in what the principal may see
  std::vector<OperationParameter> parameters;
  std::string_view first(std::string_view name) const {  // empty when there is none
    for (const auto& one : parameters)
      if (one.name == name) return one.value;
    return {};
  }
};

struct OperationReply {
  int status = 200;
  Bytes body;  // JSON of a FHIR resource
};
// An Error becomes an OperationOutcome by the table of outcome.h. For a typed reason answer with outcome(…) as body and its status.
using OperationDone = UniqueFunction<void(Result<OperationReply>)>;

class Operations {
 public:
  virtual ~Operations() = default;
  // Patient/[id]/$retrieve: definitions/careledger/OperationDefinition-Patient-retrieve.json. Permitted as Action::retrieve.
  virtual void retrieve(OperationCall call, OperationDone done) = 0;
  // Patient/[id]/$relationship: …-Patient-relationship.json. Permitted as Action::update of that Patient.
  virtual void relationship(OperationCall call, OperationDone done) = 0;
};

}  // namespace careledger::edge::fhir
