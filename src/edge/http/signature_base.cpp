// Reading Signature-Input (a structured field, RFC 8941) and building what is signed.
#include <algorithm>
#include <charconv>

#include "edge/http/signature.h"

namespace careledger::edge::http {

namespace {

constexpr std::size_t kComponentsMax = 32;
constexpr std::size_t kInputMax = 4096;

tl::unexpected<Error> malformed(const char* what) { return fail(ErrorKind::malformed, std::string("Signature-Input: ") + what); }

// Takes the canonical serialisation only: one space between items, none elsewhere. Then what was read is what was signed.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool done() const { return text_.empty(); }
  std::string_view rest() const { return text_; }
  bool eat(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> key() {
    std::size_t size = 0;
    while (size < text_.size() && is_key_char(text_[size], size == 0)) ++size;
    return cut(size);
  }
  std::optional<std::string> string() {
    if (!eat('"')) return std::nullopt;
    std::string out;
    while (!text_.empty()) {
      const char c = text_[0];
      text_.remove_prefix(1);
      if (c == '"') return out;
      if (c < 0x20 || c > 0x7e || c == '\\') return std::nullopt;  // an escape has no place in what we sign
      out += c;
    }
    return std::nullopt;
  }
  std::optional<std::int64_t> integer() {
    std::size_t size = 0;
    while (size < text_.size() && text_[size] >= '0' && text_[size] <= '9') ++size;
    if (size == 0 || size > 15 || (size > 1 && text_[0] == '0')) return std::nullopt;
    std::int64_t out = 0;
    std::from_chars(text_.data(), text_.data() + size, out);
    text_.remove_prefix(size);
    return out;
  }

 private:
  static bool is_key_char(char c, bool first) {
    const bool letter = (c >= 'a' && c <= 'z') || c == '*';
    return letter || (!first && ((c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'));
  }
  std::optional<std::string> cut(std::size_t size) {
    if (size == 0) return std::nullopt;
    std::string out(text_.substr(0, size));
    text_.remove_prefix(size);
    return out;
  }
  std::string_view text_;
};

Result<void> read_components(Reader& reader, SignatureParameters& out) {
  if (!reader.eat('(')) return malformed("no list of components");
  while (!reader.eat(')')) {
    if (!out.components.empty() && !reader.eat(' ')) return malformed("components are separated by one space");
    auto name = reader.string();
    if (!name || name->empty()) return malformed("a component is not a name in quotes");
    if (std::ranges::any_of(*name, [](char c) { return c >= 'A' && c <= 'Z'; }))
      return malformed("a component's name is not in lower case");
    if (std::ranges::find(out.components, *name) != out.components.end()) return malformed("a component stands there twice");
    if (out.components.size() == kComponentsMax) return malformed("too many components");
    out.components.push_back(std::move(*name));
  }
  return {};
}

bool set_once(std::string& place, std::optional<std::string> value) {
  if (!place.empty() || !value || value->empty()) return false;
  place = std::move(*value);
  return true;
}

bool set_once(std::optional<std::int64_t>& place, std::optional<std::int64_t> value) {
  if (place || !value) return false;
  place = value;
  return true;
}

bool read_parameter(Reader& reader, SignatureParameters& out) {
  const auto name = reader.key();
  if (!name || !reader.eat('=')) return false;
  if (*name == "created") return set_once(out.created, reader.integer());
  if (*name == "expires") return set_once(out.expires, reader.integer());
  if (*name == "nonce") return set_once(out.nonce, reader.string());
  if (*name == "keyid") return set_once(out.key_id, reader.string());
  if (*name == "alg") return set_once(out.algorithm, reader.string());
  if (*name == "tag") return set_once(out.tag, reader.string());
  return false;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// RFC 9421 section 2.2.3: lower case, without the scheme's own port.
std::string normal_authority(std::string_view authority, bool tls) {
  auto out = lower(authority);
  const std::string_view own = tls ? ":443" : ":80";
  if (out.ends_with(own)) out.resize(out.size() - own.size());
  return out;
}

std::optional<std::string> value_of(const Request& request, const std::string& component) {
  const auto question = request.target.find('?');
  if (component == "@method") return name_of(request.method);
  if (component == "@authority") return normal_authority(request.authority, request.tls);
  if (component == "@path") return request.target.substr(0, question);
  if (component == "@query") return question == std::string::npos ? "?" : request.target.substr(question);
  if (component == "@request-target") return request.target;
  if (component[0] == '@' || !request.headers.find(component)) return std::nullopt;
  return request.headers.joined(component);
}

}  // namespace

Result<SignatureParameters> read_signature_input(std::string_view field) {
  if (field.size() > kInputMax) return malformed("too long");
  Reader reader(field);
  SignatureParameters out;
  auto label = reader.key();
  if (!label || !reader.eat('=')) return malformed("no label");
  out.label = std::move(*label);
  out.text = reader.rest();
  CARELEDGER_CHECK(read_components(reader, out));
  while (!reader.done()) {
    if (!reader.eat(';') || !read_parameter(reader, out)) return malformed("a parameter is unknown, repeated or of another type");
  }
  return out;
}

Result<std::string> signature_base(const Request& request, const SignatureParameters& parameters) {
  std::string out;
  for (const auto& component : parameters.components) {
    const auto value = value_of(request, component);
    if (!value) return fail(ErrorKind::invalid, "signature: the request has no component \"" + component + "\"");
    if (value->find('\n') != std::string::npos) return fail(ErrorKind::invalid, "signature: a component holds a line break");
    out += '"' + component + "\": " + *value + '\n';
  }
  return out + "\"@signature-params\": " + parameters.text;
}

}  // namespace careledger::edge::http
