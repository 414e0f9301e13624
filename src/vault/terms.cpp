#include "vault/terms.h"

#include <algorithm>
#include <bit>

#include "crypto/hash.h"

namespace careledger::vault {

using codec::fhir::IndexValue;
using codec::fhir::Interval;
using codec::fhir::SearchKind;

namespace {

constexpr std::size_t kKept = 220;
constexpr std::int64_t kLong = 25LL * 3600 * 1000;  // a day and a change of the clocks
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

Bytes fit(Bytes term) {
  if (term.size() <= kTermBytesMax) return term;
  const Digest whole = crypto::sha256(term);
  return term.substr(0, kKept) + whole.bytes();
}

Bytes pair_of(std::string_view first, std::string_view second) {
  Bytes term(first);
  term.push_back('\0');
  return term.append(second);
}

std::uint64_t ordered(std::int64_t time) { return static_cast<std::uint64_t>(time) ^ kSign; }

std::uint64_t ordered(double number) {  // zero has one form; NaN does not occur in JSON
  const auto bits = std::bit_cast<std::uint64_t>(number == 0 ? 0.0 : number);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double number_at(ByteView term, std::size_t offset) {
  ByteView in = term.substr(offset);
  const std::uint64_t bits = *take_u64(in);
  return std::bit_cast<double>((bits & kSign) != 0 ? bits ^ kSign : ~bits);
}

template <class T>
Bytes two(T low, T high) {
  Bytes term = u64_bytes(ordered(low));
  append_u64(term, ordered(high));
  return term;
}

std::uint64_t part(ByteView term, std::size_t offset) {
  ByteView in = term.substr(offset);
  return *take_u64(in);
}

std::string long_parameter(std::string_view parameter) { return std::string(parameter) + "~"; }

bool is_long(const Interval& interval) {  // unsigned, because a bound may be the end of time
  return static_cast<std::uint64_t>(interval.high) - static_cast<std::uint64_t>(interval.low) > static_cast<std::uint64_t>(kLong);
}

void append_date(std::string_view parameter, const Interval& interval, std::vector<Term>& terms) {
  terms.push_back({std::string(parameter), two(interval.low, interval.high)});
  if (is_long(interval)) terms.push_back({long_parameter(parameter), two(interval.high, interval.low)});
}

Alternative range_of(Bytes from, Bytes until, std::function<bool(ByteView)> keep = {}) {
  return {{}, {std::move(from), std::move(until), false, std::move(keep)}};
}

std::int64_t minus_saturating(std::int64_t a, std::int64_t b) { return a < INT64_MIN + b ? INT64_MIN : a - b; }

}  // namespace

void append_terms(const IndexValue& value, std::vector<Term>& terms) {
  const std::string_view parameter = value.parameter.code();
  const auto add = [&](Bytes term) { terms.push_back({std::string(parameter), fit(std::move(term))}); };
  switch (value.parameter.kind()) {
    case SearchKind::token: return add(pair_of(value.text, value.system));
    case SearchKind::string: return add(pair_of(value.text, value.exact));
    case SearchKind::reference: return add(value.text);
    case SearchKind::uri: return add(value.text);
    case SearchKind::date: return append_date(parameter, value.interval, terms);
    case SearchKind::number: return add(two(value.low, value.high));
    case SearchKind::quantity: return add(two(value.low, value.high) + pair_of(value.text, value.system));
    case SearchKind::composite:
    case SearchKind::special: return;
  }
}

Alternative token_is(std::string_view code, std::optional<std::string_view> system) {
  if (system) return {{}, TermRange::one(fit(pair_of(code, *system)))};
  return {{}, TermRange::prefix(pair_of(code, {}).substr(0, kKept))};
}

Alternative token_of_system(std::string_view system) {
  const Bytes tail = pair_of({}, system);
  return range_of({}, {}, [tail](ByteView term) { return term.ends_with(tail); });
}

Alternative string_starts(std::string_view text) { return {{}, TermRange::prefix(Bytes(codec::fhir::fold(text)).substr(0, kKept))}; }

Alternative string_contains(std::string_view text) {
  const std::string folded = codec::fhir::fold(text);
  return range_of({}, {}, [folded](ByteView term) { return term.substr(0, term.find('\0')).find(folded) != ByteView::npos; });
}

Alternative string_exact(std::string_view text) { return {{}, TermRange::one(fit(pair_of(codec::fhir::fold(text), text)))}; }
Alternative reference_is(std::string_view reference) { return {{}, TermRange::one(fit(Bytes(reference)))}; }
Alternative uri_is(std::string_view uri) { return {{}, TermRange::one(fit(Bytes(uri)))}; }
Alternative uri_below(std::string_view uri) { return {{}, TermRange::prefix(uri.substr(0, kKept))}; }
Alternative any_value() { return {{}, TermRange::everything()}; }

// A stored interval is [low, high), the sought one too. Rows are in order of low, long ones a second time in order of high.
std::vector<Alternative> date_is(std::string_view parameter, Comparison comparison, const Interval& sought) {
  const std::uint64_t low = ordered(sought.low);
  const std::uint64_t high = ordered(sought.high);
  const auto inside = [low, high](ByteView term) { return part(term, 0) >= low && part(term, 8) <= high; };
  const auto ends_after = [&](std::vector<Alternative> alternatives) {  // high > sought.high
    alternatives.push_back(
        range_of(u64_bytes(ordered(minus_saturating(sought.high, kLong))), {}, [high](ByteView term) { return part(term, 8) > high; }));
    alternatives.push_back({long_parameter(parameter), {u64_bytes(high + 1), {}, false, {}}});
    return alternatives;
  };
  const auto contained = [&] { return range_of(u64_bytes(low), u64_bytes(high), inside); };
  switch (comparison) {
    case Comparison::eq: return {contained()};
    case Comparison::ne: return {range_of({}, {}, [inside](ByteView term) { return !inside(term); })};
    case Comparison::lt: return {range_of({}, u64_bytes(low))};
    case Comparison::le: return {range_of({}, u64_bytes(low)), contained()};
    case Comparison::gt: return ends_after({});
    case Comparison::ge: return ends_after({contained()});
    case Comparison::sa: return {range_of(u64_bytes(high), {})};
    case Comparison::eb: return {range_of({}, u64_bytes(low), [low](ByteView term) { return part(term, 8) <= low; })};
  }
  return {};
}

Alternative quantity_is(Comparison comparison, double low, double high, std::string_view code, std::string_view system) {
  const Bytes unit_code(code);
  const Bytes unit_system(system);
  const auto unit = [unit_code, unit_system](ByteView term) {
    const ByteView tail = term.substr(std::min<std::size_t>(16, term.size()));
    const std::size_t zero = tail.find('\0');
    return zero == ByteView::npos ||
           ((unit_code.empty() || tail.substr(0, zero) == unit_code) && (unit_system.empty() || tail.substr(zero + 1) == unit_system));
  };
  const auto with = [&](Bytes from, Bytes until, auto holds) {
    return range_of(std::move(from), std::move(until), [unit, holds](ByteView term) {
      return term.size() >= 16 && unit(term) && holds(number_at(term, 0), number_at(term, 8));
    });
  };
  const Bytes from_low = u64_bytes(ordered(low));
  switch (comparison) {
    case Comparison::eq: return with(from_low, {}, [low, high](double a, double b) { return a >= low && b < high; });
    case Comparison::ne: return with({}, {}, [low, high](double a, double b) { return a < low || b >= high; });
    case Comparison::lt: return with({}, from_low, [low](double a, double) { return a < low; });
    case Comparison::le: return with({}, {}, [high](double a, double) { return a < high; });
    case Comparison::gt: return with({}, {}, [high](double, double b) { return b >= high; });
    case Comparison::ge: return with({}, {}, [low](double, double b) { return b >= low; });
    case Comparison::sa: return with(u64_bytes(ordered(high)), {}, [high](double a, double) { return a >= high; });
    case Comparison::eb: return with({}, from_low, [low](double, double b) { return b < low; });
  }
  return any_value();
}

Alternative number_is(Comparison comparison, double low, double high) { return quantity_is(comparison, low, high, {}, {}); }

}  // namespace careledger::vault
