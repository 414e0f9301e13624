// TLS contexts: 1.3 only, certificates from files. Inside http/ only.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/result.h"

namespace careledger::edge::http {

using TlsContext = boost::asio::ssl::context;

// not_found, malformed: certificate chain or key; invalid: they do not belong together.
Result<std::shared_ptr<TlsContext>> server_tls(const std::string& certificate_file, const std::string& key_file);
// Trusts the certificates in `trust_file` (PEM) and nothing else; a server's own certificate may stand there.
Result<std::shared_ptr<TlsContext>> client_tls(const std::string& trust_file);

}  // namespace careledger::edge::http
