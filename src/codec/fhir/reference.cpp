#include "codec/fhir/reference.h"

#include <algorithm>

#include "codec/fhir/definitions.h"
#include "codec/fhir/lookup.h"
#include "codec/fhir/primitive.h"

namespace careledger::codec::fhir {

using json::Member;
using json::Value;

namespace {
bool has_scheme(std::string_view text) {  // RFC 3986 section 3.1
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::string_view scheme = text.substr(0, colon);
  return is_letter(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

// Splits off the last segment of a path; the whole when there is no slash.
std::string_view take_last(std::string_view& path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  return last;
}

// Reads …/Type/id or …/Type/id/_history/version from the end; false when it does not end so.
bool read_tail(std::string_view text, Reference& reference) {
  std::string_view rest = text;
  std::string_view id = take_last(rest);
  std::string_view before = rest;
  if (take_last(before) == "_history") {
    if (!is_id(id)) return false;
    reference.version = id;
    rest = before;
    id = take_last(rest);
  }
  const std::string_view type = take_last(rest);
  if (!is_id(id) || !find_resource_type(type)) {
    reference.version = {};
    return false;
  }
  reference.type = type;
  reference.id = id;
  reference.base = rest;
  return true;
}
}  // namespace

Reference read_reference(std::string_view text) {
  Reference reference;
  if (!is_valid(Primitive::uri, text)) return reference;
  if (text.front() == '#') {
    reference.form = ReferenceForm::contained;
    reference.id = text.substr(1);
    return reference;
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos && find_resource_type(text.substr(0, mark))) {
    reference.form = ReferenceForm::conditional;
    reference.type = text.substr(0, mark);
    reference.query = text.substr(mark + 1);
    return reference;
  }
  if (has_scheme(text)) {
    reference.form = ReferenceForm::absolute;
    if (text.find("://") != std::string_view::npos) read_tail(text, reference);
    return reference;
  }
  if (read_tail(text, reference) && reference.base.empty() && text.front() != '/') {
    reference.form = ReferenceForm::relative;
    return reference;
  }
  return {};
}

std::string_view below_base(std::string_view text, std::string_view base) {
  const Reference reference = read_reference(text);
  if (reference.form != ReferenceForm::absolute || reference.type.empty()) return {};
  const auto without_scheme = [](std::string_view url) { return url.substr(std::min(url.size(), url.find("://") + 3)); };
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  const auto same = [&](char a, char b) { return lower(a) == lower(b); };
  const std::string_view scheme = reference.base.substr(0, reference.base.find("://"));
  constexpr std::string_view kWeb[] = {"http", "https"};
  const bool web = std::ranges::any_of(kWeb, [&](std::string_view one) { return std::ranges::equal(scheme, one, same); });
  if (!web || !std::ranges::equal(without_scheme(reference.base), without_scheme(base), same)) return {};
  return text.substr(reference.base.size() + 1);
}

namespace {
struct Step {
  const Step* parent;
  std::string_view name;
  std::size_t index;
};

void write_location(std::string& out, const Step& step) {
  if (step.parent != nullptr) {
    write_location(out, *step.parent);
    out += '.';
  }
  out += step.name;
  if (step.index != SIZE_MAX) out += '[' + std::to_string(step.index) + ']';
}

// Follows the definitions through a resource and shows the strings for which `wants` holds.
class Walker {
 public:
  using Wants = bool (*)(const tables::Shape& shape, const tables::Property& property, std::string_view key);
  Walker(Wants wants, const VisitString& visit) : wants_(wants), visit_(visit) {}

  void walk_resource(Value& resource, const Step* parent, std::string_view name, std::size_t index) {
    const auto type = type_of(resource);
    if (!type) return;
    const Step step{parent, parent == nullptr ? type->name() : name, index};
    walk_members(resource, tables::kShapes[tables::kResources[type->index()].shape], step);
  }

 private:
  void walk_members(Value& value, const tables::Shape& shape, const Step& step) {
    for (Member& member : value.members()) {
      const bool is_sibling = member.key().starts_with('_');
      const tables::Property* property = find_property(shape, is_sibling ? member.key().substr(1) : member.key());
      if (property == nullptr) continue;
      const std::string_view name = element_name(shape, *property);
      if (!member.value.is_array()) {
        walk_value(member.value, shape, *property, is_sibling, Step{&step, name, SIZE_MAX});
        continue;
      }
      std::size_t index = 0;
      for (Value& item : member.value.items()) walk_value(item, shape, *property, is_sibling, Step{&step, name, index++});
    }
  }

  void walk_value(Value& value, const tables::Shape& shape, const tables::Property& property, bool is_sibling, const Step& step) {
    if (is_sibling) {
      walk_members(value, tables::kShapes[tables::kElementShape], step);
    } else if (property.type == tables::kAnyResource) {
      walk_resource(value, step.parent, step.name, step.index);
    } else if (property.type >= tables::kShapeBase) {
      walk_members(value, tables::kShapes[property.type - tables::kShapeBase], step);
    } else if (value.is_string() && wants_(shape, property, step.name)) {
      visit_(value, [&step] {
        std::string location;
        write_location(location, step);
        return location;
      });
    }
  }

  Wants wants_;
  const VisitString& visit_;
};

bool is_reference(const tables::Shape& shape, const tables::Property&, std::string_view key) {
  return (shape.flags & tables::kIsReference) != 0 && key == "reference";
}

bool is_uri(const tables::Shape&, const tables::Property& property, std::string_view) {
  switch (static_cast<Primitive>(property.type)) {
    case Primitive::uri:
    case Primitive::url:
    case Primitive::canonical:
    case Primitive::oid:
    case Primitive::uuid: return true;
    default: return false;
  }
}
}  // namespace

void visit_references(Value& resource, const VisitString& visit) {
  Walker(is_reference, visit).walk_resource(resource, nullptr, {}, SIZE_MAX);
}

void visit_uris(Value& resource, const VisitString& visit) { Walker(is_uri, visit).walk_resource(resource, nullptr, {}, SIZE_MAX); }

// The walker hands out writable strings; these visitors only read them.
void see_references(const Value& resource, const SeeString& see) {
  visit_references(const_cast<Value&>(resource), [&see](Value& text, const Location&) { see(text.text()); });
}

void see_uris(const Value& resource, const SeeString& see) {
  visit_uris(const_cast<Value&>(resource), [&see](Value& text, const Location&) { see(text.text()); });
}

}  // namespace careledger::codec::fhir
