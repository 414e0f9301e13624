// Logins that failed, in the audit map: whichever door they came to, and never more of them than the map can bear.
//
// One for all the doors of an organisation. Those that showed a credential that does not hold and those that showed none have a share of
// kFailedLoginsASecond each, so that nobody can hide guesses behind a flood of empty requests. What is over the share is not lost: the
// next entry says how many were left out.
//
// Thread-safety: any thread. Audit map and clock are borrowed.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/function.h"
#include "edge/http/message.h"
#include "vault/audit.h"

namespace careledger::edge::auth {

inline constexpr std::uint32_t kFailedLoginsASecond = 20;

class FailedLogins {
 public:
  FailedLogins(vault::AuditMap& audit, const Clock& clock) : audit_(audit), clock_(clock) {}

  // Records it under nobody, as {"door":"patient","credential":"none" or "refused","leftOut":n}. `door` is a plain word. `done` runs once:
  // at once when this one is left out, else when it is durable, with the error when it could not be recorded. It may run on the audit
  // map's thread: keep it short.
  void record(std::string_view door, const http::Request& request, UniqueFunction<void(const Result<void>&)> done);

 private:
  struct Share {
    std::int64_t second = 0;
    std::uint32_t recorded = 0;  // in that second
    std::uint64_t left_out = 0;  // since the last that was recorded
  };
  std::optional<std::uint64_t> take(bool shown);  // how many were left out before this one; nullopt: this one is left out too

  vault::AuditMap& audit_;
  const Clock& clock_;
  std::mutex mutex_;
  std::array<Share, 2> shares_{};  // without a credential, with one that does not hold
};

// Records it and answers then: `answer`, or a problem when it could not be recorded.
void refuse_login(FailedLogins& logins, std::string_view door, const http::Request& request, http::Response answer,
                  http::Responder respond);

}  // namespace careledger::edge::auth
