#include "codec/fhir/index.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "codec/fhir/lookup.h"
#include "codec/fhir/reference.h"

namespace careledger::codec::fhir {

using json::Value;

namespace {
constexpr std::string_view kTruthSystem = "http://terminology.hl7.org/CodeSystem/special-values";
constexpr std::string_view kCurrencySystem = "urn:iso:std:iso:4217";

std::optional<double> number_of(const Value* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  double number = 0;
  const std::string_view text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<Interval> period_of(const Value& period) {
  const auto start = interval_of(period.string_at("start"));
  const auto end = interval_of(period.string_at("end"));
  if (!start && !end) return std::nullopt;
  return Interval{start ? start->low : kStartOfTime, end ? end->high : kEndOfTime};
}

// From the first event or bound to the last.
std::optional<Interval> timing_of(const Value& timing) {
  std::optional<Interval> whole;
  const auto add = [&whole](const std::optional<Interval>& part) {
    if (!part) return;
    whole = whole ? Interval{std::min(whole->low, part->low), std::max(whole->high, part->high)} : *part;
  };
  for (const Value& event : timing.items_at("event")) add(interval_of(event.text()));
  const Value* repeat = timing.find("repeat");
  const Value* bounds = repeat != nullptr ? repeat->find("boundsPeriod") : nullptr;
  if (bounds != nullptr) add(period_of(*bounds));
  return whole;
}

std::string_view shape_name(std::uint16_t type) {
  return type >= tables::kShapeBase ? tables::text_of(tables::kShapes[type - tables::kShapeBase].name) : std::string_view();
}
}  // namespace

struct IndexEngine {
  const tables::Search* search = nullptr;
  std::uint16_t number = 0;
  std::vector<IndexValue> out;
  bool is_true = false;  // for parameters whose value is a truth
  bool collects_strays = false;
  const Value* root = nullptr;  // set while collecting strays
  std::vector<std::string> strays;

  void evaluate(std::uint16_t parameter, const Value& resource) {
    search = &tables::kSearch[parameter];
    number = parameter;
    is_true = false;
    const std::uint16_t* at = tables::kPrograms + search->program;
    for (std::uint16_t i = 0; i < search->program_count; ++i) {
      walk(at, resource);
      at = after(at);
    }
    if ((search->flags & tables::kIsTruth) != 0) token(kTruthSystem, is_true ? "true" : "false");
  }

  void evaluate_compartment(ResourceType type, const Value& resource) {
    const tables::Resource& own = tables::kResources[type.index()];
    for (std::uint16_t i = 0; i < own.search_count; ++i) {
      const auto parameter = static_cast<std::uint16_t>(own.search + i);
      if (in_patient_compartment_by(type, SearchParameter(parameter).code())) evaluate(parameter, resource);
    }
  }

  static std::uint16_t operation(std::uint16_t word) { return static_cast<std::uint16_t>(word >> 12u); }
  static std::uint16_t argument(std::uint16_t word) { return word & 0xFFFu; }

  static const std::uint16_t* after(const std::uint16_t* at) {
    while (operation(*at) != tables::kEnd) at += operation(*at) == tables::kWhereEquals ? 2 : 1;
    return at + 1;
  }

  void walk(const std::uint16_t* at, const Value& value) {
    switch (operation(*at)) {
      case tables::kEnd: emit(argument(*at), value); break;
      case tables::kKey: enter(at, value); break;
      case tables::kWhereEquals:
        if (value.string_at(tables::text_of(argument(at[0]))) == tables::text_of(at[1])) walk(at + 2, value);
        break;
      case tables::kWhereType: {
        const auto type = type_referred_to(value);
        if (type == resource_type(argument(*at)).name() || (collects_strays && type.empty())) walk(at + 1, value);
        break;
      }
      default: CARELEDGER_ASSERT(false);
    }
  }

  // Of a Reference: what its text says, else its `type`. While strays are collected, also of a contained resource.
  std::string_view type_referred_to(const Value& value) const {
    const Reference reference = read_reference(value.string_at("reference"));
    if (!reference.type.empty()) return reference.type;
    if (collects_strays && reference.form == ReferenceForm::contained)
      for (const Value& one : root->items_at("contained"))
        if (one.string_at("id") == reference.id) return one.string_at("resourceType");
    return value.string_at("type");
  }

  void collect_stray(const Value& value) {
    const std::string_view text = value.string_at("reference");
    const ReferenceForm form = read_reference(text).form;
    if (form != ReferenceForm::absolute && form != ReferenceForm::contained) return;
    const std::string_view type = type_referred_to(value);
    const std::string_view code = SearchParameter(number).code();
    const bool untold = type.empty() && form == ReferenceForm::absolute && (code == "patient" || code == "subject");
    if (type == "Patient" || untold) strays.emplace_back(text);
  }

  void enter(const std::uint16_t* at, const Value& value) {
    const Value* child = value.find(tables::text_of(argument(*at)));
    if (child == nullptr) return;
    ++at;
    if (operation(*at) == tables::kItem) {
      const auto items = child->items();
      if (argument(*at) < items.size()) walk(at + 1, items[argument(*at)]);
      return;
    }
    if (!child->is_array()) return walk(at, *child);
    for (const Value& item : child->items()) walk(at, item);
  }

  IndexValue& add() { return out.emplace_back(IndexValue{SearchParameter(number), {}, {}, {}, {0, 0}, 0, 0}); }

  void emit(std::uint16_t type, const Value& value) {
    if (value.is_null()) return;
    if ((search->flags & tables::kIsTruth) != 0) {
      is_true = is_true || !value.is_boolean() || value.boolean();
      return;
    }
    switch (static_cast<SearchKind>(search->kind)) {
      case SearchKind::token: return emit_token(type, value);
      case SearchKind::reference: return emit_reference(type, value);
      case SearchKind::string: return emit_string(value);
      case SearchKind::date: return emit_date(type, value);
      case SearchKind::quantity: return emit_quantity(type, value);
      case SearchKind::number: return emit_number(value);
      case SearchKind::uri:
        if (value.is_string()) add().text = value.text();
        return;
      case SearchKind::composite:
      case SearchKind::special: return;
    }
  }

  void token(std::string_view system, std::string_view code) {
    if (system.empty() && code.empty()) return;
    IndexValue& value = add();
    value.system = system;
    value.text = code;
  }

  void emit_token(std::uint16_t type, const Value& value) {
    if (value.is_boolean()) return token(kTruthSystem, value.boolean() ? "true" : "false");
    if (value.is_string()) return token({}, value.text());
    const std::string_view name = shape_name(type);
    if (name == "CodeableConcept") {
      for (const Value& coding : value.items_at("coding")) token(coding.string_at("system"), coding.string_at("code"));
    } else if (name == "Coding") {
      token(value.string_at("system"), value.string_at("code"));
    } else if (name == "Identifier") {
      token(value.string_at("system"), value.string_at("value"));
    } else if (name == "ContactPoint") {
      token({}, value.string_at("value"));
    }
  }

  void emit_reference(std::uint16_t type, const Value& value) {
    if (collects_strays) return collect_stray(value);
    const bool is_canonical = type < tables::kShapeBase;  // canonical or uri: a URL by itself
    const std::string_view text = is_canonical ? value.text() : value.string_at("reference");
    if (text.empty()) return;
    const Reference reference = read_reference(text);
    switch (reference.form) {
      case ReferenceForm::malformed:
      case ReferenceForm::contained:
      case ReferenceForm::conditional: return;
      case ReferenceForm::relative: {
        IndexValue& index = add();
        index.text.append(reference.type).append("/").append(reference.id);
        index.system = reference.type;
        return;
      }
      case ReferenceForm::absolute: break;
    }
    IndexValue& index = add();
    index.text = text;
    index.system = !reference.type.empty() ? reference.type : (is_canonical ? std::string_view() : value.string_at("type"));
  }

  void string(const Value* value) {
    if (value == nullptr) return;
    for (const Value& item : value->items()) string(&item);
    if (!value->is_string()) return;
    IndexValue& index = add();
    index.text = fold(value->text());
    index.exact = value->text();
  }

  void emit_string(const Value& value) {
    string(&value);
    if (!value.is_object()) return;
    static constexpr std::string_view kParts[] = {"family",   "given", "prefix",  "suffix",     "line", "city",
                                                  "district", "state", "country", "postalCode", "text"};  // of a HumanName or an Address
    for (const std::string_view part : kParts) string(value.find(part));
  }

  void emit_date(std::uint16_t type, const Value& value) {
    const std::string_view name = shape_name(type);
    const auto interval = value.is_string()  ? interval_of(value.text())
                          : name == "Period" ? period_of(value)
                          : name == "Timing" ? timing_of(value)
                                             : std::nullopt;
    if (interval) add().interval = *interval;
  }

  void emit_range(const std::optional<double>& low, const std::optional<double>& high, const Value* unit_of) {
    if (!low && !high) return;
    IndexValue& index = add();
    index.low = low.value_or(-std::numeric_limits<double>::infinity());
    index.high = high.value_or(std::numeric_limits<double>::infinity());
    if (unit_of == nullptr) return;
    const std::string_view code = unit_of->string_at("code");
    index.system = unit_of->string_at("system");
    index.text = code.empty() ? unit_of->string_at("unit") : code;
  }

  // A Range's two quantities, either of which may be missing.
  void emit_range_type(const Value& value, bool with_unit) {
    const Value* low = value.find("low");
    const Value* high = value.find("high");
    const auto from = low != nullptr ? number_of(low->find("value")) : std::nullopt;
    const auto to = high != nullptr ? number_of(high->find("value")) : std::nullopt;
    const Value* unit_of = low != nullptr ? low : high;
    emit_range(from, to, with_unit ? unit_of : nullptr);
  }

  void emit_quantity(std::uint16_t type, const Value& value) {
    const std::string_view name = shape_name(type);
    if (name == "Range") {
      emit_range_type(value, true);
    } else if (name == "Money") {
      const auto amount = number_of(value.find("value"));
      emit_range(amount, amount, nullptr);
      if (!amount) return;
      out.back().system = kCurrencySystem;
      out.back().text = value.string_at("currency");
    } else if (name != "SampledData") {
      const auto amount = number_of(value.find("value"));
      emit_range(amount, amount, &value);
    }
  }

  void emit_number(const Value& value) {
    if (value.is_object()) return emit_range_type(value, false);
    const auto amount = number_of(&value);
    emit_range(amount, amount, nullptr);
  }
};

std::vector<IndexValue> index_values(const Value& resource) {
  const auto type = type_of(resource);
  if (!type) return {};
  IndexEngine engine;
  const tables::Resource& own = tables::kResources[type->index()];
  for (std::uint16_t i = 0; i < own.search_count; ++i) engine.evaluate(static_cast<std::uint16_t>(own.search + i), resource);
  for (std::uint16_t i = 0; i < tables::kCommonSearchCount; ++i) {
    engine.evaluate(static_cast<std::uint16_t>(tables::kCommonSearch + i), resource);
  }
  return std::move(engine.out);
}

namespace {

void add_patients_of(const Value* carried, std::vector<std::string>& ids) {
  if (carried == nullptr) return;
  const auto more = patient_compartments(*carried, index_values(*carried));
  ids.insert(ids.end(), more.begin(), more.end());
}

void add_patients_of_parameters(std::span<const Value> parameters, std::vector<std::string>& ids) {
  for (const Value& parameter : parameters) {
    add_patients_of(parameter.find("resource"), ids);
    add_patients_of_parameters(parameter.items_at("part"), ids);
  }
}

void add_patient_of_binary(const Value& binary, std::vector<std::string>& ids) {
  const Value* context = binary.find("securityContext");
  if (context == nullptr) return;
  const Reference reference = read_reference(context->string_at("reference"));
  if (reference.form != ReferenceForm::relative || reference.id.empty()) return;
  if (reference.type == "Patient") ids.emplace_back(reference.id);
  else ids.push_back(std::string(reference.type) + "/" + std::string(reference.id));
}

}  // namespace

std::vector<std::string> patient_compartments(const Value& resource, std::span<const IndexValue> values) {
  std::vector<std::string> ids;
  const auto type = type_of(resource);
  if (!type) return ids;
  const std::string_view name = type->name();
  if (name == "Patient" && !resource.string_at("id").empty()) ids.emplace_back(resource.string_at("id"));
  if (name == "Binary") add_patient_of_binary(resource, ids);
  if (name == "Bundle")
    for (const Value& entry : resource.items_at("entry")) add_patients_of(entry.find("resource"), ids);
  if (name == "Parameters") add_patients_of_parameters(resource.items_at("parameter"), ids);
  constexpr std::string_view kPrefix = "Patient/";
  for (const IndexValue& value : values) {
    if (value.parameter.kind() != SearchKind::reference || !value.text.starts_with(kPrefix)) continue;
    if (in_patient_compartment_by(*type, value.parameter.code())) ids.push_back(value.text.substr(kPrefix.size()));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::vector<std::string> stray_patients(const Value& resource) {
  const auto type = type_of(resource);
  if (!type) return {};
  IndexEngine engine;
  engine.collects_strays = true;
  engine.root = &resource;
  engine.evaluate_compartment(*type, resource);
  const Value* context = type->name() == "Binary" ? resource.find("securityContext") : nullptr;
  if (context != nullptr) engine.collect_stray(*context);
  return std::move(engine.strays);
}

namespace {
// The code point at the front of well-formed UTF-8, and its length.
std::pair<std::uint32_t, std::size_t> code_point(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = at(0);
  const std::size_t size = lead < 0x80 ? 1 : (lead < 0xE0 ? 2 : (lead < 0xF0 ? 3 : 4));
  if (size > text.size() || size == 1) return {lead, 1};
  std::uint32_t value = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) value = value << 6u | (at(i) & 0x3Fu);
  return {value, size};
}

void fold_character(std::string& out, std::string_view character, std::uint32_t code) {
  const tables::Fold* end = tables::kFolds + tables::kFoldCount;
  const auto before = [](const tables::Fold& fold, std::uint32_t c) { return fold.from < c; };
  const tables::Fold* found = std::lower_bound(tables::kFolds, end, code, before);
  if (found == end || found->from != code) {
    out += character;
  } else {
    out.append(tables::kFoldText + found->offset, found->size);
  }
}
}  // namespace

std::string fold(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  while (!text.empty()) {
    const auto [code, size] = code_point(text);
    if (code >= 0x80) {
      fold_character(folded, text.substr(0, size), code);
    } else if (code <= ' ') {
      folded += ' ';
    } else {
      folded += static_cast<char>(code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code);
    }
    text.remove_prefix(size);
  }
  const auto both_blank = [](char a, char b) { return a == ' ' && b == ' '; };
  folded.erase(std::unique(folded.begin(), folded.end(), both_blank), folded.end());
  if (folded.starts_with(' ')) folded.erase(0, 1);
  if (folded.ends_with(' ')) folded.pop_back();
  return folded;
}

}  // namespace careledger::codec::fhir
