#include "edge/fhir/text.h"

#include <array>
#include <charconv>

#include "codec/json/json.h"

namespace careledger::edge::fhir {

void append_member(Bytes& out, std::string_view name, std::string_view text) {
  if (!out.empty() && out.back() != '{' && out.back() != '[') out += ',';
  codec::json::append_string(out, name);
  out += ':';
  codec::json::append_string(out, text);
}

std::string etag_of(std::uint32_t version) { return "W/\"" + std::to_string(version) + '"'; }

std::optional<std::uint32_t> version_of_etag(std::string_view etag) {
  etag = trimmed(etag);
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() < 3 || etag.front() != '"' || etag.back() != '"') return std::nullopt;
  return version_of(etag.substr(1, etag.size() - 2));
}

std::optional<std::uint32_t> version_of(std::string_view digits) {
  std::uint32_t version = 0;
  if (digits.empty() || digits.front() == '0') return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return version;
}

std::string random_uuid(Entropy& entropy) {
  std::array<char, 16> bytes{};
  entropy.fill(bytes.data(), bytes.size());
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex({bytes.data(), bytes.size()});
  for (const std::size_t at : {20u, 16u, 12u, 8u}) text.insert(at, 1, '-');
  return text;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace careledger::edge::fhir
