#include "codec/fhir/check.h"

#include <algorithm>
#include <array>

#include "codec/fhir/definitions.h"
#include "codec/fhir/lookup.h"
#include "codec/fhir/primitive.h"
#include "codec/fhir/reference.h"

namespace careledger::codec::fhir {

using json::Kind;
using json::Member;
using json::Value;
using tables::Property;
using tables::Shape;

std::string_view name_of(IssueType type) {
  switch (type) {
    case IssueType::structure: return "structure";
    case IssueType::required: return "required";
    case IssueType::value: return "value";
    case IssueType::invariant: return "invariant";
    case IssueType::extension: return "extension";
  }
  return "";
}

namespace {
// Where the check stands: a chain on the stack, written out only for a finding.
struct Frame {
  const Frame* parent;
  std::string_view name;
  std::size_t index = kNone;
  static constexpr std::size_t kNone = SIZE_MAX;
};

// Keys come from outside and might hold anything, so only what could be an element's name is repeated.
std::string_view shown(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return fits ? name : std::string_view("?");
}

void write_location(std::string& out, const Frame& frame) {
  if (frame.parent != nullptr) {
    write_location(out, *frame.parent);
    out += '.';
    out += shown(frame.name);
  } else {
    out += frame.name;
  }
  if (frame.index != Frame::kNone) out += '[' + std::to_string(frame.index) + ']';
}

std::string_view kind_in_words(Kind kind) {
  static constexpr std::array<std::string_view, 6> kWords = {"null", "a boolean", "a number", "a string", "an array", "an object"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string expected(std::string_view what, const Value& found) {
  return "expected " + std::string(what) + ", found " + std::string(kind_in_words(found.kind()));
}

// The resource that holds contained ones: what #id refers to.
struct Container {
  const Value* resource;
  bool is_listed = false;
  std::vector<std::string_view> ids;

  bool has(std::string_view id) {
    if (!is_listed) {
      for (const Value& contained : resource->items_at("contained")) ids.push_back(contained.string_at("id"));
      std::sort(ids.begin(), ids.end());
      is_listed = true;
    }
    return std::binary_search(ids.begin(), ids.end(), id);
  }
};

class Checker {
 public:
  explicit Checker(const CheckOptions& options) : options_(options) {}

  std::vector<Finding> run(const Value& resource) {
    const auto type = type_of(resource);
    const Frame frame{nullptr, !options_.location.empty() ? options_.location : (type ? type->name() : std::string_view("Resource"))};
    check_resource(resource, frame, nullptr);
    return std::move(findings_);
  }

 private:
  bool is_full() const { return findings_.size() >= options_.findings_max; }

  void find(IssueType type, const Frame& frame, std::string text) {
    if (is_full()) return;
    std::string location;
    write_location(location, frame);
    findings_.push_back({Severity::error, type, std::move(location), std::move(text)});
  }

  void check_resource(const Value& value, const Frame& frame, Container* around) {
    if (!value.is_object()) return find(IssueType::structure, frame, expected("a resource", value));
    const Value* name = value.find("resourceType");
    if (name == nullptr) return find(IssueType::required, frame, "resourceType is missing");
    const auto type = find_resource_type(name->text());
    if (!name->is_string() || !type) return find(IssueType::structure, frame, "resourceType names no resource type of FHIR R4");
    Container own{.resource = &value, .is_listed = false, .ids = {}};
    if (around != nullptr && value.find("contained") != nullptr) {
      find(IssueType::invariant, Frame{&frame, "contained"}, "a contained resource must not contain another (dom-2)");
    }
    Container* const outer = container_;
    container_ = around != nullptr ? around : &own;
    check_members(value, tables::kShapes[tables::kResources[type->index()].shape], 0, frame);
    container_ = outer;
  }

  void check_object(const Value& value, const Shape& shape, std::uint16_t targets, const Frame& frame) {
    if (!value.is_object()) return find(IssueType::structure, frame, expected("an object", value));
    const auto members = value.members();
    if (members.empty()) return find(IssueType::structure, frame, "an object must not be empty");
    if (members.size() == 1 && members[0].key() == "id") {
      return find(IssueType::invariant, frame, "an element must have a value or children beside its id (ele-1)");
    }
    check_members(value, shape, targets, frame);
  }

  void check_members(const Value& value, const Shape& shape, std::uint16_t targets, const Frame& frame) {
    std::uint64_t seen[2] = {0, 0};
    for (const Member& member : value.members()) {
      if (is_full()) return;
      const std::string_view key = member.key();
      const bool is_sibling = key.starts_with('_');
      const Property* property = find_property(shape, is_sibling ? key.substr(1) : key);
      if (property == nullptr || (is_sibling && !may_have_sibling(*property))) {
        if (key != "resourceType" || (shape.flags & tables::kIsResource) == 0) unknown(key, shape, frame);
        continue;
      }
      const std::uint64_t bit = std::uint64_t{1} << (property->element & 63u);
      std::uint64_t& word = seen[property->element >> 6u];
      if ((word & bit) != 0 && (property->flags & tables::kChoice) != 0) check_choice(value, shape, *property, frame);
      word |= bit;
      check_member(value, *property, member, is_sibling, element_frame(frame, shape, *property));
    }
    check_required(shape, seen, frame);
    if ((shape.flags & tables::kIsExtension) != 0) check_extension(shape, seen, frame);
    if ((shape.flags & tables::kIsReference) != 0) check_reference(value, targets, frame);
  }

  static bool may_have_sibling(const Property& property) {
    return property.type < tables::kAnyResource && (property.flags & tables::kBare) == 0;
  }

  static Frame element_frame(const Frame& frame, const Shape& shape, const Property& property) {
    return {&frame, element_name(shape, property)};
  }

  void unknown(std::string_view key, const Shape& shape, const Frame& frame) {
    const std::string owner(tables::text_of(shape.name));
    find(IssueType::structure, Frame{&frame, key}, "unknown element; " + owner + " has none of this name");
  }

  // Called when an element that is a choice appears again: fine for its own _sibling, wrong for another type.
  void check_choice(const Value& value, const Shape& shape, const Property& property, const Frame& frame) {
    for (const Member& member : value.members()) {
      const std::string_view key = member.key();
      const Property* other = find_property(shape, key.starts_with('_') ? key.substr(1) : key);
      if (other == nullptr || other->element != property.element || other == &property) continue;
      return find(IssueType::structure, element_frame(frame, shape, property), "only one type of value may be given");
    }
  }

  void check_required(const Shape& shape, const std::uint64_t (&seen)[2], const Frame& frame) {
    if ((shape.required[0] & ~seen[0]) == 0 && (shape.required[1] & ~seen[1]) == 0) return;
    for (std::uint8_t element = 0; element < shape.element_count; ++element) {
      const std::uint64_t bit = std::uint64_t{1} << (element & 63u);
      if ((shape.required[element >> 6u] & ~seen[element >> 6u] & bit) == 0) continue;
      const std::string_view name = tables::text_of(tables::kElementNames[shape.elements + element]);
      find(IssueType::required, frame, "the element " + std::string(name) + " is required");
    }
  }

  void check_extension(const Shape& shape, const std::uint64_t (&seen)[2], const Frame& frame) {
    const auto was_seen = [&](std::string_view key) {
      const Property* property = find_property(shape, key);
      return (seen[property->element >> 6u] >> (property->element & 63u) & 1u) != 0;
    };
    if (was_seen("extension") == was_seen("valueString")) {
      find(IssueType::extension, frame, "an extension has either a value or extensions of its own (ext-1)");
    }
  }

  void check_reference(const Value& value, std::uint16_t targets, const Frame& frame) {
    const Value* text = value.find("reference");
    if (text == nullptr || !text->is_string()) return;
    const Reference reference = read_reference(text->text());
    const Frame at{&frame, "reference"};
    switch (reference.form) {
      case ReferenceForm::malformed:
        return find(IssueType::value, at, "a reference is Type/id, an absolute URL, urn:uuid:… or #id of a contained resource");
      case ReferenceForm::contained:
        if (!reference.id.empty() && !container_->has(reference.id)) {
          find(IssueType::value, at, "there is no contained resource with this id");
        }
        return;
      case ReferenceForm::absolute: return;
      case ReferenceForm::relative:
      case ReferenceForm::conditional: break;
    }
    const auto type = find_resource_type(reference.type);
    if (type && !allows(targets, type->index())) {
      find(IssueType::value, at, "this element may not refer to a resource of type " + std::string(type->name()));
    }
  }

  void check_member(const Value& object, const Property& property, const Member& member, bool is_sibling, const Frame& frame) {
    const Value& value = member.value;
    const bool is_many = (property.flags & tables::kMany) != 0;
    if (!is_many) {
      if (value.is_array()) return find(IssueType::structure, frame, "expected one value, found an array");
      return check_item(object, property, member, value, is_sibling, frame);
    }
    if (!value.is_array()) return find(IssueType::structure, frame, expected("an array", value));
    if (value.size() == 0) return find(IssueType::structure, frame, "an array must not be empty");
    std::size_t index = 0;
    for (const Value& item : value.items()) {
      if (is_full()) return;
      check_item(object, property, member, item, is_sibling, Frame{frame.parent, frame.name, index++});
    }
  }

  void check_item(const Value& object, const Property& property, const Member& member, const Value& item, bool is_sibling,
                  const Frame& frame) {
    if (is_sibling) {
      check_sibling(object, member, item, frame);
    } else if (property.type < tables::kAnyResource) {
      check_primitive(object, property, member, item, frame);
    } else if (property.type == tables::kAnyResource) {
      check_resource(item, frame, frame.name == "contained" ? container_ : nullptr);
    } else {
      check_object(item, tables::kShapes[property.type - tables::kShapeBase], property.targets, frame);
    }
  }

  void check_primitive(const Value& object, const Property& property, const Member& member, const Value& item, const Frame& frame) {
    const auto type = static_cast<Primitive>(property.type);
    if (item.is_null()) {
      if (frame.index == Frame::kNone) return find(IssueType::structure, frame, "null stands only in arrays, beside an extension");
      const Value* sibling = object.find("_" + std::string(member.key()));
      if (sibling == nullptr || is_null_at(*sibling, frame.index)) find(IssueType::structure, frame, "null without an extension beside it");
      return;
    }
    if (item.kind() != json_kind(type)) {
      return find(IssueType::structure, frame, expected(kind_in_words(json_kind(type)), item) + " (" + std::string(name_of(type)) + ")");
    }
    if (!is_valid(type, item.text())) find(IssueType::value, frame, "not a valid " + std::string(name_of(type)));
  }

  static bool is_null_at(const Value& array, std::size_t index) {
    const auto items = array.items();
    return index >= items.size() || items[index].is_null();
  }

  // The id and extensions of a primitive, in `_x` beside `x`.
  void check_sibling(const Value& object, const Member& member, const Value& item, const Frame& frame) {
    const Value* values = object.find(member.key().substr(1));
    const bool in_array = frame.index != Frame::kNone;
    const bool has_value = values != nullptr && !(in_array ? is_null_at(*values, frame.index) : values->is_null());
    if (item.is_null()) {
      if (!in_array || !has_value) find(IssueType::structure, frame, "null without a value beside it");
      return;
    }
    if (!item.is_object()) return find(IssueType::structure, frame, expected("an object with id or extension", item));
    if (item.size() == 0) return find(IssueType::structure, frame, "an object must not be empty");
    if (!has_value && item.find("extension") == nullptr) {
      return find(IssueType::invariant, frame, "an element must have a value or an extension (ele-1)");
    }
    check_members(item, tables::kShapes[tables::kElementShape], 0, frame);
  }

  const CheckOptions& options_;
  std::vector<Finding> findings_;
  Container* container_ = nullptr;
};
}  // namespace

std::vector<Finding> check(const Value& resource, const CheckOptions& options) { return Checker(options).run(resource); }

}  // namespace careledger::codec::fhir
