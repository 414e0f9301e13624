// A self-signed certificate for machines that have none: demos, tests, and organisations that trust each other's certificate files.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace careledger::edge::http {

struct CertificatePair {
  std::string certificate;  // PEM
  std::string key;          // PEM, PKCS #8, unencrypted: the caller keeps it unreadable for others
};

// ECDSA on P-256, valid from one day before `now`. `names`: DNS names or IP literals, the first also as common name; 1 to 16 of them.
Result<CertificatePair> self_signed(const std::vector<std::string>& names, std::chrono::days life, BlockTime now);

}  // namespace careledger::edge::http
