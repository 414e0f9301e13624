#include "edge/auth/failed_logins.h"

namespace careledger::edge::auth {

std::optional<std::uint64_t> FailedLogins::take(bool shown) {
  const std::lock_guard lock(mutex_);
  Share& share = shares_.at(shown ? 1 : 0);
  const std::int64_t second = clock_.now().value / 1000;
  if (second != share.second) share.recorded = 0;
  share.second = second;
  if (share.recorded == kFailedLoginsASecond) {
    ++share.left_out;
    return std::nullopt;
  }
  ++share.recorded;
  return std::exchange(share.left_out, 0);
}

void FailedLogins::record(std::string_view door, const http::Request& request, UniqueFunction<void(const Result<void>&)> done) {
  const bool shown = request.headers.count("Authorization") > 0 || request.headers.count("Signature") > 0;
  const auto left_out = take(shown);
  if (!left_out) return done(Result<void>());
  vault::AuditEntry entry;
  entry.kind = vault::AuditKind::failed_login;
  entry.outcome = vault::AuditOutcome::refused;
  entry.actor = "unknown";
  entry.details = std::string(R"({"door":")").append(door) + R"(","credential":")" + (shown ? "refused" : "none") + R"(","leftOut":)" +
                  std::to_string(*left_out) + '}';
  audit_.append(std::move(entry), [done = std::move(done)](const Result<vault::Recorded>& recorded) mutable {
    done(recorded ? Result<void>() : tl::make_unexpected(recorded.error()));
  });
}

void refuse_login(FailedLogins& logins, std::string_view door, const http::Request& request, http::Response answer,
                  http::Responder respond) {
  logins.record(door, request, [answer = std::move(answer), respond = std::move(respond)](const Result<void>& recorded) mutable {
    respond(recorded ? std::move(answer) : http::problem(recorded.error()));
  });
}

}  // namespace careledger::edge::auth
