#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "codec/json/json.h"
#include "codec/json/text.h"

namespace careledger::codec::json {

namespace {
// Appends to a string through bare pointers: room is asked for once a token, not once a character.
class Out {
 public:
  explicit Out(Bytes& bytes) : bytes_(bytes), start_(bytes.size()), used_(bytes.size()) { bytes_.resize(used_ + 512); }
  ~Out() { bytes_.resize(used_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  void put(char c) {
    *room(1) = c;
    ++used_;
  }
  void put(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(room(text.size()), text.data(), text.size());
    used_ += text.size();
  }
  // "text" and what follows it, in one go: the text needs no escape.
  void quote_plain(std::string_view text, std::string_view after) {
    char* at = room(text.size() + after.size() + 2);
    *at++ = '"';
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
    *at++ = '"';
    for (const char c : after) *at++ = c;
    used_ += text.size() + after.size() + 2;
  }
  void indent(std::size_t depth) {
    std::memset(room(depth * 2), ' ', depth * 2);
    used_ += depth * 2;
  }

 private:
  char* room(std::size_t count) {
    if (bytes_.size() - used_ < count) [[unlikely]]
      bytes_.resize(used_ + std::max(count, (used_ - start_) * 2));
    return bytes_.data() + used_;
  }
  Bytes& bytes_;
  const std::size_t start_;  // growth is by what was written here, so that many small appends to one string stay linear
  std::size_t used_;
};

void put_escaped(Out& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    switch (c) {
      case '"': out.put("\\\""); break;
      case '\\': out.put("\\\\"); break;
      case '\b': out.put("\\b"); break;
      case '\t': out.put("\\t"); break;
      case '\n': out.put("\\n"); break;
      case '\f': out.put("\\f"); break;
      case '\r': out.put("\\r"); break;
      default: {
        const auto code = static_cast<unsigned char>(c);
        if (code >= 0x20) {
          out.put(c);
        } else {
          out.put("\\u00");
          out.put(kHex[code >> 4]);
          out.put(kHex[code & 15]);
        }
      }
    }
  }
}
}  // namespace

// The three styles share everything but the order of keys and the white space.
class Writer {
 public:
  Writer(Bytes& out, bool sorted, bool spaced) : out_(out), sorted_(sorted), spaced_(spaced) {}

  void write(const Value& value) {
    switch (value.kind_) {
      case Kind::null: out_.put("null"); break;
      case Kind::boolean: out_.put(value.boolean() ? "true" : "false"); break;
      case Kind::number: out_.put({value.text_, value.size_}); break;
      case Kind::string: quote({value.text_, value.size_}, value.plain_, {}); break;
      case Kind::array: write_array(value); break;
      case Kind::object: write_object(value); break;
    }
  }

 private:
  void quote(std::string_view text, bool plain, std::string_view after) {
    if (plain) {
      out_.quote_plain(text, after);
      return;
    }
    out_.put('"');
    put_escaped(out_, text);
    out_.put('"');
    out_.put(after);
  }

  void line() {
    if (!spaced_) return;
    out_.put('\n');
    out_.indent(depth_);
  }

  void write_array(const Value& value) {
    out_.put('[');
    ++depth_;
    bool first = true;
    for (const Value& item : value.items()) {
      if (!first) out_.put(',');
      first = false;
      line();
      write(item);
    }
    --depth_;
    if (!first) line();
    out_.put(']');
  }

  void write_object(const Value& value) {
    out_.put('{');
    ++depth_;
    if (sorted_) {
      write_sorted(value.members());
    } else {
      bool first = true;
      for (const Member& member : value.members()) {
        if (!first) out_.put(',');
        first = false;
        write_member(member);
      }
    }
    --depth_;
    if (value.size() != 0) line();
    out_.put('}');
  }

  void write_member(const Member& member) {
    line();
    quote(member.key(), member.key_plain_, spaced_ ? ": " : ":");
    write(member.value);
  }

  void write_sorted(std::span<const Member> members) {
    std::array<const Member*, 32> few;  // NOLINT(cppcoreguidelines-pro-type-member-init): only what is used is set
    std::vector<const Member*> many;
    std::span<const Member*> order(few.data(), std::min(members.size(), few.size()));
    if (members.size() > few.size()) {
      many.resize(members.size());
      order = many;
    }
    for (std::size_t i = 0; i < members.size(); ++i) order[i] = &members[i];
    const auto before = [](const Member* a, const Member* b) { return compare_utf16(a->key(), b->key()) < 0; };
    if (!std::is_sorted(order.begin(), order.end(), before)) std::sort(order.begin(), order.end(), before);
    bool first = true;
    for (const Member* member : order) {
      if (!first) out_.put(',');
      first = false;
      write_member(*member);
    }
  }

  Out out_;
  const bool sorted_;
  const bool spaced_;
  std::size_t depth_ = 0;
};

void append_compact(Bytes& out, const Value& value) { Writer(out, false, false).write(value); }
void append_canonical(Bytes& out, const Value& value) { Writer(out, true, false).write(value); }

Bytes compact(const Value& value) {
  Bytes out;
  append_compact(out, value);
  return out;
}

Bytes pretty(const Value& value) {
  Bytes out;
  Writer(out, false, true).write(value);
  return out;
}

Bytes canonical(const Value& value) {
  Bytes out;
  append_canonical(out, value);
  return out;
}

namespace {
bool is_safe_integer(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  static constexpr std::string_view kLargest = "9007199254740991";  // 2^53 - 1
  if (text == "-0" || digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return digits.size() < kLargest.size() || (digits.size() == kLargest.size() && digits <= kLargest);
}

bool only_safe_integers(const Value& value) {
  if (value.is_number()) return is_safe_integer(value.text());
  const auto items = value.items();
  if (!std::all_of(items.begin(), items.end(), only_safe_integers)) return false;
  const auto members = value.members();
  return std::all_of(members.begin(), members.end(), [](const Member& member) { return only_safe_integers(member.value); });
}
}  // namespace

Result<Bytes> canonical_strict(const Value& value) {
  if (!only_safe_integers(value)) return fail(ErrorKind::invalid, "JSON: only integers within 2^53 can be written in the JCS profile");
  return canonical(value);
}

bool is_number(std::string_view text) {
  const auto digits = [&text] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

namespace {
// The number of bytes of the well-formed sequence at the front of `text` (Unicode table 3-7), 0 when there is none.
std::size_t utf8_sequence(ByteView text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return follows(1) ? 2 : 0;
  const unsigned second = at(1);
  if (lead < 0xF0) {
    const bool well = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F);
    return well && follows(1) && follows(2) ? 3 : 0;
  }
  const bool well = lead < 0xF5 && !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
  return well && follows(1) && follows(2) && follows(3) ? 4 : 0;
}
}  // namespace

bool is_utf8(ByteView text) {
  while (!text.empty()) {
    const std::size_t count = utf8_sequence(text);
    if (count == 0) return false;
    text.remove_prefix(count);
  }
  return true;
}

int compare_utf16(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return static_cast<int>(x != a.end()) - static_cast<int>(y != b.end());
  // UTF-8 sorts by code point. UTF-16 differs only in this: what needs two units (lead byte F0 and up) begins with D800..DBFF and
  // so comes before U+E000..U+FFFF (lead bytes EE and EF).
  const auto rank = [](char c) {
    const unsigned byte = static_cast<unsigned char>(c);
    return byte == 0xEE || byte == 0xEF ? byte + 0x10u : byte;
  };
  return rank(*x) < rank(*y) ? -1 : 1;
}

void append_string(Bytes& out, std::string_view text) {
  if (needs_no_escape(text)) {
    out.append("\"").append(text).append("\"");
    return;
  }
  Out escaped(out);
  escaped.put('"');
  put_escaped(escaped, text);
  escaped.put('"');
}

}  // namespace careledger::codec::json
