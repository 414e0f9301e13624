// The JSON of CometBFT's RPC, read back: https://docs.cometbft.com/v0.38/rpc/. 64-bit numbers are strings, hashes hex, keys and
// signatures base64; what is empty may be missing.
#include <charconv>
#include <chrono>

#include "codec/json/json.h"
#include "ordering/abci/engine_rpc.h"

namespace careledger::ordering::abci {
namespace {

namespace json = codec::json;
using json::Value;

tl::unexpected<Error> bad(std::string_view what) {
  return fail(ErrorKind::malformed, "the engine's answer: " + std::string(what) + " is missing or malformed");
}

template <class Number>
Result<Number> number(const Value& from, std::string_view key) {
  const Value* found = from.find(key);
  const std::string_view text = found == nullptr ? std::string_view() : found->text();
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return bad(key);
  return value;
}

Result<Bytes> hex(const Value& from, std::string_view key) {
  auto bytes = from_hex(from.string_at(key));
  if (!bytes) return bad(key);
  return std::move(*bytes);
}

Result<Bytes> base64(const Value& from, std::string_view key) {
  auto bytes = from_base64(from.string_at(key));
  if (!bytes) return bad(key);
  return std::move(*bytes);
}

Result<const Value*> member(const Value& from, std::string_view key) {
  const Value* found = from.find(key);
  if (found == nullptr || !found->is_object()) return bad(key);
  return found;
}

// "2026-11-21T09:30:00.123456789Z": always UTC, nine digits of fraction at most.
Result<proof::Time> time(const Value& from, std::string_view key) {
  const std::string_view text = from.string_at(key);
  const auto part = [&text](std::size_t at, std::size_t count) {
    int value = -1;
    if (at + count <= text.size()) std::from_chars(text.data() + at, text.data() + at + count, value);
    return value;
  };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text.back() != 'Z')
    return bad(key);
  const std::chrono::year_month_day day{std::chrono::year(part(0, 4)), std::chrono::month(static_cast<unsigned>(part(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(part(8, 2)))};
  const int hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  if (!day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return bad(key);
  proof::Time out;
  out.seconds = std::chrono::sys_days(day).time_since_epoch().count() * std::int64_t{86'400} + hour * 3600 + minute * 60 + second;
  const std::string_view fraction = text.substr(19, text.size() - 20);
  if (fraction.empty()) return out;
  if (fraction[0] != '.' || fraction.size() < 2 || fraction.size() > 10) return bad(key);
  std::int32_t nanos = 0;
  for (std::size_t i = 1; i < 10; ++i) {
    const char digit = i < fraction.size() ? fraction[i] : '0';
    if (digit < '0' || digit > '9') return bad(key);
    nanos = nanos * 10 + (digit - '0');
  }
  out.nanos = nanos;
  return out;
}

Result<proof::BlockId> block_id(const Value& from, std::string_view key) {
  CARELEDGER_TRY(const Value* const id, member(from, key));
  CARELEDGER_TRY(const Value* const parts, member(*id, "parts"));
  proof::BlockId out;
  CARELEDGER_TRY(out.hash, hex(*id, "hash"));
  CARELEDGER_TRY(out.parts.total, number<std::uint32_t>(*parts, "total"));
  CARELEDGER_TRY(out.parts.hash, hex(*parts, "hash"));
  return out;
}

Result<proof::Header> header(const Value& from) {
  CARELEDGER_TRY(const Value* const version, member(from, "version"));
  proof::Header out;
  CARELEDGER_TRY(out.block_version, number<std::uint64_t>(*version, "block"));
  if (version->find("app") != nullptr) {
    CARELEDGER_TRY(out.app_version, number<std::uint64_t>(*version, "app"));
  }
  out.chain_id = from.string_at("chain_id");
  CARELEDGER_TRY(out.height, number<std::int64_t>(from, "height"));
  CARELEDGER_TRY(out.time, time(from, "time"));
  CARELEDGER_TRY(out.last_block_id, block_id(from, "last_block_id"));
  CARELEDGER_TRY(out.last_commit_hash, hex(from, "last_commit_hash"));
  CARELEDGER_TRY(out.data_hash, hex(from, "data_hash"));
  CARELEDGER_TRY(out.validators_hash, hex(from, "validators_hash"));
  CARELEDGER_TRY(out.next_validators_hash, hex(from, "next_validators_hash"));
  CARELEDGER_TRY(out.consensus_hash, hex(from, "consensus_hash"));
  CARELEDGER_TRY(out.app_hash, hex(from, "app_hash"));
  CARELEDGER_TRY(out.last_results_hash, hex(from, "last_results_hash"));
  CARELEDGER_TRY(out.evidence_hash, hex(from, "evidence_hash"));
  CARELEDGER_TRY(out.proposer_address, hex(from, "proposer_address"));
  return out;
}

Result<proof::CommitSig> commit_sig(const Value& from) {
  proof::CommitSig out;
  CARELEDGER_TRY(const auto flag, number<std::uint8_t>(from, "block_id_flag"));
  if (flag < 1 || flag > 3) return bad("block_id_flag");
  out.flag = static_cast<proof::VoteFlag>(flag);
  CARELEDGER_TRY(out.validator_address, hex(from, "validator_address"));
  CARELEDGER_TRY(out.timestamp, time(from, "timestamp"));
  const Value* signature = from.find("signature");
  if (signature != nullptr && !signature->is_null()) {
    CARELEDGER_TRY(out.signature, base64(from, "signature"));
  }
  return out;
}

Result<proof::Commit> commit(const Value& from) {
  proof::Commit out;
  CARELEDGER_TRY(out.height, number<std::int64_t>(from, "height"));
  CARELEDGER_TRY(out.round, number<std::int32_t>(from, "round"));
  CARELEDGER_TRY(out.block_id, block_id(from, "block_id"));
  if (from.items_at("signatures").size() > proof::kMaxValidators) return bad("signatures");
  for (const Value& one : from.items_at("signatures")) {
    CARELEDGER_TRY(proof::CommitSig signature, commit_sig(one));
    out.signatures.push_back(std::move(signature));
  }
  return out;
}

Result<proof::Validator> validator(const Value& from) {
  CARELEDGER_TRY(const Value* const key, member(from, "pub_key"));
  if (key->string_at("type") != "tendermint/PubKeyEd25519") return bad("pub_key.type");
  const auto bytes = crypto::PublicKey::from(from_base64(key->string_at("value")).value_or(""));
  if (!bytes) return bad("pub_key.value");
  proof::Validator out{*bytes, 0, 0};
  CARELEDGER_TRY(out.power, number<std::int64_t>(from, "voting_power"));
  CARELEDGER_TRY(out.priority, number<std::int64_t>(from, "proposer_priority"));
  return out;
}

// The engine's words about an error of its own, for people; at most one line of it.
Result<json::Document> whole(ByteView text) {
  CARELEDGER_TRY(json::Document document, json::parse(text));
  if (!document.root().is_object()) return bad("the object");
  return document;
}

std::string_view error_of(const Value& root) {
  const Value* error = root.find("error");
  if (error == nullptr || error->is_null()) return {};
  const std::string_view data = error->string_at("data");
  return data.empty() ? std::string_view("an error without words") : data;
}

Result<const Value*> result_of(const Value& root) {
  if (const std::string_view error = error_of(root); !error.empty())
    return fail(ErrorKind::not_found, "the engine: " + std::string(error.substr(0, 200)));
  return member(root, "result");
}

}  // namespace

Result<Admission> parse_admission(ByteView text) {
  CARELEDGER_TRY(const json::Document document, whole(text));
  const std::string_view error = error_of(document.root());
  if (error.find("already exists in cache") != std::string_view::npos) return Admission::known;
  if (error.find("mempool is full") != std::string_view::npos || error.find("mempool is still rechecking") != std::string_view::npos)
    return Admission::full;
  if (!error.empty()) return fail(ErrorKind::unavailable, "the engine: " + std::string(error.substr(0, 200)));
  CARELEDGER_CHECK(member(document.root(), "result"));
  return Admission::taken;
}

Result<proof::SignedHeader> parse_commit(ByteView text) {
  CARELEDGER_TRY(const json::Document document, whole(text));
  CARELEDGER_TRY(const Value* const result, result_of(document.root()));
  CARELEDGER_TRY(const Value* const signed_header, member(*result, "signed_header"));
  CARELEDGER_TRY(const Value* const header_value, member(*signed_header, "header"));
  CARELEDGER_TRY(const Value* const commit_value, member(*signed_header, "commit"));
  proof::SignedHeader out;
  CARELEDGER_TRY(out.header, header(*header_value));
  CARELEDGER_TRY(out.commit, commit(*commit_value));
  return out;
}

Result<ValidatorPage> parse_validators(ByteView text) {
  CARELEDGER_TRY(const json::Document document, whole(text));
  CARELEDGER_TRY(const Value* const result, result_of(document.root()));
  ValidatorPage page;
  CARELEDGER_TRY(page.total, number<std::size_t>(*result, "total"));
  if (page.total > proof::kMaxValidators) return bad("total");
  for (const Value& one : result->items_at("validators")) {
    CARELEDGER_TRY(const proof::Validator found, validator(one));
    page.validators.push_back(found);
  }
  return page;
}

Result<EngineBlock> parse_block(ByteView text) {
  CARELEDGER_TRY(const json::Document document, whole(text));
  CARELEDGER_TRY(const Value* const result, result_of(document.root()));
  const Value* const block = result->find("block");
  if (block == nullptr || block->is_null()) return fail(ErrorKind::not_found, "the engine: it keeps no such block");
  CARELEDGER_TRY(const Value* const header_value, member(*block, "header"));
  CARELEDGER_TRY(const Value* const data, member(*block, "data"));
  EngineBlock out;
  CARELEDGER_TRY(out.header, header(*header_value));
  for (const Value& one : data->items_at("txs")) {
    auto bytes = from_base64(one.text());
    if (!bytes) return bad("txs");
    out.transactions.push_back(std::move(*bytes));
  }
  return out;
}

// One that keeps no block has no list of them to give, and says so as an error of the question's.
Result<Height> parse_newest(ByteView text) {
  constexpr std::string_view kNone = "can't be greater than max height 0";
  CARELEDGER_TRY(const json::Document document, whole(text));
  if (error_of(document.root()).ends_with(kNone)) return Height{0};
  CARELEDGER_TRY(const Value* const result, result_of(document.root()));
  CARELEDGER_TRY(const auto height, number<std::uint64_t>(*result, "last_height"));
  return Height{height};
}

Result<Height> parse_oldest(ByteView text) {
  constexpr std::string_view kWords = "lowest height is ";  // and the number is the end of them
  CARELEDGER_TRY(const json::Document document, whole(text));
  const std::string_view error = error_of(document.root());
  const std::size_t at = error.find(kWords);
  if (at == std::string_view::npos) return Height{1};
  const std::string_view number = error.substr(at + kWords.size());
  Height oldest;
  const auto [end, wrong] = std::from_chars(number.data(), number.data() + number.size(), oldest.value);
  if (wrong != std::errc() || end != number.data() + number.size() || oldest.value == 0) return bad("the lowest height");
  return oldest;
}

Result<EngineStatus> parse_status(ByteView text) {
  CARELEDGER_TRY(const json::Document document, whole(text));
  CARELEDGER_TRY(const Value* const result, result_of(document.root()));
  CARELEDGER_TRY(const Value* const sync, member(*result, "sync_info"));
  CARELEDGER_TRY(const Value* const node, member(*result, "node_info"));
  EngineStatus status;
  CARELEDGER_TRY(status.height.value, number<std::uint64_t>(*sync, "latest_block_height"));
  const Value* catching_up = sync->find("catching_up");
  status.catching_up = catching_up != nullptr && catching_up->boolean();
  status.version = node->string_at("version");
  return status;
}

Result<std::vector<std::string>> parse_connected(ByteView text) {
  CARELEDGER_TRY(const json::Document document, whole(text));
  CARELEDGER_TRY(const Value* const result, result_of(document.root()));
  std::vector<std::string> ids;
  for (const Value& one : result->items_at("peers")) {
    CARELEDGER_TRY(const Value* const node, member(one, "node_info"));
    CARELEDGER_TRY(const Bytes id, hex(*node, "id"));
    ids.push_back(to_hex(id));
  }
  return ids;
}

// A peer says at which height it works: it has the block below.
Result<std::vector<Height>> parse_peer_heights(ByteView text) {
  CARELEDGER_TRY(const json::Document document, whole(text));
  CARELEDGER_TRY(const Value* const result, result_of(document.root()));
  std::vector<Height> heights;
  for (const Value& one : result->items_at("peers")) {
    if (const Value* const told = one.find("peer_state"); told != nullptr && told->is_null()) continue;  // it has come just now
    CARELEDGER_TRY(const Value* const state, member(one, "peer_state"));
    CARELEDGER_TRY(const Value* const round, member(*state, "round_state"));
    CARELEDGER_TRY(const auto height, number<std::uint64_t>(*round, "height"));
    heights.push_back({height == 0 ? 0 : height - 1});
  }
  return heights;
}

}  // namespace careledger::ordering::abci
