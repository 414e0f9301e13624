// The token in a search's "next" link: sealed, so that a client can neither read nor bend it, and bound to who got it.
// Thread-safety: pure functions.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::vault {

struct PageToken {
  Digest query;                // of the query the page belongs to
  std::uint64_t sequence = 0;  // the view all pages are read from
  std::string last;            // id of the last row given
  std::string principal;       // organisation, actor and role of who asked
  std::int64_t expires_ms = 0;
};

std::string seal_page_token(const PageToken& token, const crypto::Secret& key, Entropy& entropy);  // base64url
// malformed when forged, bent, another principal's or query's, or expired: all answer alike.
Result<PageToken> open_page_token(std::string_view text, const Digest& query, std::string_view principal, BlockTime now,
                                  const crypto::Secret& key);

}  // namespace careledger::vault
