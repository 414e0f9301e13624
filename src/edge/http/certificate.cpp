#include "edge/http/certificate.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "crypto/openssl_owner.h"

namespace careledger::edge::http {

namespace {

using crypto::Freer;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using Output = std::unique_ptr<BIO, Freer<BIO_free_all>>;

bool is_ip(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") == std::string::npos;
}

bool extend(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool describe(X509* certificate, EVP_PKEY* key, const std::vector<std::string>& names, std::chrono::days life, BlockTime now) {
  std::array<unsigned char, 16> serial{};
  if (RAND_bytes(serial.data(), serial.size()) != 1) return false;
  serial[0] &= 0x7f;
  const std::unique_ptr<BIGNUM, Freer<BN_free>> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
  const auto seconds = static_cast<std::time_t>(now.value / 1000);
  X509_time_adj_ex(X509_getm_notBefore(certificate), -1, 0, const_cast<std::time_t*>(&seconds));  // NOLINT: reads only
  X509_time_adj_ex(X509_getm_notAfter(certificate), static_cast<int>(life.count()), 0, const_cast<std::time_t*>(&seconds));
  auto* const subject = X509_get_subject_name(certificate);
  const auto* const common = reinterpret_cast<const unsigned char*>(names[0].data());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, common, static_cast<int>(names[0].size()), -1, 0);
  std::string alternative;
  for (const auto& name : names) alternative += (alternative.empty() ? "" : ",") + std::string(is_ip(name) ? "IP:" : "DNS:") + name;
  return X509_set_version(certificate, 2) == 1 && X509_set_issuer_name(certificate, subject) == 1 &&
         X509_set_pubkey(certificate, key) == 1 && extend(certificate, NID_subject_alt_name, alternative) &&
         extend(certificate, NID_basic_constraints, "critical,CA:FALSE") && extend(certificate, NID_ext_key_usage, "serverAuth") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string text_of(BIO* output) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(output, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

Result<CertificatePair> self_signed(const std::vector<std::string>& names, std::chrono::days life, BlockTime now) {
  if (names.empty() || names.size() > 16) return fail(ErrorKind::invalid, "a certificate takes 1 to 16 names");
  for (const auto& name : names) {
    if (!is_plain_name(name)) return fail(ErrorKind::invalid, "not a DNS name or IP address: " + name);
  }
  if (life.count() < 1 || life.count() > 3650) return fail(ErrorKind::invalid, "a certificate lives 1 to 3650 days");
  std::array<char, 6> curve{'P', '-', '2', '5', '6', '\0'};  // the library asks for a char* that it does not write to
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve.data()));
  const Certificate certificate(X509_new());
  const Output key_out(BIO_new(BIO_s_mem()));
  const Output certificate_out(BIO_new(BIO_s_mem()));
  const bool made = key && certificate && key_out && certificate_out && describe(certificate.get(), key.get(), names, life, now) &&
                    PEM_write_bio_X509(certificate_out.get(), certificate.get()) == 1 &&
                    PEM_write_bio_PKCS8PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  if (!made) return fail(ErrorKind::unavailable, "the certificate could not be made");
  return CertificatePair{text_of(certificate_out.get()), text_of(key_out.get())};
}

}  // namespace careledger::edge::http
