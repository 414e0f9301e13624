#include "edge/http/tls.h"

#include <openssl/ssl.h>

#include <array>
#include <filesystem>

namespace careledger::edge::http {

namespace {

using boost::system::error_code;

constexpr std::array<unsigned char, 9> kProtocols{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  const int code = SSL_select_next_proto(&chosen, out_size, kProtocols.data(), kProtocols.size(), in, in_size);
  *out = chosen;
  return code == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<void> check_file(const std::string& path, const char* what) {
  std::error_code ec;
  if (!std::filesystem::is_regular_file(path, ec)) return fail(ErrorKind::not_found, std::string(what) + " " + path + ": no such file");
  return {};
}

std::shared_ptr<TlsContext> fresh(TlsContext::method method) {
  auto context = std::make_shared<TlsContext>(method);
  auto* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps no 32 KiB of record buffers
  return context;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> server_tls(const std::string& certificate_file, const std::string& key_file) {
  CARELEDGER_CHECK(check_file(certificate_file, "certificate"));
  CARELEDGER_CHECK(check_file(key_file, "private key"));
  auto context = fresh(TlsContext::tls_server);
  auto* const native = context->native_handle();
  error_code ec;
  context->use_certificate_chain_file(certificate_file, ec);
  if (ec) return fail(ErrorKind::malformed, "certificate " + certificate_file + ": not a PEM certificate chain");
  context->use_private_key_file(key_file, TlsContext::pem, ec);
  if (ec) return fail(ErrorKind::malformed, "private key " + key_file + ": not a PEM key, or not of this certificate");
  if (SSL_CTX_check_private_key(native) != 1) return fail(ErrorKind::invalid, "private key " + key_file + " is not of this certificate");
  constexpr std::array<unsigned char, 10> kSession{'c', 'a', 'r', 'e', 'l', 'e', 'd', 'g', 'e', 'r'};
  SSL_CTX_set_session_id_context(native, kSession.data(), kSession.size());
  SSL_CTX_set_num_tickets(native, 1);  // resumption spares the handshake's signature
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  return context;
}

Result<std::shared_ptr<TlsContext>> client_tls(const std::string& trust_file) {
  CARELEDGER_CHECK(check_file(trust_file, "trusted certificate"));
  auto context = fresh(TlsContext::tls_client);
  error_code ec;
  context->load_verify_file(trust_file, ec);
  if (ec) return fail(ErrorKind::malformed, "trusted certificate " + trust_file + ": not a PEM certificate");
  auto* const native = context->native_handle();
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(native), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(native, kProtocols.data(), kProtocols.size());
  return context;
}

}  // namespace careledger::edge::http
