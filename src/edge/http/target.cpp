// Request targets and form bodies: percent-decoding that refuses whatever two readers could understand differently.
#include "edge/http/message.h"

namespace careledger::edge::http {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_control_byte(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

// Length of the UTF-8 sequence at the front, 0 when it is none (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    const auto end = path.find('/');
    const auto segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return false;
}

bool has_encoded_slash(std::string_view raw_path) {
  for (std::size_t i = 0; i + 2 < raw_path.size(); ++i) {
    if (raw_path[i] != '%' || (raw_path[i + 1] != '2' && raw_path[i + 1] != '5')) continue;
    const char last = raw_path[i + 2];
    if (raw_path[i + 1] == '2' && (last == 'F' || last == 'f')) return true;
    if (raw_path[i + 1] == '5' && (last == 'C' || last == 'c')) return true;  // backslash: some readers take it for a slash
  }
  return false;
}

Result<void> read_path(std::string_view raw, Request& out) {
  if (has_encoded_slash(raw)) return fail(ErrorKind::malformed, "the path holds an encoded slash");
  auto path = percent_decode(raw, false);
  if (!path) return fail(ErrorKind::malformed, "the path holds a bad percent escape");
  if (has_control_byte(*path) || !is_utf8(*path)) return fail(ErrorKind::malformed, "the path is not printable UTF-8");
  if (has_dot_segment(*path)) return fail(ErrorKind::malformed, "the path holds a '.' or '..' segment");
  out.path = std::move(*path);
  return {};
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && c == '+' ? ' ' : c;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Result<std::vector<Parameter>> read_form(std::string_view text, std::size_t parameters_max) {
  std::vector<Parameter> out;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto item = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (item.empty()) continue;
    if (out.size() == parameters_max) return fail(ErrorKind::too_large, "more than " + std::to_string(parameters_max) + " parameters");
    const auto equals = item.find('=');
    auto name = percent_decode(item.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1), true);
    if (!name || !value) return fail(ErrorKind::malformed, "a parameter holds a bad percent escape");
    if (has_control_byte(*name) || !is_utf8(*name) || !is_utf8(*value) || value->find('\0') != std::string::npos) {
      return fail(ErrorKind::malformed, "a parameter is not UTF-8 text");
    }
    out.push_back({std::move(*name), std::move(*value)});
  }
  return out;
}

Result<void> read_target(std::string_view target, std::size_t parameters_max, Request& out) {
  if (target.empty() || target[0] != '/') return fail(ErrorKind::malformed, "the request target must begin with '/'");
  if (target.find('#') != std::string_view::npos) return fail(ErrorKind::malformed, "the request target holds a fragment");
  const auto question = target.find('?');
  CARELEDGER_CHECK(read_path(target.substr(0, question), out));
  const auto query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  CARELEDGER_TRY(out.query, read_form(query, parameters_max));
  out.raw_query = query;
  out.target = target;
  return {};
}

}  // namespace careledger::edge::http
