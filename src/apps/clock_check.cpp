#include "apps/clock_check.h"

#include <fmt/format.h>

#include "apps/node.h"
#include "codec/fhir/instant.h"
#include "codec/json/json.h"
#include "edge/http/client.h"
#include "replica/ledger_store.h"
#include "replica/newest_block.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::int64_t kEarliestMs = 1'767'225'600'000;  // 2026-01-01: a clock before it was never set
constexpr std::int64_t kAheadMs = 5'000;                 // of a block, in a network whose members' clocks differ a little
constexpr std::size_t kRunningBytesMax = 1 << 20;

// Of the node that serves the folder. Shared knowledge: no key is opened for it.
Result<std::optional<BlockTime>> ask_node(const Layout& layout) {
  CARELEDGER_TRY(const Bytes text, system_files().read_all(layout.running(), kRunningBytesMax));
  CARELEDGER_TRY(const json::Document running, json::parse(text));
  const auto organisations = running.root().items_at("organisations");
  if (organisations.empty()) return std::optional<BlockTime>();
  http::ClientConfig config;
  config.origin = organisations[0].string_at("fhir");
  if (config.origin.ends_with("/fhir")) config.origin.resize(config.origin.size() - 5);
  config.trust_file = running.root().string_at("certificate");
  CARELEDGER_TRY(const auto client, http::Client::make(config));
  CARELEDGER_TRY(const http::Response answer, client->call(http::make_request(http::Method::get, "/ledger/v1/status")));
  CARELEDGER_TRY(const json::Document status, json::parse(answer.content()));
  const json::Value* time = status.root().find("time_ms");
  if (time == nullptr || !time->is_number()) return fail(ErrorKind::malformed, "the node's answer does not read");
  return std::optional(BlockTime{std::strtoll(std::string(time->text()).c_str(), nullptr, 10)});
}

// Without the folder's lock: looking must not stop a node from starting. Of a node that serves and does not answer, the files are read.
Result<std::optional<BlockTime>> newest_block(const Layout& layout) {
  if (!system_files().exists(layout.ledger())) return std::optional<BlockTime>();
  if (system_files().exists(layout.running()))
    if (auto told = ask_node(layout)) return told;
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  options.read_only = true;
  CARELEDGER_TRY(const auto store, replica::open_ledger_store(options));
  return replica::newest_block_time(*store);
}

}  // namespace

std::string span(std::int64_t ms) {
  const std::int64_t minutes = ms / 60'000;
  if (minutes < 2) return fmt::format("{} seconds", ms / 1000);
  if (minutes < 120) return fmt::format("{} minutes", minutes);
  return minutes < 2 * 1440 ? fmt::format("{} hours", minutes / 60) : fmt::format("{} days", minutes / 1440);
}

std::string wrong_clock(std::int64_t ahead_ms) {
  const bool ahead = ahead_ms > 0;
  const std::string where = span(ahead ? ahead_ms : -ahead_ms) + (ahead ? " ahead of" : " behind");
  const std::string waits = ahead ? "what is written here may wait for its anchor until they have come so far, and " : "";
  return "this machine's clock is " + where + " the network's blocks: " + waits +
         "consents, licences and tokens are judged wrongly here. Set it, keep it by NTP, and start the node again; the other members do "
         "not notice";
}

ClockCheck check_clock(const Layout& layout, BlockTime now) {
  if (now.value < kEarliestMs) return {false, "was never set: consents and licences are judged by it; set it and keep it by NTP"};
  const auto block = newest_block(layout);
  if (!block) return {true, "is set, but could not be compared with the ledger (" + block.error().message + "); keep it by NTP"};
  if (!*block) return {true, "is set; keep it by NTP"};
  const std::int64_t behind = (*block)->value - now.value;
  if (behind > kAheadMs)
    return {false, fmt::format("is {} behind the ledger's newest block of {}: what begins or ends in between is judged wrongly. Set it and "
                               "keep it by NTP; if it is right, a clock ran ahead when that block was made",
                               span(behind), codec::fhir::format_instant(**block))};
  return {true, "is set, and not behind the ledger's newest block; keep it by NTP"};
}

}  // namespace careledger::apps
