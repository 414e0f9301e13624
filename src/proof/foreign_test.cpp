// Our proofs in the forms of others, written to tests/vectors/proof/foreign.json for tests/go and tools/verifier to check with libraries
// that we did not write: cosmos/ics23 in Go, @confio/ics23, CometBFT's crypto/merkle, golang.org/x/mod and transparency-dev/formats.
// To write it anew: CARELEDGER_WRITE_VECTORS=1 build/…/proof_test.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "proof/ics23.h"
#include "proof/test_ledger.h"
#include "proof/test_vectors.h"
#include "proof/tlog_proof.h"

namespace careledger::proof {
namespace {

namespace json = codec::json;

Bytes key_of(const std::string& name) { return "\x40" + crypto::sha256(name).bytes(); }

// Fifty rows, and a chain of nested prefixes as deep as the ledger accepts.
MapModel model() {
  MapModel map;
  for (int i = 0; i < 50; ++i) map.put(key_of(std::to_string(i)), "value " + std::to_string(i));
  Bytes deep(33, '\x01');
  map.put(deep, "deep");
  for (std::size_t bit = 8; bit < 8 + kMaxMapDepth - 1; ++bit) {
    Bytes other = deep;
    other[bit / 8] = static_cast<char>(static_cast<std::uint8_t>(other[bit / 8]) ^ (0x80 >> (bit % 8)));
    map.put(other, "other");
  }
  return map;
}

class Foreign {
 public:
  Foreign() : map_(model()), app_(app_map({crypto::sha256("log"), 1234, map_.root()})) {}

  json::Document& document() { return document_; }

  void add_member(json::Value& list, const Bytes& key) {
    const MapPath path = map_.path(key).value();
    json::Value item = document_.object();
    put(item, "key", key);
    put(item, "value", path.value);
    put(item, "ics23", ics23_existence(path));
    const auto ops = simple_value_ops(path, prove_simple(app_, "state"));
    EXPECT_EQ(ops.has_value(), path.steps.size() <= kMaxSimpleDepth);
    if (ops) put(item, "ops", *ops);
    document_.append(list, item);
  }

  void add_absent(json::Value& list, const Bytes& key) {
    const auto after = map_.rows().lower_bound(key);
    std::optional<MapPath> left, right;
    if (after != map_.rows().end()) right = map_.path(after->first);
    if (after != map_.rows().begin()) left = map_.path(std::prev(after)->first);
    json::Value item = document_.object();
    put(item, "key", key);
    put(item, "ics23", ics23_absence(key, left, right));
    document_.append(list, item);
  }

  void add_roots(json::Value& root) {
    put(root, "state_root", map_.root().bytes());
    put(root, "app_hash", simple_map_root(app_).bytes());
    for (const char* name : {"log", "state"}) {
      const SimpleProof proof = prove_simple(app_, name);
      put(root, (std::string(name) + "_value").c_str(), proof.value);
      put(root, (std::string(name) + "_ics23").c_str(), ics23_existence(proof));
      put(root, (std::string(name) + "_ops").c_str(), simple_value_ops(proof));
    }
  }

  const MapModel& map() const { return map_; }

  void put(json::Value& object, const char* name, const Bytes& bytes) { document_.set(object, name, document_.string(to_base64(bytes))); }

 private:
  json::Document document_;
  MapModel map_;
  SimpleMap app_;
};

void add_checkpoint(Foreign& foreign, json::Value& root) {
  json::Document& document = foreign.document();
  const Checkpoint checkpoint{checkpoint_origin("cl-0123456789abcdef0123456789abcdef01234567"), 70, crypto::sha256("root")};
  Note note{to_text(checkpoint), {}};
  note.signatures.push_back(sign_note(note.text, checkpoint.origin, testing::key_named("log")));
  note.signatures.push_back(cosign(note.text, "south.example", testing::key_named("witness"), 1764000000));
  document.set(root, "note", document.string(encode(note)));
  const NoteKey log{checkpoint.origin, NoteKind::ed25519, testing::key_named("log").public_key()};
  document.set(root, "log_key", document.string(to_text(log)));
  const NoteKey witness{"south.example", NoteKind::ed25519, testing::key_named("witness").public_key()};
  document.set(root, "witness_key", document.string(to_text(witness)));  // as formats wants it: it sets the kind itself
}

// A receipt of the last of 70 commands, under the same keys.
void add_receipt(Foreign& foreign, json::Value& root) {
  LogTree log;
  for (std::uint64_t i = 0; i < 70; ++i) log.append_data(command_leaf(crypto::sha256(std::to_string(i)), {i}, 0));
  const Checkpoint checkpoint{checkpoint_origin("cl-0123456789abcdef0123456789abcdef01234567"), log.size(), log.root()};
  Note note{to_text(checkpoint), {}};
  note.signatures.push_back(sign_note(note.text, checkpoint.origin, testing::key_named("log")));
  note.signatures.push_back(cosign(note.text, "south.example", testing::key_named("witness"), 1764000000));
  const TlogProof receipt{command_leaf(crypto::sha256("69"), {69}, 0), 69, log.inclusion(69), encode(note)};
  json::Document& document = foreign.document();
  document.set(root, "receipt", document.string(encode(receipt)));
}

TEST(Foreign, FormsAreWhatOthersHaveChecked) {
  Foreign foreign;
  json::Document& document = foreign.document();
  json::Value root = document.object();
  json::Value members = document.array();
  int row = 0;
  for (const auto& [key, value] : foreign.map().rows()) {
    const bool chain = key[0] != '\x40';  // of the deep ones every twelfth, and the deepest
    if (!chain || row++ % 12 == 0 || value == "deep") foreign.add_member(members, key);
  }
  json::Value absent = document.array();
  for (int i = 100; i < 130; ++i) foreign.add_absent(absent, key_of(std::to_string(i)));
  foreign.add_absent(absent, Bytes(33, '\x00'));
  foreign.add_absent(absent, Bytes(33, '\x7f'));
  foreign.add_roots(root);
  document.set(root, "members", members);
  document.set(root, "absent", absent);
  add_checkpoint(foreign, root);
  add_receipt(foreign, root);
  const std::string text = json::pretty(root) + "\n";
  if (std::getenv("CARELEDGER_WRITE_VECTORS") != nullptr) {
    std::ofstream(CARELEDGER_SOURCE_DIR "/tests/vectors/proof/foreign.json", std::ios::binary) << text;
  }
  EXPECT_EQ(testing::read_file("proof/foreign.json"), text);
  EXPECT_EQ(foreign.map().depth(Bytes(33, '\x01')), kMaxMapDepth);
}

}  // namespace
}  // namespace careledger::proof
