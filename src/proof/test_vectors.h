// For tests only: third-party vectors from tests/vectors, and readers of their fields.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "codec/json/json.h"
#include "proof/log.h"

namespace careledger::proof::testing {

inline Bytes read_file(const std::string& name) {
  std::ifstream in(CARELEDGER_SOURCE_DIR "/tests/vectors/" + name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

inline codec::json::Document read_json(const std::string& name) {
  auto document = codec::json::parse(read_file(name));
  EXPECT_TRUE(document.has_value()) << name;
  return std::move(*document);
}

inline std::uint64_t number_at(const codec::json::Value& value, const char* key) {
  const auto* found = value.find(key);
  return found == nullptr ? 0 : std::stoull(std::string(found->text()));
}

inline bool truth_at(const codec::json::Value& value, const char* key) {
  const auto* found = value.find(key);
  return found != nullptr && found->boolean();
}

inline Bytes base64_at(const codec::json::Value& value, const char* key) { return from_base64(value.string_at(key)).value_or(""); }

// nullopt when a hash has another length than 32: such a proof is refused before it is looked at.
inline std::optional<Path> path_at(const codec::json::Value& value, const char* key) {
  Path path;
  for (const auto& item : value.items_at(key)) {
    const auto hash = Digest::from(from_base64(item.text()).value_or(""));
    if (!hash) return std::nullopt;
    path.push_back(*hash);
  }
  return path;
}

}  // namespace careledger::proof::testing
