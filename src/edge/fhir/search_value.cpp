#include "edge/fhir/search_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "codec/fhir/primitive.h"
#include "codec/fhir/reference.h"

namespace careledger::edge::fhir {
namespace {

using codec::fhir::Interval;
using codec::fhir::SearchKind;
using vault::Alternative;
using vault::Comparison;
using Alternatives = std::vector<Alternative>;

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && std::string_view(",|$\\").find(text[i + 1]) != std::string_view::npos) ++i;
    out += text[i];
  }
  return out;
}

tl::unexpected<Error> bad_modifier() { return fail(ErrorKind::unsupported, "this modifier is not offered for this parameter"); }
tl::unexpected<Error> bad_value(const char* wanted) { return fail(ErrorKind::invalid, std::string("the value must be ") + wanted); }

// The prefix of a date, number or quantity, taken off; "ap" is told apart.
Comparison take_prefix(std::string_view& value, bool& approximate) {
  constexpr std::array<std::pair<std::string_view, Comparison>, 9> kPrefixes{{{"eq", Comparison::eq},
                                                                              {"ne", Comparison::ne},
                                                                              {"gt", Comparison::gt},
                                                                              {"lt", Comparison::lt},
                                                                              {"ge", Comparison::ge},
                                                                              {"le", Comparison::le},
                                                                              {"sa", Comparison::sa},
                                                                              {"eb", Comparison::eb},
                                                                              {"ap", Comparison::eq}}};
  approximate = value.starts_with("ap");
  for (const auto& [prefix, comparison] : kPrefixes) {
    if (!value.starts_with(prefix)) continue;
    value.remove_prefix(prefix.size());
    return comparison;
  }
  return Comparison::eq;
}

Result<Alternatives> token(const SearchKey& key, std::string_view value) {
  if (!key.modifier.empty() && key.modifier != "not") return bad_modifier();
  const auto parts = split_value(value, '|');
  if (parts.size() > 2) return bad_value("code, system|code, |code or system|");
  if (parts.size() == 1) return Alternatives{vault::token_is(unescaped(value), std::nullopt)};
  const std::string system = unescaped(parts[0]);
  if (parts[1].empty()) {
    if (system.empty()) return bad_value("code, system|code, |code or system|");
    return Alternatives{vault::token_of_system(system)};
  }
  return Alternatives{vault::token_is(unescaped(parts[1]), system)};
}

Result<Alternatives> string(const SearchKey& key, std::string_view value) {
  const std::string text = unescaped(value);
  if (key.modifier.empty()) return Alternatives{vault::string_starts(text)};
  if (key.modifier == "exact") return Alternatives{vault::string_exact(text)};
  if (key.modifier == "contains") return Alternatives{vault::string_contains(text)};
  return bad_modifier();
}

Result<Alternatives> reference(const SearchKey& key, std::string_view escaped) {
  std::string value = unescaped(escaped);
  if (const auto own = codec::fhir::below_base(value, key.base); !own.empty()) value = std::string(own);
  const auto type = key.modifier.empty() ? std::nullopt : codec::fhir::find_resource_type(key.modifier);
  if (!key.modifier.empty() && !type) return bad_modifier();
  if (codec::fhir::is_id(value)) {
    if (type) return Alternatives{vault::reference_is(std::string(type->name()) + '/' + value)};
    Alternatives out;
    for (std::uint16_t i = 0; i < codec::fhir::resource_type_count(); ++i) {
      const auto target = codec::fhir::resource_type(i);
      if (key.parameter.allows_target(target)) out.push_back(vault::reference_is(std::string(target.name()) + '/' + value));
    }
    return out;
  }
  const auto read = codec::fhir::read_reference(value);
  if (read.form != codec::fhir::ReferenceForm::relative && read.form != codec::fhir::ReferenceForm::absolute) {
    return bad_value("an id, Type/id or a URL");
  }
  if (!read.version.empty()) return bad_value("a reference without a version");
  if (type && read.type != type->name()) return bad_value("a reference of the type in the modifier");
  return Alternatives{vault::reference_is(value)};
}

std::int64_t plus_saturating(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return b < 0 ? INT64_MIN : INT64_MAX;
  return sum;
}

Result<Alternatives> date(const SearchKey& key, std::string_view value, BlockTime now) {
  if (!key.modifier.empty()) return bad_modifier();
  bool approximate = false;
  const Comparison comparison = take_prefix(value, approximate);
  std::string text(value);
  if (text.size() > 19) std::ranges::replace(text, ' ', '+');  // a zone's sign that came unescaped
  auto sought = codec::fhir::interval_of(text);
  if (!sought) return bad_value("a date or time like 2024-05, 2024-05-31 or 2024-05-31T12:00:00Z, with an optional prefix");
  if (approximate) {  // a tenth of the distance to now, as R4 suggests
    const std::int64_t distance = now.value - sought->low;
    const std::int64_t widen = distance < 0 ? -(distance / 10) : distance / 10;
    sought = Interval{plus_saturating(sought->low, -widen), plus_saturating(sought->high, widen)};
  }
  return vault::date_is(key.parameter.code(), comparison, *sought);
}

struct Range {
  double low;
  double high;
};
// What the number's own precision covers: 5.4 is [5.35, 5.45), 100 is [99.5, 100.5), 1e2 is [50, 150).
std::optional<Range> precision_of(std::string_view text) {
  if (!codec::json::is_number(text)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const std::size_t exponent_at = text.find_first_of("eE");
  int places = 0;
  const auto mantissa = text.substr(0, exponent_at);
  if (const auto dot = mantissa.find('.'); dot != std::string_view::npos) places = -static_cast<int>(mantissa.size() - dot - 1);
  if (exponent_at != std::string_view::npos) {
    auto digits = text.substr(exponent_at + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    int exponent = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    places += exponent;
  }
  const double half = 0.5 * std::pow(10.0, places);
  return Range{value - half, value + half};
}

Result<Alternatives> number(const SearchKey& key, std::string_view value, bool quantity) {
  if (!key.modifier.empty()) return bad_modifier();
  bool approximate = false;
  const Comparison comparison = take_prefix(value, approximate);
  const auto parts = split_value(value, '|');
  if (parts.size() > (quantity ? 3u : 1u)) return bad_value("a number, or number|system|code for a quantity");
  auto range = precision_of(parts[0]);
  if (!range) return bad_value("a number, or number|system|code for a quantity");
  if (approximate) {
    const double tenth = std::fabs(range->low + range->high) / 20;
    range = Range{range->low - tenth, range->high + tenth};
  }
  if (!quantity) return Alternatives{vault::number_is(comparison, range->low, range->high)};
  const std::string system = parts.size() > 1 ? unescaped(parts[1]) : std::string();
  const std::string code = parts.size() > 2 ? unescaped(parts[2]) : std::string();
  return Alternatives{vault::quantity_is(comparison, range->low, range->high, code, system)};
}

Result<Alternatives> uri(const SearchKey& key, std::string_view value) {
  if (key.modifier.empty()) return Alternatives{vault::uri_is(unescaped(value))};
  if (key.modifier == "below") return Alternatives{vault::uri_below(unescaped(value))};
  return bad_modifier();
}

}  // namespace

std::vector<std::string_view> split_value(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    else if (text[i] == separator) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  parts.push_back(text.substr(start));
  return parts;
}

Result<std::vector<Alternative>> alternatives_of(const SearchKey& key, std::string_view value, BlockTime now) {
  if (value.empty()) return bad_value("there: it is empty");
  switch (key.parameter.kind()) {
    case SearchKind::token: return token(key, value);
    case SearchKind::string: return string(key, value);
    case SearchKind::reference: return reference(key, value);
    case SearchKind::date: return date(key, value, now);
    case SearchKind::number: return number(key, value, false);
    case SearchKind::quantity: return number(key, value, true);
    case SearchKind::uri: return uri(key, value);
    case SearchKind::composite:
    case SearchKind::special: break;
  }
  return fail(ErrorKind::unsupported, "parameters of this kind are not offered");
}

}  // namespace careledger::edge::fhir
