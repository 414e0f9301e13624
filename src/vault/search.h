// The search index: rows {type, parameter, term, id} that are valid from one commit to another, so that a reader at a sequence sees
// exactly what was there then, however many writers go on.
//
// A term is a byte string whose order is the order of what it stands for; vault/terms.h makes terms from tokens, strings, dates,
// references and later the rest. Every search parameter of R4 fits: equality is a single term, prefixes and intervals are ranges.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace careledger::vault {

struct Term {             // what a resource is found by
  std::string parameter;  // search parameter code: "identifier", "_lastUpdated"
  Bytes value;            // at most kTermBytesMax: longer ones are cut by the maker
  friend bool operator==(const Term&, const Term&) = default;
  friend auto operator<=>(const Term&, const Term&) = default;
};
inline constexpr std::size_t kTermBytesMax = 256;

struct TermRange {  // from <= term < until; an empty `until` has no upper bound
  Bytes from;
  Bytes until;
  bool exact = false;                         // the one term `from`; `until` is not looked at. Answered by streaming, without collecting
  std::function<bool(ByteView term)> keep{};  // narrows a range; may be empty
  static TermRange one(Bytes term) { return {std::move(term), {}, true, {}}; }
  static TermRange prefix(ByteView prefix);
  static TermRange everything() { return {}; }
};

struct Clause {
  std::string parameter;  // or, by alternative, the one named there
  struct Alternative {
    std::string parameter;  // empty: the clause's
    TermRange range;
  };
  std::vector<Alternative> any_of;
  bool negate = false;  // resources with no such row: `:not`, `:missing=true`
};

struct Query {
  std::string type;
  std::vector<Clause> all_of;      // empty: every resource of the type
  std::vector<std::string> ids{};  // when not empty, only these (`_id`)
};

// Ids ascend bytewise: with `after` the last id of the page before, and the same sequence, pages neither repeat nor lose a resource.
struct IdPage {
  std::vector<std::string> ids;
  bool more = false;
};

// Most ids that the ranges of one query may match together before the search is refused as too_large.
inline constexpr std::size_t kMatchesMax = 2'000'000;

}  // namespace careledger::vault
