// For tests only: what a verifier's verdict on a bundle is called in the corpora of tests/vectors/bundles.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proof/test_vectors.h"
#include "proof/verify.h"

namespace careledger::proof::testing {

inline std::string step_of(const Result<Report>& result) {
  return result ? "ok" : result.error().message.substr(0, result.error().message.find(':'));
}

// One letter a step, so that the verdicts on every flipped byte fit in a line.
inline char letter_of(const std::string& step) {
  static const std::map<std::string, char> letters{
      {"ok", '!'},      {"format", 'f'},  {"ledger", 'l'},     {"header", 'h'}, {"validators", 'v'}, {"app", 'a'},
      {"command", 'c'}, {"log", 'g'},     {"record", 'r'},     {"anchor", 'n'}, {"state", 's'},      {"list", 'i'},
      {"opening", 'o'}, {"promise", 'p'}, {"checkpoint", 'k'}, {"quorum", 'q'}, {"time", 't'},       {"walk", 'w'}};
  return letters.at(step);
}

// One bundle, and what this verifier says of it.
struct Case {
  std::string name;
  std::string trust;
  Bytes bundle;
  std::string step;
  std::vector<std::string> lines;
  std::string flips;             // a letter a byte, when the case is tried with each byte changed
  std::optional<BlockTime> now;  // the verifier's clock
};

inline Case case_of(const std::string& name, const Trust& trust, const Bytes& bundle, bool flip, std::optional<BlockTime> now = {}) {
  const auto report = verify(bundle, trust, now);
  Case out{name, to_text(trust), bundle, step_of(report), report ? report->lines() : std::vector<std::string>(), "", now};
  for (std::size_t i = 0; flip && i < bundle.size(); ++i) {
    Bytes bad = bundle;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    out.flips += letter_of(step_of(verify(bad, trust, now)));
  }
  return out;
}

inline std::string corpus_text(const std::vector<Case>& cases) {
  codec::json::Document document;
  codec::json::Value list = document.array();
  for (const Case& each : cases) {
    codec::json::Value item = document.object();
    document.set(item, "name", document.string(each.name));
    document.set(item, "trust", document.string(each.trust));
    document.set(item, "bundle", document.string(to_base64(each.bundle)));
    if (each.now) document.set(item, "now_ms", document.number(each.now->value));
    document.set(item, "step", document.string(each.step));
    codec::json::Value lines = document.array();
    for (const std::string& line : each.lines) document.append(lines, document.string(line));
    document.set(item, "lines", lines);
    document.set(item, "flips", document.string(each.flips));
    document.append(list, item);
  }
  return codec::json::pretty(list) + "\n";
}

// Whether the file holds this text; writes it first when CARELEDGER_WRITE_VECTORS is set, after a change of the format.
inline void expect_file(const std::string& name, const std::string& text) {
  if (std::getenv("CARELEDGER_WRITE_VECTORS") != nullptr)
    std::ofstream(std::string(CARELEDGER_SOURCE_DIR "/tests/vectors/") + name, std::ios::binary) << text;
  EXPECT_EQ(read_file(name), text);
}

}  // namespace careledger::proof::testing
