#include "codec/json/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace careledger::codec::json {
namespace {

Document parsed(ByteView text) {
  auto document = parse(text);
  EXPECT_TRUE(document) << document.error().message;
  return document ? std::move(*document) : Document();
}

std::string trouble(ByteView text, const Limits& limits = {}) {
  auto document = parse(text, limits);
  return document ? "accepted" : std::string(name_of(document.error().kind)) + ": " + document.error().message;
}

TEST(Json, KeepsEveryNumberAsItWasWritten) {
  const std::string text = R"([1.10,59.500,0.0100,1.50e2,1.0E+2,-0.0,-0,1e400,)"
                           R"(123456789012345678901234567890123456789012345678,0.123456789012345678901234567890123456789012345678,)"
                           R"(18446744073709551616,-9223372036854775809])";
  EXPECT_EQ(compact(parsed(text).root()), text);
  EXPECT_EQ(canonical(parsed(text).root()), text);
  EXPECT_EQ(compact(parsed("1.10").root()), "1.10");
}

TEST(Json, KeepsOrderAndDropsWhiteSpace) {
  EXPECT_EQ(compact(parsed(" { \"b\" : [ ] ,\n \"a\" : { } , \"c\":[ null , true,false ] } ").root()),
            R"({"b":[],"a":{},"c":[null,true,false]})");
}

TEST(Json, ResolvesEscapesAndWritesOnlyTheNeededOnes) {
  Document document = parsed(R"({"a\u0062\/":"\u00e9\ud83d\ude00\n\t\"\\\u0001\u001f/","plain":"caf\u00e9"})");
  EXPECT_EQ(document.root().string_at("ab/"), "é😀\n\t\"\\\x01\x1f/");
  EXPECT_EQ(compact(document.root()), "{\"ab/\":\"é😀\\n\\t\\\"\\\\\\u0001\\u001f/\",\"plain\":\"café\"}");
}

TEST(Json, LongStringsWithEscapesAreWhole) {
  std::string inside;
  for (int i = 0; i < 3000; ++i) inside += "0123456789\\n";
  Document document = parsed("[\"" + inside + "\"]");
  EXPECT_EQ(document.root().items()[0].text().size(), 3000u * 11u);
  EXPECT_EQ(compact(document.root()), "[\"" + inside + "\"]");
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text :
       {"",         " ",         "{",    "[1,]",           "{\"a\":1,}",    "[NaN]",   "[Infinity]", "[-]",    "[01]",
        "[1.]",     "[.5]",      "[+1]", "[0x10]",         "['a']",         "{a:1}",   "[1] x",      "[1][2]", "// c\n[1]",
        "[\"\t\"]", "[\"\\x\"]", "tru",  "\xEF\xBB\xBF[]", "[\"\\u12G4\"]", "{\"a\"}", "{1:2}"}) {
    EXPECT_TRUE(trouble(text).starts_with("malformed: JSON: ")) << text << " -> " << trouble(text);
  }
}

TEST(Json, RefusesBadUtf8AndLoneSurrogates) {
  for (const char* inside : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
                             "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\x80"}) {
    EXPECT_TRUE(trouble(std::string("[\"") + inside + "\"]").starts_with("malformed")) << to_hex(inside);
    EXPECT_TRUE(trouble(std::string("{\"") + inside + "\":1}").starts_with("malformed")) << to_hex(inside);
    EXPECT_FALSE(is_utf8(inside)) << to_hex(inside);
  }
  for (const char* text :
       {R"(["\ud800"])", R"(["\udc00"])", R"(["\ud800\ud800"])", R"(["\ud800x"])", R"(["\ud800\n"])", R"({"\udfff":1})"}) {
    EXPECT_TRUE(trouble(text).starts_with("malformed")) << text;
  }
}

TEST(Json, RefusesDuplicateKeysAndNamesThePlace) {
  EXPECT_EQ(trouble("{\n \"a\":1,\n \"b\":{\"x\":1,\"y\":2,\"x\":3}}"),
            "malformed: JSON: the same key twice in one object at line 3, column 19 (byte 28)");
  EXPECT_TRUE(trouble(R"({"a":1,"\u0061":2})").starts_with("malformed: JSON: the same key twice"));
  EXPECT_TRUE(trouble(R"({"":1,"":2})").starts_with("malformed: JSON: the same key twice"));
  std::string many = "{";
  for (int i = 0; i < 500; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_EQ(trouble(many + "\"z\":1}"), "accepted");
  EXPECT_TRUE(trouble(many + "\"k77\":1}").starts_with("malformed: JSON: the same key twice"));
  EXPECT_EQ(trouble(R"({"a":{"a":{"a":1}}})"), "accepted");
}

TEST(Json, HoldsItsLimits) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(trouble(nested(64)), "accepted");
  EXPECT_TRUE(trouble(nested(65)).starts_with("too-large: JSON: arrays and objects nested too deeply")) << trouble(nested(65));
  EXPECT_TRUE(trouble(nested(100000)).starts_with("too-large"));
  EXPECT_TRUE(trouble("[1,2,3]", {.values = 3}).starts_with("too-large: JSON: more values"));
  EXPECT_EQ(trouble("[1,2,3]", {.values = 4}), "accepted");
  EXPECT_TRUE(trouble(R"(["abcd"])", {.string_bytes = 3}).starts_with("too-large: JSON: a string longer"));
  EXPECT_TRUE(trouble(R"({"abcd":1})", {.string_bytes = 3}).starts_with("too-large: JSON: a string longer"));
  EXPECT_TRUE(trouble("[1]", {.bytes = 2}).starts_with("too-large: JSON: 3 bytes"));
  EXPECT_TRUE(trouble("[1e99999999999]").starts_with("malformed: JSON: a number's exponent")) << trouble("[1e99999999999]");
}

TEST(Json, SaysWhereAndNeverWhat) {
  const std::string said = trouble("{\"name\":\n  \"Peter Secret\" oops}");
  EXPECT_EQ(said, "malformed: JSON: not JSON, or not UTF-8, at line 2, column 18 (byte 26)");
}

// RFC 8785 section 3.2.3, with its own example.
TEST(Json, CanonicalSortsKeysByUtf16CodeUnits) {
  Document document = parsed(
      "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
      "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}");
  EXPECT_EQ(canonical(document.root()),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
            "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
  EXPECT_LT(compare_utf16("\xF0\x90\x80\x80", "\xEE\x80\x80"), 0);  // U+10000 before U+E000
  EXPECT_LT(compare_utf16("\xED\x9F\xBF", "\xF0\x90\x80\x80"), 0);  // U+D7FF before U+10000
  EXPECT_LT(compare_utf16("a", "ab"), 0);
  EXPECT_EQ(compare_utf16("é", "é"), 0);
}

// RFC 8785 section 3.2.2, but for the numbers, which that profile would change.
TEST(Json, CanonicalStringsFollowRfc8785) {
  Document document = parsed(R"({"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})");
  EXPECT_EQ(canonical(document.root()), "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(Json, StrictProfileTakesIntegersOnly) {
  EXPECT_EQ(canonical_strict(parsed(R"({"b":9007199254740991,"a":[-1,0]})").root()).value(), R"({"a":[-1,0],"b":9007199254740991})");
  for (const char* text : {"[1.0]", "[1e2]", "[-0]", "[9007199254740992]", "[123456789012345678901234567890]"}) {
    EXPECT_FALSE(canonical_strict(parsed(text).root())) << text;
  }
}

TEST(Json, PrettyReadsBackTheSame) {
  Document document = parsed(R"({"a":[1,{"b":[]}],"c":{}})");
  EXPECT_EQ(pretty(document.root()), "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
  EXPECT_EQ(compact(parsed(pretty(document.root())).root()), compact(document.root()));
}

TEST(Json, BuildsAndChanges) {
  Document document;
  document.root() = document.object();
  document.set(document.root(), "resourceType", document.string("Patient"));
  document.set(document.root(), "active", document.boolean(true));
  document.insert(document.root(), 1, "id", document.string("a\"b"));
  document.set(document.root(), "list", document.array());
  for (int i = 0; i < 20; ++i) document.append(*document.root().find("list"), document.number(std::int64_t{i} - 1));
  document.remove_at(*document.root().find("list"), 0);
  EXPECT_EQ(compact(document.root()),
            R"({"resourceType":"Patient","id":"a\"b","active":true,"list":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]})");
  EXPECT_TRUE(document.remove(document.root(), "active"));
  EXPECT_FALSE(document.remove(document.root(), "active"));
  document.set(document.root(), "id", document.number("1.10"));
  document.set(document.root(), "list", document.null());
  EXPECT_EQ(compact(document.root()), R"({"resourceType":"Patient","id":1.10,"list":null})");
}

TEST(Json, ChangesWhatWasParsedAndCopiesBetweenDocuments) {
  Document target = parsed(R"({"reference":"urn:uuid:1","n":1.50})");
  *target.root().find("reference") = target.string("Patient/7");
  {
    const Document source = parsed(R"({"deep":[{"x":"y\n"},2.0]})");
    target.set(target.root(), "copy", target.copy(source.root()));
  }
  Document moved = std::move(target);
  moved.append(*moved.root().find("copy")->find("deep"), moved.string("z"));
  EXPECT_EQ(compact(moved.root()), R"({"reference":"Patient/7","n":1.50,"copy":{"deep":[{"x":"y\n"},2.0,"z"]}})");
}

TEST(Json, NumbersGrammar) {
  for (const char* good : {"0", "-0", "1", "10", "1.0", "1e5", "1E-5", "-1.25e+10"}) EXPECT_TRUE(is_number(good)) << good;
  for (const char* bad : {"", "-", "01", "1.", ".1", "1e", "+1", "1 ", "e1", "1e+", "0x1"}) EXPECT_FALSE(is_number(bad)) << bad;
}

void build_random(Document& document, Value& into, int depth) {
  const int kind = *rc::gen::inRange(0, depth > 3 ? 4 : 6);
  switch (kind) {
    case 0: into = document.null(); break;
    case 1: into = document.boolean(*rc::gen::arbitrary<bool>()); break;
    case 2: into = document.number(*rc::gen::arbitrary<std::int64_t>()); break;
    case 3: into = document.string(*rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127))); break;
    case 4: {
      into = document.array();
      for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
        Value item;
        build_random(document, item, depth + 1);
        document.append(into, item);
      }
      break;
    }
    default: {
      into = document.object();
      for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
        Value item;
        build_random(document, item, depth + 1);
        document.set(into, *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)), item);
      }
    }
  }
}

RC_GTEST_PROP(JsonProperty, WrittenAndReadAgainIsTheSame, ()) {
  Document document;
  build_random(document, document.root(), 0);
  const Bytes text = compact(document.root());
  const Document again = parsed(text);
  RC_ASSERT(compact(again.root()) == text);
  RC_ASSERT(canonical(again.root()) == canonical(document.root()));
  RC_ASSERT(compact(parsed(pretty(document.root())).root()) == text);
  const Document owned = std::move(*parse_owned(Bytes(text)));
  RC_ASSERT(compact(owned.root()) == text);
}

RC_GTEST_PROP(JsonProperty, AnyCutOfATextIsRefused, ()) {
  static const std::string text = R"({"a":[1.50,"x\u00e9",{"b":null}],"c":true})";
  const auto cut = *rc::gen::inRange<std::size_t>(0, text.size());
  RC_ASSERT(!parse(ByteView(text).substr(0, cut)));
}

}  // namespace
}  // namespace careledger::codec::json
