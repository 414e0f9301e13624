#include "edge/ledger_api/ledger_api.h"

#include <charconv>

#include "codec/json/json.h"
#include "contracts/build.h"
#include "contracts/consent/consent.h"
#include "kernel/tables.h"
#include "kernel/timing.h"

namespace careledger::edge::ledger_api {
namespace {

namespace build = contracts::build;
namespace consent = contracts::consent;
namespace json = codec::json;
namespace registry = contracts::registry;
namespace relation = contracts::relationship;

constexpr std::string_view kRoot = "/ledger/v1/";
constexpr std::uint32_t kOrganisationsMax = 10'000;
constexpr std::uint32_t kWaitingMax = 4096;
constexpr std::int64_t kRetryMs = 1000;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kWaitMaxMs = 15'000;  // a wallet waits so long for the end of an epoch, and no longer

// A JSON object under construction.
class Fields {
 public:
  Fields& text(std::string_view name, std::string_view value) { return set(name, document_.string(value)); }
  Fields& number(std::string_view name, std::uint64_t value) { return set(name, document_.number(static_cast<std::int64_t>(value))); }
  Fields& truth(std::string_view name, bool value) { return set(name, document_.boolean(value)); }
  http::Response response() const { return http::json(200, json::compact(root_)); }

 private:
  Fields& set(std::string_view name, json::Value value) {
    document_.set(root_, name, value);
    return *this;
  }
  json::Document document_;
  json::Value root_ = document_.object();
};

template <class Id>
Result<Id> id_of(std::string_view hex) {
  const auto bytes = from_hex(hex);
  const auto id = bytes ? Id::from(*bytes) : std::nullopt;
  if (!id) return fail(ErrorKind::invalid, "expected 64 hex digits");
  return *id;
}

Result<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return fail(ErrorKind::invalid, "expected a number");
  return value;
}

json::Value hashes_of(json::Document& document, const proof::Path& path) {
  json::Value hashes = document.array();
  for (const Digest& hash : path) document.append(hashes, document.string(hash.hex()));
  return hashes;
}

std::string_view name_of(ordering::Outcome outcome) {
  switch (outcome) {
    case ordering::Outcome::final: return "final";
    case ordering::Outcome::refused: return "refused";
    case ordering::Outcome::busy: return "busy";
    case ordering::Outcome::sealed: return "sealed";
    case ordering::Outcome::unknown: return "unknown";
  }
  return "unknown";
}

http::Response come_back(ordering::Outcome why, std::int64_t retry_ms) {
  http::Response response = Fields().text("outcome", name_of(why)).response();
  response.status = why == ordering::Outcome::busy ? 429 : 503;
  response.headers.set("Retry-After", std::to_string(retry_ms / 1000 + 1));
  return response;
}

http::Response too_many(std::int64_t retry_ms) { return come_back(ordering::Outcome::busy, retry_ms); }

http::Response response_of(const replica::Replica& replica, const ordering::Answer& answer) {
  if (answer.outcome == ordering::Outcome::busy || answer.outcome == ordering::Outcome::sealed)
    return come_back(answer.outcome, answer.retry_after_ms);
  Fields fields;
  fields.text("outcome", name_of(answer.outcome));
  if (answer.receipt) {
    fields.number("contract", answer.receipt->code.contract.value).number("code", answer.receipt->code.number);
    fields.text("code_name", kernel::code_name(replica.contracts(), answer.receipt->code));
    fields.number("height", answer.receipt->height.value).number("position", answer.receipt->position);
  }
  http::Response response = fields.response();
  if (answer.outcome == ordering::Outcome::unknown) response.status = 503;
  return response;
}

// Only what patients send, and by whom: an organisation's name stands on the envelope.
Result<ordering::Lane> lane_of(const replica::Replica& replica, const kernel::ReceivedCommand& command) {
  if (command.verdict == kernel::KernelCode::too_large) return fail(ErrorKind::too_large, "a command has at most 64 KiB");
  if (command.verdict != kernel::KernelCode::ok) return fail(ErrorKind::malformed, "the body is not a signed command");
  const auto account = replica.view().state().get(kernel::kAccounts, command.actor);
  if (!account || account->kind() != static_cast<std::uint32_t>(kernel::AccountKind::patient))
    return fail(ErrorKind::forbidden, "only patients' accounts send commands here");
  if (const auto lane = lane_for(command.contract)) return *lane;
  return fail(ErrorKind::forbidden, "only relationship and consent commands are taken here");
}

bool is_revocation(const kernel::ReceivedCommand& command) {
  consent::Payload payload;
  return command.contract == build::kConsent && payload.ParseFromString(command.payload) && payload.has_revoke();
}

http::Response waiting_until(BlockTime until) {
  http::Response response = Fields().text("outcome", "waiting").number("until_ms", static_cast<std::uint64_t>(until.value)).response();
  response.status = 202;
  return response;
}

// No place: there is one when the epoch is over.
http::Response not_held(const Error& error, BlockTime now, std::uint32_t epoch_ms) {
  if (error.kind != ErrorKind::busy) return http::problem(error);
  return too_many(kernel::epoch_end(now, epoch_ms).value - now.value);
}

// Bytes that the ledger has judged get their first receipt.
ordering::Answer refusal_of(const replica::Replica& replica, const kernel::ReceivedCommand& command, kernel::Code code) {
  if (code == kernel::code_of(kernel::KernelCode::replayed) || code == kernel::code_of(kernel::KernelCode::sequence_too_old)) {
    if (const auto first = replica.view().find_receipt(command.digest); first && *first) return {ordering::Outcome::final, **first, 0};
  }
  return {ordering::Outcome::refused, kernel::Receipt{replica.ledger(), command.digest, code, {}, 0}, 0};
}

struct Order {  // on its way through the pool
  Bytes bytes;
  kernel::ReceivedCommand command;
  ordering::Lane lane;
  http::Responder respond;
};

// A sender who waits, counted as long as he does. The first answer is his. Safe from any thread.
class Once {
 public:
  using Count = std::shared_ptr<std::atomic<std::uint32_t>>;
  Once(http::Responder respond, Count waiting) : respond_(std::move(respond)), waiting_(std::move(waiting)) {}
  void respond(http::Response response) {
    if (answered_.exchange(true)) return;
    waiting_->fetch_sub(1);
    respond_(std::move(response));
  }

 private:
  http::Responder respond_;
  const Count waiting_;
  std::atomic<bool> answered_ = false;
};

}  // namespace

std::optional<ordering::Lane> lane_for(ContractId contract) {
  if (contract == build::kConsent) return ordering::Lane::urgent;
  if (contract == build::kRelationship) return ordering::Lane::mixed;
  return std::nullopt;
}

Result<http::Response> LedgerApi::status() const {
  const replica::View view = parts_.replica.view();
  Fields fields;
  fields.text("organisation", parts_.organisation.hex()).text("name", parts_.name).text("ledger", view.ledger().hex());
  fields.text("chain", kernel::chain_id(view.ledger())).number("epoch_ms", parts_.epoch_ms).number("height", view.height().value);
  fields.number("time_ms", static_cast<std::uint64_t>(view.time().value));
  fields.number("log_size", view.log_size()).text("log_root", view.log_root().hex());
  return fields.response();
}

Result<http::Response> LedgerApi::organisations() const {
  const replica::View view = parts_.replica.view();
  json::Document document;
  json::Value list = document.array();
  for (const auto& [key, row] : view.state().scan(registry::kOrganisations, Limit{kOrganisationsMax})) {
    json::Value value = document.object();
    document.set(value, "id", document.string(to_hex(key.view().substr(1))));
    document.set(value, "name", document.string(row.name()));
    document.set(value, "kind", document.number(static_cast<std::int64_t>(row.kind())));
    document.set(value, "status", document.number(static_cast<std::int64_t>(row.status())));
    document.append(list, value);
  }
  return http::json(200, json::compact(list));
}

Result<http::Response> LedgerApi::accreditation(std::string_view hex) const {
  CARELEDGER_TRY(const Digest holder, id_of<Digest>(hex));
  const auto row = parts_.replica.view().state().get(registry::kAccreditations, holder);
  if (!row) return fail(ErrorKind::not_found, "the ledger knows nobody accredited under this id");
  Fields fields;
  fields.text("organisation", to_hex(row->organisation())).number("kind", row->kind()).number("role", row->role());
  fields.number("valid_to_day", row->valid_to_day()).number("revoked_height", row->revoked_height());
  return fields.response();
}

Result<http::Response> LedgerApi::account(std::string_view hex) const {
  CARELEDGER_TRY(const AccountId id, id_of<AccountId>(hex));
  const replica::View view = parts_.replica.view();
  const auto row = view.state().get(kernel::kAccounts, id);
  if (!row) return fail(ErrorKind::not_found, "no such account on this ledger");
  const auto window = view.state().get(kernel::kSequences, id);
  Fields fields;
  fields.number("kind", row->kind()).number("status", row->status()).number("sequence", window ? window->highest() : 0);
  return fields.response();
}

Result<http::Response> LedgerApi::relationship(std::string_view hex) const {
  CARELEDGER_TRY(const RelationshipId id, id_of<RelationshipId>(hex));
  const replica::View view = parts_.replica.view();
  const auto row = view.state().get(relation::kRelationships, id);
  if (!row) return fail(ErrorKind::not_found, "no such relationship on this ledger");
  Fields fields;
  fields.text("organisation", to_hex(row->organisation())).text("patient", to_hex(row->patient())).number("status", row->status());
  fields.truth("held_in_trust", row->held_in_trust()).number("next_grant", consent::next_number(view.state(), id));
  return fields.response();
}

Result<http::Response> LedgerApi::grant(std::string_view rest) const {
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return fail(ErrorKind::not_found, "grant/{relationship}/{number}");
  CARELEDGER_TRY(const RelationshipId id, id_of<RelationshipId>(rest.substr(0, slash)));
  CARELEDGER_TRY(const std::uint64_t number, number_of(rest.substr(slash + 1)));
  if (number > UINT32_MAX) return fail(ErrorKind::not_found, "no such grant on this ledger");
  const auto row = parts_.replica.view().state().get(consent::kGrants, id, static_cast<kernel::Counter>(number));
  if (!row) return fail(ErrorKind::not_found, "no such grant on this ledger");
  Fields fields;
  fields.text("terms", to_hex(row->terms())).number("expires_day", row->expires_day()).number("revoked_height", row->revoked_height());
  return fields.response();
}

// Both sizes the caller names: from what it saw to what it sees. The path is of the newest log when `to` is its size.
Result<http::Response> LedgerApi::consistency(const http::Request& request) const {
  CARELEDGER_TRY(const std::uint64_t from, number_of(request.parameter("from").value_or("")));
  const replica::View view = parts_.replica.view();
  CARELEDGER_TRY(const proof::Path path, view.prove_consistency(from));
  json::Document document;
  json::Value hashes = hashes_of(document, path);
  json::Value root = document.object();
  document.set(root, "from", document.number(static_cast<std::int64_t>(from)));
  document.set(root, "to", document.number(static_cast<std::int64_t>(view.log_size())));
  document.set(root, "root", document.string(view.log_root().hex()));
  document.set(root, "hashes", hashes);
  return http::json(200, json::compact(root));
}

Result<http::Response> LedgerApi::checkpoint(const http::Request& request) const {
  const auto text = request.parameter("from");
  std::uint64_t from = 0;
  if (text) {
    CARELEDGER_TRY(from, number_of(*text));
  }
  CARELEDGER_TRY(ordering::CheckpointKeeper::Since since, parts_.checkpoint(from));
  if (!text) return http::text(200, std::move(since.note));
  json::Document document;
  json::Value root = document.object();
  document.set(root, "note", document.string(since.note));
  document.set(root, "size", document.number(static_cast<std::int64_t>(since.size)));
  document.set(root, "hashes", hashes_of(document, since.consistency));
  return http::json(200, json::compact(root));
}

Result<http::Response> LedgerApi::answer(const http::Request& request) const {
  const std::string_view path = std::string_view(request.path).substr(std::min(kRoot.size(), request.path.size()));
  if (path == "status") return status();
  if (path == "organisations") return organisations();
  if (path == "consistency") return consistency(request);
  if (path.starts_with("accreditation/")) return accreditation(path.substr(14));
  if (path.starts_with("account/")) return account(path.substr(8));
  if (path.starts_with("relationship/")) return relationship(path.substr(13));
  if (path.starts_with("grant/")) return grant(path.substr(6));
  if (path == "trust") {
    CARELEDGER_TRY(std::string text, parts_.trust());
    return http::json(200, std::move(text));
  }
  if (path == "checkpoint" && parts_.checkpoint) return checkpoint(request);
  return fail(ErrorKind::not_found, "no such path");
}

bool HourlyQuota::take(const AccountId& account, BlockTime now) {
  const std::lock_guard lock(mutex_);
  if (const std::int64_t hour = now.value / kHourMs; hour != hour_) {
    hour_ = hour;
    taken_.clear();
  }
  return taken_[account]++ < most_;
}

void LedgerApi::submit(http::Request request, http::Responder respond) {
  auto command = kernel::receive_bytes(request.body);
  const auto lane = lane_of(parts_.replica, command);
  if (!lane) return respond(http::problem(lane.error()));
  if (is_revocation(command)) return submit_now(std::move(request.body), ordering::Lane::owed, std::move(respond));
  const auto order = std::make_shared<Order>(Order{std::move(request.body), std::move(command), *lane, std::move(respond)});
  const auto work = [this, order] { check_and_submit(std::move(order->bytes), order->command, order->lane, std::move(order->respond)); };
  if (!pool_.post(work)) order->respond(too_many(kRetryMs));
}

// By signature, number and state, so that nothing below counts against somebody who did not send it.
void LedgerApi::check_and_submit(Bytes bytes, const kernel::ReceivedCommand& command, ordering::Lane lane, http::Responder respond) {
  const BlockTime now = parts_.clock.now();
  const bool quiet = lane == ordering::Lane::mixed;
  const BlockTime due = quiet ? kernel::epoch_end(now, parts_.epoch_ms) : now;
  if (const kernel::Code code = parts_.replica.check(command, due); !code.ok())
    return respond(response_of(parts_.replica, refusal_of(parts_.replica, command, code)));
  if (quiet && due.value - now.value > kWaitMaxMs) return submit_quietly(std::move(bytes), command, std::move(respond));
  if (quiet) return submit_and_wait(std::move(bytes), command, std::move(respond));
  if (!grants_.take(command.actor, now)) return respond(too_many(kHourMs - now.value % kHourMs));
  submit_now(std::move(bytes), lane, std::move(respond));
}

void LedgerApi::submit_now(Bytes bytes, ordering::Lane lane, http::Responder respond) {
  if (waiting_->fetch_add(1) >= kWaitingMax) {
    waiting_->fetch_sub(1);
    return respond(too_many(kRetryMs));
  }
  parts_.ordering.submit(
      parts_.organisation, std::move(bytes), lane,
      [waiting = waiting_, &replica = parts_.replica, respond = std::move(respond)](const ordering::Answer& result) mutable {
        waiting->fetch_sub(1);
        respond(response_of(replica, result));
      });
}

// Lets it wait for the end of the epoch without its sender.
void LedgerApi::submit_quietly(Bytes bytes, const kernel::ReceivedCommand& command, http::Responder respond) {
  const auto until = parts_.quiet.hold_signed(command, bytes, {});
  respond(until ? waiting_until(*until) : not_held(until.error(), parts_.clock.now(), parts_.epoch_ms));
}

// The end is near: its sender waits for the ledger's answer, unless it passed in the meantime.
void LedgerApi::submit_and_wait(Bytes bytes, const kernel::ReceivedCommand& command, http::Responder respond) {
  if (waiting_->fetch_add(1) >= kWaitingMax) {
    waiting_->fetch_sub(1);
    return respond(too_many(kRetryMs));
  }
  const auto once = std::make_shared<Once>(std::move(respond), waiting_);
  const auto until = parts_.quiet.hold_signed(
      command, bytes, [once, &replica = parts_.replica](const ordering::Answer& answer) { once->respond(response_of(replica, answer)); });
  if (!until) return once->respond(not_held(until.error(), parts_.clock.now(), parts_.epoch_ms));
  if (until->value - parts_.clock.now().value > kWaitMaxMs) once->respond(waiting_until(*until));
}

void LedgerApi::reply(const http::Request& request, http::Responder respond) const {
  auto response = answer(request);
  if (response) response->route = "/ledger/v1/*";
  respond(response ? std::move(*response) : http::problem(response.error()));
}

void LedgerApi::handle(http::Request request, http::Responder respond) {
  if (request.path == "/ledger/v1/commands") {
    if (request.method != http::Method::post) return respond(http::problem(405, "POST a signed command"));
    return submit(std::move(request), std::move(respond));
  }
  if (request.method != http::Method::get && request.method != http::Method::head) return respond(http::problem(405, "only GET"));
  if (request.path != "/ledger/v1/checkpoint") return reply(request, std::move(respond));
  // Witnesses remember a new checkpoint on disk before they cosign it.
  const auto asked = std::make_shared<std::pair<http::Request, http::Responder>>(std::move(request), std::move(respond));
  if (!pool_.post([this, asked] { reply(asked->first, std::move(asked->second)); })) asked->second(too_many(kRetryMs));
}

}  // namespace careledger::edge::ledger_api
