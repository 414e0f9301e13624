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
}  // namespace

// Open arrays and objects lie on one stack of members: a container's own slot (with its key, when it stands in an object), then its
// items so far. At its end the items move to the arena and the slot gets the finished value.
class TreeBuilder {
 public:
  using error_code = boost::system::error_code;
  using text_view = boost::json::string_view;
  // The limits of our own are checked below; these are the parser's, under names that it asks for.
  static constexpr std::size_t max_array_size = UINT32_MAX;
  static constexpr std::size_t max_object_size = UINT32_MAX;
  static constexpr std::size_t max_string_size = UINT32_MAX;
  static constexpr std::size_t max_key_size = UINT32_MAX;

  TreeBuilder(Arena& arena, ByteView source, const Limits& limits)
      : arena_(arena), source_(source), limits_(limits), stack_(stack_of_thread()) {
    if (stack_.empty()) stack_.resize(1024);
  }
  ~TreeBuilder() {
    if (stack_.size() > kStackKept) stack_ = {};
  }
  TreeBuilder(const TreeBuilder&) = delete;
  TreeBuilder& operator=(const TreeBuilder&) = delete;

  Trouble trouble() const { return trouble_; }
  const char* trouble_at() const { return trouble_at_; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code& ec) {
    arena_.root = stack_[0].value;
    return count(1, ec);
  }
  bool on_array_begin(error_code& ec) { return advance(ec); }
  bool on_object_begin(error_code& ec) { return advance(ec); }

  bool on_array_end(std::size_t n, error_code& ec) {
    top_ -= n;
    Value value;
    value.kind_ = Kind::array;
    value.size_ = static_cast<std::uint32_t>(n);
    value.items_ = arena_.allocate_many<Value>(n);
    const Member* from = stack_.data() + top_;
    for (std::size_t i = 0; i < n; ++i) new (value.items_ + i) Value(from[i].value);
    stack_[top_ - 1].value = value;
    return count(n, ec);
  }

  bool on_object_end(std::size_t n, error_code& ec) {
    top_ -= n;
    Value value;
    value.kind_ = Kind::object;
    value.size_ = static_cast<std::uint32_t>(n);
    value.members_ = arena_.allocate_many<Member>(n);
    std::uninitialized_copy_n(stack_.data() + top_, n, value.members_);
    stack_[top_ - 1].value = value;
    return count(n, ec) && keys_differ(value.members(), ec);
  }

  bool on_string_part(text_view s, std::size_t n, error_code& ec) { return part(s, n, ec); }
  bool on_key_part(text_view s, std::size_t n, error_code& ec) { return part(s, n, ec); }

  bool on_string(text_view s, std::size_t n, error_code& ec) {
    Value& value = stack_[top_].value;
    value.kind_ = Kind::string;
    value.room_ = 0;
    value.size_ = static_cast<std::uint32_t>(n);
    return whole(s, n, value.text_, value.plain_, ec) && advance(ec);
  }

  bool on_key(text_view s, std::size_t n, error_code& ec) {
    Member& member = stack_[top_];
    member.key_size_ = static_cast<std::uint32_t>(n);
    if (!whole(s, n, member.key_, member.key_plain_, ec)) return false;
    member.key_bit_ = bit_of(member.key());
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
    stack_[top_].value = value;
    return advance(ec);
  }
  bool on_null(error_code& ec) {
    stack_[top_].value = {};
    return advance(ec);
  }
  bool on_comment_part(text_view, error_code&) { return true; }
  bool on_comment(text_view, error_code&) { return true; }

 private:
  // Kept between the parses of a thread, so that a small document costs no allocation here.
  static std::vector<Member>& stack_of_thread() {
    thread_local std::vector<Member> stack;
    return stack;
  }
  static constexpr std::size_t kStackKept = 16 * 1024;

  bool give_up(Trouble trouble, const char* at, error_code& ec) {
    trouble_ = trouble;
    trouble_at_ = at;
    ec = boost::json::error::exception;  // any: trouble_ says what it was
    return false;
  }

  bool count(std::size_t n, error_code& ec) {
    count_ += n;
    return count_ <= limits_.values || give_up(Trouble::too_many_values, nullptr, ec);
  }

  bool advance(error_code& ec) {
    if (++top_ < stack_.size()) [[likely]]
      return true;
    if (count_ + top_ > limits_.values + std::uint64_t{1024}) return give_up(Trouble::too_many_values, nullptr, ec);
    stack_.resize(stack_.size() * 2);
    return true;
  }

  bool part(text_view s, std::size_t n, error_code& ec) {
    if (n > limits_.string_bytes) return give_up(Trouble::string_too_long, nullptr, ec);
    parts_.append(s.data(), s.size());
    return true;
  }

  // Gives the characters of a string whose last part is `s`: in place when the source has them as they are, else from the arena.
  bool whole(text_view s, std::size_t n, const char*& text, bool& plain, error_code& ec) {
    if (n > limits_.string_bytes) return give_up(Trouble::string_too_long, nullptr, ec);
    const auto offset = static_cast<std::size_t>(s.data() - source_.data());
    plain = s.size() == n && offset <= source_.size();
    text = plain ? s.data() : keep_parts(s);
    return true;
  }

  const char* keep_parts(text_view s) {
    parts_.append(s.data(), s.size());
    const char* text = arena_.keep(parts_);
    parts_.clear();
    return text;
  }

  bool on_number(text_view s, error_code& ec) {
    Value& value = stack_[top_].value;
    value.kind_ = Kind::number;
    value.room_ = 0;
    value.size_ = static_cast<std::uint32_t>(parts_.size() + s.size());
    return whole(s, value.size_, value.text_, value.plain_, ec) && advance(ec);
  }

  static std::uint8_t bit_of(std::string_view key) {
    if (key.empty()) return 0;
    const auto first = static_cast<unsigned char>(key.front());
    const auto last = static_cast<unsigned char>(key.back());
    return static_cast<std::uint8_t>((first * 7u + last * 3u + key.size()) & 63u);
  }

  // A bit a key first: the bytes of two keys are compared only when their bits collide.
  bool keys_differ(std::span<const Member> members, error_code& ec) {
    if (members.size() > 64) return many_keys_differ(members, ec);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::uint64_t bit = std::uint64_t{1} << members[i].key_bit_;
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
  std::vector<Member>& stack_;
  std::size_t top_ = 0;
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
  const std::size_t place = in_text ? static_cast<std::size_t>(at - text.data()) - 1 : offset;  // at its opening quote
  switch (builder.trouble()) {
    case Trouble::duplicate_key: return refuse(ErrorKind::malformed, "the same key twice in one object", text, place);
    case Trouble::too_many_values: return refuse(ErrorKind::too_large, "more values than allowed", text, place);
    case Trouble::string_too_long: return refuse(ErrorKind::too_large, "a string longer than allowed", text, place);
    case Trouble::none: break;
  }
  return explain_syntax(ec, text, offset);
}

tl::unexpected<Error> too_long(ByteView text) {
  return fail(ErrorKind::too_large, "JSON: " + std::to_string(text.size()) + " bytes are more than allowed");
}

// `text` lies in the arena and stays there.
Result<void> build(Arena& arena, ByteView text, const Limits& limits) {
  boost::json::parse_options options;
  options.max_depth = std::min<std::uint32_t>(limits.depth, 256);
  boost::json::basic_parser<TreeBuilder> parser(options, arena, text, limits);
  boost::system::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used != text.size()) ec = boost::json::error::extra_data;
  if (ec) return explain(parser.handler(), ec, text, used);
  return {};
}
}  // namespace

Result<Document> parse(ByteView text, const Limits& limits) {
  if (text.size() > limits.bytes) return too_long(text);
  Document document(std::make_unique<Arena>(text.size() * 2 + text.size() / 2 + 256));
  const ByteView copy(document.arena_->keep(text), text.size());
  CARELEDGER_CHECK(build(*document.arena_, copy, limits));
  return document;
}

Result<Document> parse_owned(Bytes&& text, const Limits& limits) {
  if (text.size() > limits.bytes) return too_long(text);
  Document document(std::make_unique<Arena>(text.size() + text.size() / 2 + 256));
  document.arena_->source = std::move(text);
  CARELEDGER_CHECK(build(*document.arena_, document.arena_->source, limits));
  return document;
}

}  // namespace careledger::codec::json
