#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "codec/json/arena.h"
#include "codec/json/json.h"
#include "codec/json/text.h"

namespace careledger::codec::json {

namespace {
constexpr std::size_t kSmallDocument = 1024;
constexpr std::size_t kLargestCount = UINT32_MAX;

// The capacity behind a Value's items: `room` is its log2, and 0 says that there is none beyond `size`.
bool is_full(std::uint32_t size, std::uint8_t room) { return room == 0 || size == (std::uint64_t{1} << room); }

template <class T>
T* grow(Arena& arena, T* from, std::uint32_t size, std::uint8_t& room) {
  room = static_cast<std::uint8_t>(std::max(2, static_cast<int>(std::bit_width(std::uint64_t{size}))));
  T* to = arena.allocate_many<T>(std::size_t{1} << room);
  std::uninitialized_copy_n(from, size, to);
  return to;
}
}  // namespace

const Value* Value::find(std::string_view key) const {
  for (const Member& member : members()) {
    if (member.key() == key) return &member.value;
  }
  return nullptr;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

std::string_view Value::string_at(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->is_string() ? value->text() : std::string_view();
}

std::span<const Value> Value::items_at(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr ? value->items() : std::span<const Value>();
}

Document::Document(std::unique_ptr<Arena> arena) : arena_(std::move(arena)), root_(&arena_->root) {}
Document::Document() : Document(std::make_unique<Arena>(kSmallDocument)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

std::size_t Document::bytes_held() const { return arena_ ? arena_->held() : 0; }

std::string_view Document::keep(std::string_view text) {
  CARELEDGER_ASSERT(text.size() <= kLargestCount);
  return {arena_->keep(text), text.size()};
}

Value Document::boolean(bool truth) const {
  Value value;
  value.kind_ = Kind::boolean;
  value.size_ = truth ? 1 : 0;
  return value;
}

Value Document::string(std::string_view text) {
  CARELEDGER_ASSERT(is_utf8(text));
  Value value;
  value.kind_ = Kind::string;
  value.plain_ = needs_no_escape(text);
  value.size_ = static_cast<std::uint32_t>(text.size());
  value.text_ = keep(text).data();
  return value;
}

Value Document::number(std::string_view text) {
  CARELEDGER_ASSERT(is_number(text));
  Value value;
  value.kind_ = Kind::number;
  value.size_ = static_cast<std::uint32_t>(text.size());
  value.text_ = keep(text).data();
  return value;
}

Value Document::number(std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return this->number(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

Value Document::array() {
  Value value;
  value.kind_ = Kind::array;
  value.items_ = nullptr;
  return value;
}

Value Document::object() {
  Value value;
  value.kind_ = Kind::object;
  value.members_ = nullptr;
  return value;
}

Value Document::copy(const Value& other) {
  Value value = other;
  value.room_ = 0;
  switch (other.kind()) {
    case Kind::null:
    case Kind::boolean: break;
    case Kind::number:
    case Kind::string: value.text_ = arena_->keep(other.text()); break;
    case Kind::array: {
      value.items_ = arena_->allocate_many<Value>(other.size_);
      for (std::uint32_t i = 0; i < other.size_; ++i) new (value.items_ + i) Value(copy(other.items_[i]));
      break;
    }
    case Kind::object: {
      value.members_ = arena_->allocate_many<Member>(other.size_);
      for (std::uint32_t i = 0; i < other.size_; ++i) {
        Member member = other.members_[i];
        member.key_ = arena_->keep(member.key());
        member.value = copy(other.members_[i].value);
        new (value.members_ + i) Member(member);
      }
      break;
    }
  }
  return value;
}

void Document::set(Value& object, std::string_view key, Value value) {
  CARELEDGER_ASSERT(object.is_object());
  if (Value* there = object.find(key); there != nullptr) {
    *there = value;
    return;
  }
  insert(object, object.size_, key, value);
}

void Document::insert(Value& object, std::size_t position, std::string_view key, Value value) {
  CARELEDGER_ASSERT(object.is_object() && position <= object.size_ && object.find(key) == nullptr && is_utf8(key));
  CARELEDGER_ASSERT(object.size_ < kLargestCount);
  if (is_full(object.size_, object.room_)) object.members_ = grow(*arena_, object.members_, object.size_, object.room_);
  Member member;
  member.key_ = keep(key).data();
  member.key_size_ = static_cast<std::uint32_t>(key.size());
  member.key_plain_ = needs_no_escape(key);
  member.value = value;
  new (object.members_ + object.size_) Member;
  std::move_backward(object.members_ + position, object.members_ + object.size_, object.members_ + object.size_ + 1);
  object.members_[position] = member;
  ++object.size_;
}

bool Document::remove(Value& object, std::string_view key) {
  CARELEDGER_ASSERT(object.is_object());
  for (std::uint32_t i = 0; i < object.size_; ++i) {
    if (object.members_[i].key() != key) continue;
    std::move(object.members_ + i + 1, object.members_ + object.size_, object.members_ + i);
    --object.size_;
    return true;
  }
  return false;
}

void Document::append(Value& array, Value value) {
  CARELEDGER_ASSERT(array.is_array() && array.size_ < kLargestCount);
  if (is_full(array.size_, array.room_)) array.items_ = grow(*arena_, array.items_, array.size_, array.room_);
  new (array.items_ + array.size_) Value(value);
  ++array.size_;
}

void Document::remove_at(Value& array, std::size_t position) {
  CARELEDGER_ASSERT(array.is_array() && position < array.size_);
  std::move(array.items_ + position + 1, array.items_ + array.size_, array.items_ + position);
  --array.size_;
}

}  // namespace careledger::codec::json
