#include "edge/http/readiness.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <list>

#include "edge/http/server_state.h"
#include "edge/http/tls.h"

namespace careledger::edge::http {

namespace {

// An address of the machine itself, as an engine takes it that is told a name: the first, of those of IPv4 before the others.
Result<Tcp::endpoint> place_of(asio::io_context& io, const ListenPlace& place) {
  boost::system::error_code error;
  Tcp::resolver resolver(io);
  const auto found = resolver.resolve(place.host, std::to_string(place.port), Tcp::resolver::numeric_service, error);
  if (error || found.empty()) return fail(ErrorKind::unavailable, place.host + " is no address that is known here: " + error.message());
  const auto four = std::ranges::find_if(found, [](const auto& one) { return one.endpoint().address().is_v4(); });
  return four != found.end() ? four->endpoint() : found.begin()->endpoint();
}

bool is_of_host(X509* certificate, const std::string& host) {
  const int literal = X509_check_ip_asc(certificate, host.c_str(), 0);
  return literal == -2 ? X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1 : literal == 1;  // -2: a name
}

}  // namespace

Result<void> check_certificate(const std::string& certificate_file, const std::string& key_file, const std::string& host, BlockTime now) {
  CARELEDGER_TRY(const auto context, server_tls(certificate_file, key_file));
  X509* const certificate = SSL_CTX_get0_certificate(context->native_handle());
  std::time_t seconds = now.value / 1000;
  if (X509_cmp_time(X509_get0_notBefore(certificate), &seconds) > 0)
    return fail(ErrorKind::invalid, "certificate " + certificate_file + " does not hold yet");
  if (X509_cmp_time(X509_get0_notAfter(certificate), &seconds) < 0)
    return fail(ErrorKind::invalid, "certificate " + certificate_file + " has expired");
  if (!is_of_host(certificate, host)) return fail(ErrorKind::invalid, "certificate " + certificate_file + " is not of " + host);
  return {};
}

Result<void> check_trusted(const std::string& trust_file) {
  CARELEDGER_TRY(const auto context, client_tls(trust_file));
  return {};
}

Result<void> try_listening(const std::vector<ListenPlace>& places) {
  asio::io_context io;
  std::list<TcpAcceptor> held;
  for (const ListenPlace& place : places) {
    CARELEDGER_TRY(const Tcp::endpoint endpoint, place_of(io, place));
    CARELEDGER_CHECK(listen(held.emplace_back(io.get_executor()), endpoint));
  }
  return {};
}

}  // namespace careledger::edge::http
