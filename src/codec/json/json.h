// JSON as a tree whose numbers are still text: FHIR requires 1.10 to stay 1.10, which no parser that makes doubles can promise.
//
// parse() reads RFC 8259 JSON strictly into a Document, which owns one arena; a Value is a 16-byte handle into it. Objects keep the
// order of their source. Strings without escapes are not copied: they point into the Document's own copy of the text.
//
//   CARELEDGER_TRY(json::Document document, json::parse(text));
//   if (const json::Value* id = document.root().find("id")) use(id->text());
//   document.set(document.root(), "id", document.string("17"));
//   Bytes out = json::compact(document.root());
//
// Thread-safety: a Document belongs to one thread while it is changed; any number may read one that nobody changes.
// Lifetime: every Value, key and text() lives as long as its Document and survives a move of it. Changing an array or object may move
// its items: pointers to what lies directly inside it are then dead.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/result.h"

namespace careledger::codec::json {

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

class Document;
class Member;

class Value {
 public:
  Value() : text_(nullptr) {}  // null

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_number() const { return kind_ == Kind::number; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }

  bool boolean() const { return kind_ == Kind::boolean && size_ != 0; }  // false for every other kind
  // A string's characters (UTF-8, escapes resolved) or a number exactly as it was written; empty for every other kind.
  std::string_view text() const { return is_string() || is_number() ? std::string_view(text_, size_) : std::string_view(); }
  std::size_t size() const { return is_array() || is_object() ? size_ : 0; }  // items or members

  // Empty for every other kind. Through the writable ones a value may be replaced in place: `item = document.string("x")`.
  std::span<const Value> items() const { return {is_array() ? items_ : nullptr, is_array() ? size_ : 0u}; }
  std::span<Value> items() { return {is_array() ? items_ : nullptr, is_array() ? size_ : 0u}; }
  inline std::span<const Member> members() const;
  inline std::span<Member> members();

  // The member's value; nullptr when there is none or this is no object. Linear in the members, as FHIR objects are small.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  // text() of the member when it is a string, else empty.
  std::string_view string_at(std::string_view key) const;
  // items() of the member when it is an array, else empty.
  std::span<const Value> items_at(std::string_view key) const;

 private:
  friend class Document;
  friend class TreeBuilder;
  friend class Writer;

  Kind kind_ = Kind::null;
  bool plain_ = false;      // text without any character that needs an escape
  std::uint8_t room_ = 0;   // log2 of the capacity of items_ or members_; 0: exactly size_
  std::uint32_t size_ = 0;  // characters, items, members, or 0 and 1 for the two booleans
  union {
    const char* text_;
    Value* items_;
    Member* members_;
  };
};

class Member {
 public:
  std::string_view key() const { return {key_, key_size_}; }
  Value value;

 private:
  friend class Document;
  friend class TreeBuilder;
  friend class Writer;
  const char* key_ = nullptr;
  std::uint32_t key_size_ = 0;
  bool key_plain_ = false;
  std::uint8_t key_bit_ = 0;  // for the search for duplicates while it is parsed
};

inline std::span<const Member> Value::members() const { return {is_object() ? members_ : nullptr, is_object() ? size_ : 0u}; }
inline std::span<Member> Value::members() { return {is_object() ? members_ : nullptr, is_object() ? size_ : 0u}; }

// What parse() takes at most; the defaults fit a transaction of 25,000 entries. More is ErrorKind::too_large.
struct Limits {
  std::uint32_t bytes = 256u << 20;
  std::uint32_t depth = 64;                // arrays and objects inside each other; at most 256
  std::uint32_t values = 16'000'000;       // all values, at every level
  std::uint32_t string_bytes = 64u << 20;  // one string or key, escapes resolved
};

class Arena;

class Document {
 public:
  Document();  // root is null
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  Value& root() { return *root_; }  // its address survives moves of the Document
  const Value& root() const { return *root_; }
  std::size_t bytes_held() const;  // memory, for limits and figures

  // Makers. What they return belongs to this Document and may be put anywhere in its tree, in one place only.
  Value null() const { return {}; }
  Value boolean(bool truth) const;
  Value string(std::string_view text);  // copied; must be valid UTF-8 (asserted)
  Value number(std::string_view text);  // copied; must be a JSON number (asserted)
  Value number(std::int64_t number);
  Value array();
  Value object();
  Value copy(const Value& other);  // deep, from this or another Document, which may then go

  // Changes. `object` and `array` must be part of this Document's tree, or made by it, and of that kind (asserted).
  void set(Value& object, std::string_view key, Value value);                           // replaces in place or adds at the end
  void insert(Value& object, std::size_t position, std::string_view key, Value value);  // key must not be there (asserted)
  bool remove(Value& object, std::string_view key);                                     // false when it was not there
  void append(Value& array, Value value);
  void remove_at(Value& array, std::size_t position);

 private:
  friend Result<Document> parse(ByteView text, const Limits& limits);
  friend Result<Document> parse_owned(Bytes&& text, const Limits& limits);
  explicit Document(std::unique_ptr<Arena> arena);
  std::string_view keep(std::string_view text);
  std::unique_ptr<Arena> arena_;
  Value* root_;
};

// Strict: one value and nothing after it but white space; no comments, trailing commas, NaN, byte order mark, bad UTF-8, lone
// surrogates or duplicate keys. A number's exponent has at most nine digits or so (the parser's own limit); otherwise numbers of any
// length are kept. Errors: malformed or too_large; the message names line, column and byte, and never what stands there.
// On failure nothing is left behind. Takes about as much memory again as the text, twice that for dense text.
Result<Document> parse(ByteView text, const Limits& limits = {});
Result<Document> parse_owned(Bytes&& text, const Limits& limits = {});  // takes the text without copying it

// Writers. Strings are escaped as RFC 8785 does (only what must be), numbers are verbatim.
Bytes compact(const Value& value);  // members in their order
void append_compact(Bytes& out, const Value& value);
Bytes pretty(const Value& value);  // two spaces, members in their order, no newline at the end
// RFC 8785 but for numbers, which stay verbatim: no white space, keys by UTF-16 code units. The form that "fhir-verbatim/1" hashes.
Bytes canonical(const Value& value);
void append_string(Bytes& out, std::string_view text);  // one string, in its quotes; must be valid UTF-8
void append_canonical(Bytes& out, const Value& value);
// RFC 8785 (JCS) to the letter, for values whose numbers are integers within ±(2^53 - 1), written plainly; invalid otherwise.
Result<Bytes> canonical_strict(const Value& value);

bool is_number(std::string_view text);  // RFC 8259 grammar
bool is_utf8(ByteView text);            // well-formed, no surrogates, nothing above U+10FFFF
// Order of two UTF-8 strings by their UTF-16 code units (RFC 8785 section 3.2.3): below zero, zero, above zero.
int compare_utf16(std::string_view a, std::string_view b);

}  // namespace careledger::codec::json
