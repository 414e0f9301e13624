// Every field of good bundles changed, left out, repeated and put in where it was not; and random bytes, alone and behind the beginning of
// a good bundle. What this verifier says of each stands in tests/vectors/bundles/mutations.json, and tools/verifier reads the same file. To
// write it anew after a change of the format: CARELEDGER_WRITE_VECTORS=1 build/…/proof_test.
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>

#include "base/bytes.h"
#include "proof/test_corpus.h"
#include "proof/test_ledger.h"

namespace careledger::proof {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using testing::Shape;
using testing::TestLedger;

// The least that a file must say of a change: at each place, how many bytes of the good bundle go and which come.
struct Edit {
  std::size_t at = 0;
  std::size_t gone = 0;
  Bytes come;
};

// Lengths of enclosing messages change in their place, everything behind the changed field moves.
std::vector<Edit> edits_between(ByteView good, ByteView bad) {
  std::size_t tail = 0;
  while (tail < std::min(good.size(), bad.size()) && good[good.size() - 1 - tail] == bad[bad.size() - 1 - tail]) ++tail;
  const std::size_t both = std::min(good.size(), bad.size()) - tail;
  std::vector<Edit> out;
  for (std::size_t i = 0; i < both; ++i) {
    if (good[i] == bad[i]) continue;
    if (out.empty() || out.back().at + out.back().gone != i) out.push_back({i, 0, {}});
    ++out.back().gone;
    out.back().come += bad[i];
  }
  if (good.size() != bad.size()) out.push_back({both, good.size() - tail - both, Bytes(bad.substr(both, bad.size() - tail - both))});
  return out;
}

// Calls `see` with each changed bundle and what was done to it.
class Mutator {
 public:
  using See = std::function<void(const std::string& what, const Bytes& bundle)>;
  Mutator(const Bytes& good, See see) : see_(std::move(see)) { EXPECT_TRUE(bundle_.ParseFromString(good.substr(kBundleMagic.size()))); }
  void run() { walk(bundle_, ""); }

 private:
  void walk(Message& at, const std::string& path) {
    for (int i = 0; i < at.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *at.GetDescriptor()->field(i);
      const std::string name = (path.empty() ? "" : path + ".") + std::string(field.name());
      if (field.is_repeated()) {
        repeated(at, field, name);
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        part(at, field, name);
      } else {
        single(at, field, name);
      }
    }
  }

  void changed(Message& at, const std::string& what, const std::function<void()>& change) {
    const std::unique_ptr<Message> before(at.New());
    before->CopyFrom(at);
    change();
    see_(what, Bytes(kBundleMagic) + canonical_bytes(bundle_));
    at.CopyFrom(*before);
  }

  static Bytes other(Bytes text) {
    if (text.empty()) return "x";
    text.back() = static_cast<char>(text.back() ^ 1);
    return text;
  }

  void single(Message& at, const FieldDescriptor& field, const std::string& name) {
    const auto& to = *at.GetReflection();
    if (to.HasField(at, &field)) changed(at, name + " left out", [&] { to.ClearField(&at, &field); });
    changed(at, name + " changed", [&] {
      switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING: to.SetString(&at, &field, other(to.GetString(at, &field))); break;
        case FieldDescriptor::CPPTYPE_UINT32: to.SetUInt32(&at, &field, to.GetUInt32(at, &field) + 1); break;
        case FieldDescriptor::CPPTYPE_INT32: to.SetInt32(&at, &field, to.GetInt32(at, &field) + 1); break;
        case FieldDescriptor::CPPTYPE_UINT64: to.SetUInt64(&at, &field, to.GetUInt64(at, &field) + 1); break;
        case FieldDescriptor::CPPTYPE_INT64: to.SetInt64(&at, &field, to.GetInt64(at, &field) + 1); break;
        case FieldDescriptor::CPPTYPE_ENUM: to.SetEnumValue(&at, &field, to.GetEnumValue(at, &field) + 1); break;
        default: FAIL() << name << " has a type that no field had before";
      }
    });
  }

  void part(Message& at, const FieldDescriptor& field, const std::string& name) {
    const auto& to = *at.GetReflection();
    if (!to.HasField(at, &field)) return changed(at, name + " put in", [&] { to.MutableMessage(&at, &field); });
    changed(at, name + " left out", [&] { to.ClearField(&at, &field); });
    walk(*to.MutableMessage(&at, &field), name);
  }

  void repeated(Message& at, const FieldDescriptor& field, const std::string& name) {
    const auto& to = *at.GetReflection();
    const bool messages = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const int size = to.FieldSize(at, &field);
    changed(at, name + " put in", [&] { messages ? static_cast<void>(to.AddMessage(&at, &field)) : to.AddString(&at, &field, "x"); });
    if (size == 0) return;
    changed(at, name + " last left out", [&] { to.RemoveLast(&at, &field); });
    changed(at, name + " last twice", [&] {
      if (messages) to.AddMessage(&at, &field)->CopyFrom(to.GetRepeatedMessage(at, &field, size - 1));
      else to.AddString(&at, &field, to.GetRepeatedString(at, &field, size - 1));
    });
    if (size > 1) changed(at, name + " in another order", [&] { to.SwapElements(&at, &field, 0, size - 1); });
    for (const int i : size == 1 ? std::vector<int>{0} : std::vector<int>{0, size - 1}) {
      const std::string one = name + "[" + std::to_string(i) + "]";
      if (messages) {
        walk(*to.MutableRepeatedMessage(&at, &field, i), one);
      } else {
        changed(at, one + " changed", [&] { to.SetRepeatedString(&at, &field, i, other(to.GetRepeatedString(at, &field, i))); });
      }
    }
  }

  bundle::Bundle bundle_;
  See see_;
};

// SHA-256 of seed and block number, block after block: the same bytes in every language.
Bytes random_bytes(std::uint64_t seed, std::size_t size) {
  Bytes out;
  for (std::uint64_t block = 0; out.size() < size; ++block) out += crypto::sha256({u64_bytes(seed), u64_bytes(block)}).view();
  out.resize(size);
  return out;
}

// So much of the good bundle and so many random bytes behind it.
struct Noise {
  std::uint64_t seed = 0;
  std::size_t kept = 0;
  std::size_t size = 0;
};

std::vector<Noise> noises(std::size_t good) {
  const std::size_t magic = kBundleMagic.size();
  std::vector<Noise> out;
  const auto add = [&](std::size_t kept, std::size_t size) { out.push_back({1000 * good + out.size(), kept, size}); };
  for (const std::size_t size : {0u, 1u, 5u, 6u, 7u, 64u, 1000u, 65'536u, 1'048'576u}) add(0, size);
  for (const std::size_t size : {0u, 1u, 2u, 3u, 64u, 1000u, 65'536u, 1'048'576u}) add(magic, size);
  for (std::size_t part = 1; part < 16; ++part) {
    const std::size_t kept = good * part / 16;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{40}, good - kept}) add(kept, size);
  }
  for (const std::size_t size : {1u, 2u, 1000u}) add(good - 1, size);
  for (const std::size_t size : {1u, 2u, 1000u}) add(good, size);
  return out;
}

codec::json::Value edits_value(codec::json::Document& document, const std::vector<Edit>& edits) {
  codec::json::Value list = document.array();
  for (const Edit& edit : edits) {
    codec::json::Value item = document.array();
    document.append(item, document.number(static_cast<std::int64_t>(edit.at)));
    document.append(item, document.number(static_cast<std::int64_t>(edit.gone)));
    document.append(item, document.string(to_base64(edit.come)));
    document.append(list, item);
  }
  return list;
}

// The changes that leave a smaller claim, which is as true: what need not be shown is not, who need not have signed has not.
bool is_smaller_claim(const std::string& what) {
  static const std::set<std::string> smaller{"record.elements last left out", "record.command.signatures last left out",
                                             "access.openings last left out", "access.head.command.signatures last left out",
                                             "access.promise left out"};
  return smaller.contains(what);
}

codec::json::Value judged(codec::json::Document& document, const char* name, const Trust& trust, const Bytes& good) {
  EXPECT_TRUE(verify(good, trust)) << name;
  codec::json::Value out = document.object();
  document.set(out, "name", document.string(name));
  document.set(out, "trust", document.string(to_text(trust)));
  document.set(out, "bundle", document.string(to_base64(good)));
  codec::json::Value fields = document.array();
  Mutator(good, [&](const std::string& what, const Bytes& bad) {
    ASSERT_NE(good, bad) << what;
    const std::string step = testing::step_of(verify(bad, trust));
    EXPECT_EQ(step == "ok", is_smaller_claim(what)) << name << ": " << what;
    codec::json::Value item = document.object();
    document.set(item, "field", document.string(what));
    document.set(item, "edits", edits_value(document, edits_between(good, bad)));
    document.set(item, "step", document.string(step));
    document.append(fields, item);
  }).run();
  document.set(out, "fields", fields);
  codec::json::Value random = document.array();
  for (const Noise& noise : noises(good.size())) {
    const std::string step = testing::step_of(verify(good.substr(0, noise.kept) + random_bytes(noise.seed, noise.size), trust));
    EXPECT_NE(step, "ok") << name << ": " << noise.kept << " bytes kept, " << noise.size << " random ones";
    codec::json::Value item = document.object();
    document.set(item, "seed", document.number(static_cast<std::int64_t>(noise.seed)));
    document.set(item, "kept", document.number(static_cast<std::int64_t>(noise.kept)));
    document.set(item, "size", document.number(static_cast<std::int64_t>(noise.size)));
    document.set(item, "step", document.string(step));
    document.append(random, item);
  }
  document.set(out, "random", random);
  return out;
}

TEST(Mutations, AreWhatThisVerifierSays) {
  Shape shape;
  shape.commands = 60;
  shape.rows = 40;
  shape.versions = 5;
  const TestLedger one(shape);
  shape.validators = 4;
  shape.absent = 1;
  shape.witnesses = 2;
  const TestLedger four(shape);
  codec::json::Document document;
  codec::json::Value list = document.array();
  document.append(list, judged(document, "record of a consortium, witnessed", four.trust(), encode(four.record_bundle())));
  document.append(list, judged(document, "list of a consortium, witnessed", four.trust(), encode(four.access_bundle())));
  document.append(list, judged(document, "a part in the middle", one.trust(), encode(one.part_bundle(3, 8))));
  const Bytes conviction = convict(one.promise(false), encode(one.access_bundle()), one.trust()).value();
  document.append(list, judged(document, "conviction", one.trust(), conviction));
  Bundle walked = four.record_bundle();
  walked.walk = TestLedger::walk_over(four.chain());
  document.append(list, judged(document, "record with a walk over two changes of validators", four.founders_trust(), encode(walked)));
  testing::expect_file("bundles/mutations.json", codec::json::compact(list) + "\n");
}

}  // namespace
}  // namespace careledger::proof
