// For tests only: what a verifier's verdict on a bundle is called in the corpora of tests/vectors/bundles.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "proof/test_vectors.h"
#include "proof/verify.h"

namespace careledger::proof::testing {

inline std::string step_of(const Result<Report>& result) {
  return result ? "ok" : result.error().message.substr(0, result.error().message.find(':'));
}

// One letter a step, so that the verdicts on every flipped byte fit in a line.
inline char letter_of(const std::string& step) {
  static const std::map<std::string, char> letters{{"ok", '!'},         {"format", 'f'},  {"ledger", 'l'},     {"header", 'h'},
                                                   {"validators", 'v'}, {"app", 'a'},     {"command", 'c'},    {"log", 'g'},
                                                   {"record", 'r'},     {"anchor", 'n'},  {"state", 's'},      {"list", 'i'},
                                                   {"opening", 'o'},    {"promise", 'p'}, {"checkpoint", 'k'}, {"quorum", 'q'}};
  return letters.at(step);
}

// Whether the file holds this text; writes it first when CARELEDGER_WRITE_VECTORS is set, after a change of the format.
inline void expect_file(const std::string& name, const std::string& text) {
  if (std::getenv("CARELEDGER_WRITE_VECTORS") != nullptr)
    std::ofstream(std::string(CARELEDGER_SOURCE_DIR "/tests/vectors/") + name, std::ios::binary) << text;
  EXPECT_EQ(read_file(name), text);
}

}  // namespace careledger::proof::testing
