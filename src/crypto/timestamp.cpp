#include "crypto/timestamp.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include "base/assert.h"
#include "crypto/bytes_cast.h"
#include "crypto/hash.h"
#include "crypto/openssl_owner.h"

namespace careledger::crypto {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using Stream = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;

void free_extensions(STACK_OF(X509_EXTENSION) * all) { sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free); }
void free_stack(STACK_OF(X509) * all) { sk_X509_free(all); }  // not what stands in it

constexpr std::size_t kSealedKeySize = 32;
constexpr std::size_t kPointSize = 65;  // uncompressed
constexpr std::size_t kChainMax = 8;
constexpr std::size_t kNameMax = 64;  // ub-organization-name of X.520
// Under 2.25, where everybody may make an identifier of a UUID: "a checkpoint of the ledger's log, at the time of its node".
constexpr const char* kPolicy = "2.25.69716560024171687767963248380997425588";
constexpr std::array<std::pair<int, const char*>, 3> kUsage{{{NID_basic_constraints, "critical,CA:FALSE"},
                                                             {NID_key_usage, "critical,digitalSignature"},
                                                             {NID_ext_key_usage, "critical,timeStamping"}}};

// What OpenSSL leaves in its queue of errors would be taken for one of the next connection that this thread serves.
struct ForgetErrors {
  ForgetErrors() = default;
  ~ForgetErrors() { ERR_clear_error(); }
  ForgetErrors(const ForgetErrors&) = delete;
  ForgetErrors& operator=(const ForgetErrors&) = delete;
};

bool is_number_of_curve(const EC_GROUP* curve, const BIGNUM* number) {
  return BN_is_zero(number) == 0 && BN_cmp(number, EC_GROUP_get0_order(curve)) < 0;
}

const EC_GROUP* p256() {
  static const std::unique_ptr<EC_GROUP, Freer<EC_GROUP_free>> curve(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  CARELEDGER_ASSERT(curve != nullptr);
  return curve.get();
}

// The public point follows from the number, so that a certificate for another key shows.
bool public_point(const BIGNUM* number, std::array<unsigned char, kPointSize>& bytes) {
  const std::unique_ptr<EC_POINT, Freer<EC_POINT_free>> point(EC_POINT_new(p256()));
  return point && EC_POINT_mul(p256(), point.get(), number, nullptr, nullptr, nullptr) == 1 &&
         EC_POINT_point2oct(p256(), point.get(), POINT_CONVERSION_UNCOMPRESSED, bytes.data(), bytes.size(), nullptr) == bytes.size();
}

Result<Key> key_of(const Secret& secret) {
  const Number number(BN_bin2bn(in(secret.view()), static_cast<int>(secret.size()), nullptr));
  CARELEDGER_ASSERT(number != nullptr);
  if (secret.size() != kSealedKeySize || !is_number_of_curve(p256(), number.get()))
    return fail(ErrorKind::invalid, "this is not the key of a time-stamp authority");
  std::array<unsigned char, kPointSize> point{};
  Secret native(kSealedKeySize);  // as OSSL_PARAM wants a number
  std::array<char, 11> curve{"prime256v1"};
  const bool said = public_point(number.get(), point) &&
                    BN_bn2nativepad(number.get(), out(native.data()), static_cast<int>(native.size())) == static_cast<int>(native.size());
  std::array<OSSL_PARAM, 4> parameters{OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), 0),
                                       OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
                                       OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, out(native.data()), native.size()),
                                       OSSL_PARAM_construct_end()};
  const std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  const bool is_made = said && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                       EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, parameters.data()) == 1;
  Key key(made);
  CARELEDGER_ASSERT(is_made);
  return key;
}

Bytes text_of(BIO* stream) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(stream, &data);
  return Bytes(data, static_cast<std::size_t>(size));
}

// Cut between two characters.
std::string subject_name(const std::string& organisation) {
  std::size_t size = std::min(organisation.size(), kNameMax);
  while (size > 0 && size < organisation.size() && (static_cast<unsigned char>(organisation[size]) & 0xc0) == 0x80) --size;
  return organisation.substr(0, size);
}

bool set_subject(X509_NAME* subject, const std::string& organisation) {
  const std::string name = subject_name(organisation);
  const auto add = [subject](const char* part, std::string_view value) {
    return X509_NAME_add_entry_by_txt(subject, part, MBSTRING_UTF8, in(value), static_cast<int>(value.size()), -1, 0) == 1;
  };
  return add("O", name) && add("CN", "Time-stamp authority");
}

Extension extension_of(X509V3_CTX* context, const std::pair<int, const char*>& usage) {
  return Extension(X509V3_EXT_conf_nid(nullptr, context, usage.first, usage.second));
}

using Serial = std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>>;
Serial random_serial() {
  std::array<unsigned char, 16> bytes{};
  CARELEDGER_ASSERT(RAND_bytes(bytes.data(), bytes.size()) == 1);
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, and all 16 bytes long
  const Number number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return Serial(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

std::time_t seconds_of(BlockTime time) { return static_cast<std::time_t>(time.value / 1000); }

bool fill_certificate(X509* certificate, EVP_PKEY* key, const std::string& organisation, int days, BlockTime now) {
  std::time_t seconds = seconds_of(now);
  const Serial serial = random_serial();
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  bool done = X509_set_version(certificate, X509_VERSION_3) == 1 && X509_set_serialNumber(certificate, serial.get()) == 1 &&
              X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &seconds) != nullptr &&
              X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, &seconds) != nullptr &&
              set_subject(X509_get_subject_name(certificate), organisation) &&
              X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 && X509_set_pubkey(certificate, key) == 1;
  for (const auto& usage : kUsage) {
    const Extension extension = extension_of(&context, usage);
    done = done && extension && X509_add_ext(certificate, extension.get(), -1) == 1;
  }
  return done && X509_sign(certificate, key, EVP_sha256()) > 0;
}

bool fill_request(X509_REQ* request, EVP_PKEY* key, const std::string& organisation) {
  const std::unique_ptr<STACK_OF(X509_EXTENSION), Freer<free_extensions>> wanted(sk_X509_EXTENSION_new_null());
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, nullptr, nullptr, request, nullptr, 0);
  for (const auto& usage : kUsage) {
    Extension extension = extension_of(&context, usage);
    if (!extension || sk_X509_EXTENSION_push(wanted.get(), extension.get()) <= 0) return false;
    static_cast<void>(extension.release());
  }
  return X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 && set_subject(X509_REQ_get_subject_name(request), organisation) &&
         X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_add_extensions(request, wanted.get()) == 1 &&
         X509_REQ_sign(request, key, EVP_sha256()) > 0;
}

Result<std::vector<Certificate>> read_certificates(ByteView pem) {
  if (pem.size() > kTimestampCertificatesMax) return fail(ErrorKind::too_large, "the certificates of a time-stamp authority: too long");
  const Stream stream(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CARELEDGER_ASSERT(stream != nullptr);
  std::vector<Certificate> chain;
  while (auto* const one = PEM_read_bio_X509(stream.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(one);
    if (chain.size() > kChainMax) return fail(ErrorKind::too_large, "the certificates of a time-stamp authority: at most 8");
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE || chain.empty())
    return fail(ErrorKind::invalid, "the certificates of the time-stamp authority do not read: expected PEM, its own first");
  return chain;
}

using Request = std::unique_ptr<TS_REQ, Freer<TS_REQ_free>>;
// A request as somebody outside would send it, and the certificates asked for.
Request request_for(ByteView data) {
  const Digest digest = sha256(data);
  Request request(TS_REQ_new());
  const std::unique_ptr<TS_MSG_IMPRINT, Freer<TS_MSG_IMPRINT_free>> imprint(TS_MSG_IMPRINT_new());
  const std::unique_ptr<X509_ALGOR, Freer<X509_ALGOR_free>> algorithm(X509_ALGOR_new());
  CARELEDGER_ASSERT(request && imprint && algorithm);
  Bytes bytes = digest.bytes();
  const bool made = X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_sha256), V_ASN1_NULL, nullptr) == 1 &&
                    TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get()) == 1 &&
                    TS_MSG_IMPRINT_set_msg(imprint.get(), out(bytes.data()), static_cast<int>(bytes.size())) == 1 &&
                    TS_REQ_set_version(request.get(), 1) == 1 && TS_REQ_set_msg_imprint(request.get(), imprint.get()) == 1 &&
                    TS_REQ_set_cert_req(request.get(), 1) == 1;
  CARELEDGER_ASSERT(made);
  return request;
}

ASN1_INTEGER* next_serial(TS_resp_ctx* /*context*/, void* /*data*/) { return random_serial().release(); }
int time_of(TS_resp_ctx* /*context*/, void* data, long* seconds, long* microseconds) {
  *seconds = static_cast<long>(*static_cast<const std::time_t*>(data));
  *microseconds = 0;
  return 1;
}

}  // namespace

struct TimestampAuthority::State {
  Key key;
  std::vector<Certificate> chain;  // its own first
};

TimestampAuthority::TimestampAuthority(std::unique_ptr<State> state) : state_(std::move(state)) {}
TimestampAuthority::TimestampAuthority(TimestampAuthority&&) noexcept = default;
TimestampAuthority& TimestampAuthority::operator=(TimestampAuthority&&) noexcept = default;
TimestampAuthority::~TimestampAuthority() = default;

Secret make_timestamp_key(Entropy& entropy) {
  for (;;) {  // ends: one in four thousand million is out of range (FIPS 186-5, A.2.2)
    Secret key = Secret::random(entropy, kSealedKeySize);
    const Number number(BN_bin2bn(in(key.view()), static_cast<int>(key.size()), nullptr));
    CARELEDGER_ASSERT(number != nullptr);
    if (is_number_of_curve(p256(), number.get())) return key;
  }
}

Result<Bytes> timestamp_certificate(const Secret& key, const std::string& organisation, int days, BlockTime now) {
  const ForgetErrors forget;
  if (days < 1 || days > kTimestampDaysMax)
    return fail(ErrorKind::invalid, "a time-stamp authority's certificate lives 1 to " + std::to_string(kTimestampDaysMax) + " days");
  CARELEDGER_TRY(const Key pair, key_of(key));
  const Certificate certificate(X509_new());
  const Stream text(BIO_new(BIO_s_mem()));
  const bool made = certificate && text && fill_certificate(certificate.get(), pair.get(), organisation, days, now) &&
                    PEM_write_bio_X509(text.get(), certificate.get()) == 1;
  if (!made) return fail(ErrorKind::invalid, "the certificate of the time-stamp authority could not be made");
  return text_of(text.get());
}

Result<Bytes> timestamp_request(const Secret& key, const std::string& organisation) {
  const ForgetErrors forget;
  CARELEDGER_TRY(const Key pair, key_of(key));
  const std::unique_ptr<X509_REQ, Freer<X509_REQ_free>> request(X509_REQ_new());
  const Stream text(BIO_new(BIO_s_mem()));
  const bool made =
      request && text && fill_request(request.get(), pair.get(), organisation) && PEM_write_bio_X509_REQ(text.get(), request.get()) == 1;
  if (!made) return fail(ErrorKind::invalid, "the request for the time-stamp authority could not be made");
  return text_of(text.get());
}

Result<TimestampAuthority> TimestampAuthority::open(const Secret& key, ByteView certificates) {
  const ForgetErrors forget;
  auto state = std::make_unique<State>();
  CARELEDGER_TRY(state->key, key_of(key));
  CARELEDGER_TRY(state->chain, read_certificates(certificates));
  X509* const own = state->chain.front().get();
  if (X509_check_private_key(own, state->key.get()) != 1)
    return fail(ErrorKind::invalid, "the certificate is for another key than this time-stamp authority's: make one with its request");
  if (X509_check_purpose(own, X509_PURPOSE_TIMESTAMP_SIGN, 0) != 1)
    return fail(ErrorKind::invalid,
                "the certificate is not for time stamps: RFC 3161 wants the extended key usage timeStamping, critical, and no other");
  return TimestampAuthority(std::move(state));
}

Bytes TimestampAuthority::certificates() const {
  const Stream text(BIO_new(BIO_s_mem()));
  CARELEDGER_ASSERT(text != nullptr);
  for (const Certificate& one : state_->chain) CARELEDGER_ASSERT(PEM_write_bio_X509(text.get(), one.get()) == 1);
  return text_of(text.get());
}

Result<Bytes> TimestampAuthority::stamp(ByteView data, BlockTime now) const {
  const ForgetErrors forget;
  X509* const own = state_->chain.front().get();
  std::time_t seconds = seconds_of(now);
  if (X509_cmp_time(X509_get0_notBefore(own), &seconds) > 0 || X509_cmp_time(X509_get0_notAfter(own), &seconds) < 0)
    return fail(ErrorKind::precondition, "the time-stamp authority's certificate does not hold now: renew it, or set the clock");
  const std::unique_ptr<STACK_OF(X509), Freer<free_stack>> others(sk_X509_new_null());
  for (std::size_t i = 1; i < state_->chain.size(); ++i) sk_X509_push(others.get(), state_->chain[i].get());
  const std::unique_ptr<ASN1_OBJECT, Freer<ASN1_OBJECT_free>> policy(OBJ_txt2obj(kPolicy, 1));
  const std::unique_ptr<TS_RESP_CTX, Freer<TS_RESP_CTX_free>> context(TS_RESP_CTX_new());
  TS_RESP_CTX* const issuer = context.get();
  const bool ready = others && policy && issuer != nullptr && TS_RESP_CTX_set_signer_cert(issuer, own) == 1 &&
                     TS_RESP_CTX_set_signer_key(issuer, state_->key.get()) == 1 &&
                     TS_RESP_CTX_set_signer_digest(issuer, EVP_sha256()) == 1 &&
                     TS_RESP_CTX_set_ess_cert_id_digest(issuer, EVP_sha256()) == 1 &&
                     TS_RESP_CTX_set_def_policy(issuer, policy.get()) == 1 && TS_RESP_CTX_add_md(issuer, EVP_sha256()) == 1 &&
                     TS_RESP_CTX_set_accuracy(issuer, 1, 0, 0) == 1 && TS_RESP_CTX_set_certs(issuer, others.get()) == 1;
  CARELEDGER_ASSERT(ready);
  TS_RESP_CTX_set_serial_cb(issuer, next_serial, nullptr);
  TS_RESP_CTX_set_time_cb(issuer, time_of, &seconds);
  const Stream asked(BIO_new(BIO_s_mem())), answered(BIO_new(BIO_s_mem()));
  CARELEDGER_ASSERT(asked && answered && i2d_TS_REQ_bio(asked.get(), request_for(data).get()) == 1);
  const std::unique_ptr<TS_RESP, Freer<TS_RESP_free>> response(TS_RESP_create_response(issuer, asked.get()));
  if (!response || ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response.get()))) != TS_STATUS_GRANTED)
    return fail(ErrorKind::unavailable, "the time stamp could not be issued");
  CARELEDGER_ASSERT(i2d_TS_RESP_bio(answered.get(), response.get()) == 1);
  return text_of(answered.get());
}

}  // namespace careledger::crypto
