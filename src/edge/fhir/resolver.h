// References on their way in: urn:uuid and full URLs of the same Bundle and URLs of this server become Type/id, conditional references
// become what they match, and what points at nothing is found, or at a Patient in whose record it would not stand. For edge/fhir alone; one
// thread.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "codec/json/json.h"
#include "edge/auth/principal.h"
#include "edge/fhir/outcome.h"
#include "vault/vault.h"

namespace careledger::edge::fhir {

class Resolver {
 public:
  // `before`: what is there already. `check`: whether a relative reference must point at something, and a resource's patient must be one
  // of this vault. `base`: the server's own, under which a URL means what is here. `asker` is borrowed.
  Resolver(const vault::View& before, BlockTime now, bool check, std::string base, const auth::Principal& asker)
      : before_(before), now_(now), check_(check), base_(std::move(base)), asker_(asker) {}

  void add_alias(std::string full_url, std::string reference);  // "urn:uuid:…" -> "Patient/…"
  void add_coming(std::string_view type, std::string_view id);  // will be there with the transaction
  void add_going(std::string_view type, std::string_view id);   // will not
  // Resources of the transaction whose search values conditional references may match as well. They must outlive the resolver.
  void add_candidate(std::string_view type, std::string id, const codec::json::Value& resource);

  // Which resource a condition ("identifier=…") names, in `before` and among the candidates. Empty: none. 412: several. 403: who asks may
  // not search and read this type, and so may not learn by writing whether something of it is there.
  Outcome<std::string> match(std::string_view type, std::string_view condition, const std::string& expression);

  // Rewrites every reference of the resource. `location` stands in place of its type in the expressions.
  Outcome<void> resolve(codec::json::Document& document, codec::json::Value& resource, const std::string& location);

  // The same for an entry of a batch, which may point at itself ("Patient/17") and at what was added before it.
  Outcome<void> resolve_alone(codec::json::Document& document, codec::json::Value& resource, const std::string& location, std::string self);

 private:
  struct Candidate {
    std::string id;
    const codec::json::Value* resource;
    std::vector<vault::Term> terms{};
    bool indexed = false;
  };
  struct Known {       // what became of a reference met before
    std::string text;  // in its place; empty: stays
    std::optional<Issue> issue{};
    int status = 0;
    bool outside = false;  // a URL of elsewhere or a contained resource
  };
  const Known& look(std::string_view reference, const std::string& location);
  Known judge(std::string_view reference, const std::string& location);
  Known judge_absolute(std::string_view reference);
  Known judge_conditional(std::string_view reference, std::string_view type, std::string_view condition, const std::string& location);
  Known judge_relative(std::string_view type, std::string_view id);
  void resolve_carried(codec::json::Document& document, codec::json::Value& bundle) const;

  vault::View before_;
  BlockTime now_;
  bool check_;
  std::string base_;
  const auth::Principal& asker_;
  std::string self_{};
  std::unordered_map<std::string, std::string> aliases_;
  std::unordered_set<std::string> coming_;
  std::unordered_set<std::string> going_;
  std::unordered_map<std::string, std::vector<Candidate>> candidates_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace careledger::edge::fhir
