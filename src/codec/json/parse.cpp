// Boost.JSON's SAX parser feeds a tree builder: it decides what JSON is, the builder adds duplicate keys and limits.
#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <vector>

#include "codec/json/arena.h"
#include "codec/json/json.h"

namespace careledger::codec::json {

namespace {
enum class Trouble : std::uint8_t { none, duplicate_key, too_many_values, string_too_long };

// Kept between parses of a thread so that a small document costs no allocation here.
struct Scratch {
  std::vector<Value> values;
  std::vector<Member> keys;
};
constexpr std::size_t kScratchKept = 64 * 1024;

Scratch& scratch_of_thread() {
  thread_local Scratch scratch;
  return scratch;
}
}  // namespace

class TreeBuilder {
 public:
  using error_code = boost::system::error_code;
  using text_view = boost::json::string_view;
  // The limits of our own are checked below; these are the parser's.
  static constexpr std::size_t max_array_size = UINT32_MAX;
  static constexpr std::size_t max_object_size = UINT32_MAX;
  static constexpr std::size_t max_string_size = UINT32_MAX;
  static constexpr std::size_t max_key_size = UINT32_MAX;

  TreeBuilder(Arena& arena, ByteView source, const Limits& limits)
      : arena_(arena), source_(source), limits_(limits), values_(scratch_of_thread().values), keys_(scratch_of_thread().keys) {
    values_.clear();
    keys_.clear();
  }

  Trouble trouble() const { return trouble_; }
  const char* trouble_at() const { return trouble_at_; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) {
    arena_.root = values_.back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }

  bool on_array_end(std::size_t n, error_code& ec) {
    Value value;
    value.kind_ = Kind::array;
    value.size_ = static_cast<std::uint32_t>(n);
    value.items_ = arena_.allocate_many<Value>(n);
    std::uninitialized_copy_n(values_.end() - static_cast<std::ptrdiff_t>(n), n, value.items_);
    values_.resize(values_.size() - n);
    return push(value, ec);
  }

  bool on_object_end(std::size_t n, error_code& ec) {
    Value value;
    value.kind_ = Kind::object;
    value.size_ = static_cast<std::uint32_t>(n);
    value.members_ = arena_.allocate_many<Member>(n);
    const Value* values = values_.data() + (values_.size() - n);
    const Member* keys = keys_.data() + (keys_.size() - n);
    for (std::size_t i = 0; i < n; ++i) {
      Member* member = new (value.members_ + i) Member(keys[i]);
      member->value = values[i];
    }
    values_.resize(values_.size() - n);
    keys_.resize(keys_.size() - n);
    return keys_differ(value, ec) && push(value, ec);
  }

  bool on_string_part(text_view s, std::size_t n, error_code& ec) { return part(s, n, ec); }
  bool on_key_part(text_view s, std::size_t n, error_code& ec) { return part(s, n, ec); }

  bool on_string(text_view s, std::size_t n, error_code& ec) {
    Value value;
    value.kind_ = Kind::string;
    value.size_ = static_cast<std::uint32_t>(n);
    value.plain_ = parts_.empty() && n == s.size() && in_source(s);
    if (!whole(s, n, value.text_, ec)) return false;
    return push(value, ec);
  }

  bool on_key(text_view s, std::size_t n, error_code& ec) {
    Member member;
    member.key_size_ = static_cast<std::uint32_t>(n);
    member.key_plain_ = parts_.empty() && n == s.size() && in_source(s);
    if (!whole(s, n, member.key_, ec)) return false;
    keys_.push_back(member);
    return true;
  }

  bool on_number_part(text_view s, error_code&) {
    parts_.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t, text_view s, error_code& ec) { return on_number(s, ec); }
  bool on_uint64(std::uint64_t, text_view s, error_code& ec) { return on_number(s, ec); }
  bool on_double(double, text_view s, error_code& ec) { return on_number(s, ec); }

  bool on_bool(bool truth, error_code& ec) {
    Value value;
    value.kind_ = Kind::boolean;
    value.size_ = truth ? 1 : 0;
    return push(value, ec);
  }
  bool on_null(error_code& ec) { return push({}, ec); }
  bool on_comment_part(text_view, error_code&) { return true; }
  bool on_comment(text_view, error_code&) { return true; }

 private:
  bool give_up(Trouble trouble, const char* at, error_code& ec) {
    trouble_ = trouble;
    trouble_at_ = at;
    ec = boost::json::error::exception;   // any: trouble_ says what it was
    return false;
  }

  bool push(const Value& value, error_code& ec) {
    if (++count_ > limits_.values) return give_up(Trouble::too_many_values, nullptr, ec);
    values_.push_back(value);
    return true;
  }

  bool in_source(text_view s) const { return s.data() >= source_.data() && s.data() <= source_.data() + source_.size(); }

  bool part(text_view s, std::size_t n, error_code& ec) {
    if (n > limits_.string_bytes) return give_up(Trouble::string_too_long, nullptr, ec);
    parts_.append(s.data(), s.size());
    return true;
  }

  // Gives the characters of a string whose last part is `s`: in place when the source has them as they are, else from the arena.
  bool whole(text_view s, std::size_t n, const char*& text, error_code& ec) {
    if (n > limits_.string_bytes) return give_up(Trouble::string_too_long, nullptr, ec);
    if (parts_.empty()) {
      text = in_source(s) ? s.data() : arena_.keep({s.data(), s.size()});
      return true;
    }
    parts_.append(s.data(), s.size());
    text = arena_.keep(parts_);
    parts_.clear();
    return true;
  }

  bool on_number(text_view s, error_code& ec) {
    Value value;
    value.kind_ = Kind::number;
    value.size_ = static_cast<std::uint32_t>(parts_.size() + s.size());
    if (!whole(s, value.size_, value.text_, ec)) return false;
    return push(value, ec);
  }

  static std::uint64_t bit_of(std::string_view key) {
    if (key.empty()) return 1;
    const auto first = static_cast<unsigned char>(key.front());
    const auto last = static_cast<unsigned char>(key.back());
    return std::uint64_t{1} << ((first * 7u + last * 3u + key.size()) & 63u);
  }

  // A bit a key first: the bytes of two keys are compared only when their bits collide.
  bool keys_differ(const Value& object, error_code& ec) {
    const auto members = object.members();
    if (members.size() > 64) return many_keys_differ(members, ec);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::uint64_t bit = bit_of(members[i].key());
      for (std::size_t j = 0; (seen & bit) != 0 && j < i; ++j) {
        if (members[j].key() == members[i].key()) return give_up(Trouble::duplicate_key, members[i].key_, ec);
      }
      seen |= bit;
    }
    return true;
  }

  bool many_keys_differ(std::span<const Member> members, error_code& ec) {
    std::vector<std::string_view> sorted;
    sorted.reserve(members.size());
    for (const Member& member : members) sorted.push_back(member.key());
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    return twice == sorted.end() || give_up(Trouble::duplicate_key, std::max(twice->data(), std::next(twice)->data()), ec);
  }

  Arena& arena_;
  const ByteView source_;
  const Limits limits_;
  std::vector<Value>& values_;
  std::vector<Member>& keys_;
  std::string parts_;
  std::uint64_t count_ = 0;
  Trouble trouble_ = Trouble::none;
  const char* trouble_at_ = nullptr;
};

namespace {
std::string place(ByteView text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const ByteView before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_start = before.rfind('\n') == ByteView::npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(offset - line_start + 1) + " (byte " + std::to_string(offset) + ")";
}

tl::unexpected<Error> refuse(ErrorKind kind, const char* what, ByteView text, std::size_t offset) {
  return fail(kind, std::string("JSON: ") + what + " at " + place(text, offset));
}

tl::unexpected<Error> explain_syntax(const boost::system::error_code& ec, ByteView text, std::size_t offset) {
  using boost::json::error;
  if (ec == error::too_deep) return refuse(ErrorKind::too_large, "arrays and objects nested too deeply", text, offset);
  if (ec == error::extra_data) return refuse(ErrorKind::malformed, "something follows the value", text, offset);
  if (ec == error::incomplete) return refuse(ErrorKind::malformed, "the text ends too early", text, offset);
  if (ec == error::exponent_overflow) return refuse(ErrorKind::malformed, "a number's exponent is too large", text, offset);
  if (ec == error::illegal_leading_surrogate || ec == error::illegal_trailing_surrogate || ec == error::expected_utf16_escape) {
    return refuse(ErrorKind::malformed, "a surrogate without its partner", text, offset);
  }
  return refuse(ErrorKind::malformed, "not JSON, or not UTF-8,", text, offset);
}

tl::unexpected<Error> explain(const TreeBuilder& builder, const boost::system::error_code& ec, ByteView text, std::size_t offset) {
  const char* at = builder.trouble_at();
  const bool in_text = at != nullptr && at > text.data() && at <= text.data() + text.size();
  const std::size_t place = in_text ? static_cast<std::size_t>(at - text.data()) - 1 : offset;   // at its opening quote
  switch (builder.trouble()) {
    case Trouble::duplicate_key: return refuse(ErrorKind::malformed, "the same key twice in one object", text, place);
    case Trouble::too_many_values: return refuse(ErrorKind::too_large, "more values than allowed", text, place);
    case Trouble::string_too_long: return refuse(ErrorKind::too_large, "a string longer than allowed", text, place);
    case Trouble::none: break;
  }
  return explain_syntax(ec, text, offset);
}

// `text` lies in the arena and stays there.
Result<void> build(Arena& arena, ByteView text, const Limits& limits) {
  boost::json::parse_options options;
  options.max_depth = std::min<std::uint32_t>(limits.depth, 256);
  boost::json::basic_parser<TreeBuilder> parser(options, arena, text, limits);
  boost::system::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  Scratch& scratch = scratch_of_thread();
  if (scratch.values.capacity() > kScratchKept) scratch = Scratch{};
  if (!ec && used != text.size()) ec = boost::json::error::extra_data;
  if (ec) return explain(parser.handler(), ec, text, used);
  return {};
}
}  // namespace

Result<Document> parse(ByteView text, const Limits& limits) {
  if (text.size() > limits.bytes) return fail(ErrorKind::too_large, "JSON: " + std::to_string(text.size()) + " bytes are more than allowed");
  Document document(std::make_unique<Arena>(text.size() * 2 + text.size() / 2 + 256));
  const ByteView copy(document.arena_->keep(text), text.size());
  CARELEDGER_CHECK(build(*document.arena_, copy, limits));
  return document;
}

Result<Document> parse_owned(Bytes&& text, const Limits& limits) {
  if (text.size() > limits.bytes) return fail(ErrorKind::too_large, "JSON: " + std::to_string(text.size()) + " bytes are more than allowed");
  Document document(std::make_unique<Arena>(text.size() + text.size() / 2 + 256));
  document.arena_->source = std::move(text);
  CARELEDGER_CHECK(build(*document.arena_, document.arena_->source, limits));
  return document;
}

}  // namespace careledger::codec::json
