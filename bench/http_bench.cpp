// What the HTTP server alone costs: requests a second of a handler that answers 1.2 KB at once, plain and over TLS 1.3, with wrk as load
// on the same cores; with and without a token to authenticate.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "bench/figures.h"
#include "crypto/sign.h"
#include "edge/auth/token.h"
#include "edge/http/certificate.h"
#include "edge/http/server.h"

namespace careledger::bench {
namespace {

namespace http = edge::http;

class Trivial : public http::Handler {
 public:
  explicit Trivial(const edge::auth::Authenticator* authenticator) : authenticator_(authenticator) {}
  void handle(http::Request request, http::Responder respond) override {
    if (authenticator_ != nullptr) {
      if (const auto principal = authenticator_->authenticate(request); !principal) return respond(edge::auth::refusal(principal.error()));
    }
    http::Response response;
    response.headers.add("Content-Type", "application/fhir+json; charset=utf-8");
    response.headers.add("ETag", "W/\"1\"");
    response.shared_body = body_;
    respond(std::move(response));
  }

 private:
  const edge::auth::Authenticator* authenticator_;
  std::shared_ptr<const std::string> body_ = std::make_shared<const std::string>(1200, 'x');
};

// "Requests/sec:  12345.67" or "99%    1.23ms" from wrk's report.
double after(const std::string& report, const std::string& label) {
  const auto at = report.find(label);
  if (at == std::string::npos) return 0;
  std::size_t end = 0;
  const double value = std::stod(report.substr(at + label.size()), &end);
  const auto unit = report.substr(at + label.size() + end, 2);
  return unit == "us" ? value / 1000 : unit.starts_with("s") ? value * 1000 : value;
}

std::string run_wrk(const std::string& origin, const std::string& token) {
  std::string command = "wrk -t1 -c16 -d4s --latency ";
  if (!token.empty()) command += "-H 'Authorization: Bearer " + token + "' ";
  command += origin + "/Patient/1 2>&1";
  std::string report;
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return report;
  std::array<char, 4096> piece;
  while (std::fgets(piece.data(), piece.size(), pipe) != nullptr) report += piece.data();
  ::pclose(pipe);
  return report;
}

void measure(const std::string& name, http::ServerConfig config, const edge::auth::Authenticator* authenticator, const std::string& token,
             std::vector<Figure>& figures) {
  http::IoThreads threads(2, system_clock());
  Trivial handler(authenticator);
  auto server = http::Server::start(threads, std::move(config), handler);
  if (!server) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), server.error().message.c_str());
    return;
  }
  const auto report = run_wrk((*server)->origin(), token);
  if (report.find("Non-2xx") != std::string::npos || report.find("Requests/sec") == std::string::npos) {
    std::fprintf(stderr, "%s: wrk says\n%s\n", name.c_str(), report.c_str());
    return;
  }
  figures.push_back({"http." + name, after(report, "Requests/sec:"), "1/s", {}, {}, true});
  figures.push_back({"http." + name + ".p99", after(report, "99%"), "ms", {}, {}, true});
}

int run(int argc, char** argv) {
  std::string folder = std::filesystem::temp_directory_path() / "careledger-http-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const auto pair = http::self_signed({"127.0.0.1"}, std::chrono::days(1), system_clock().now());
  if (!pair) return 1;
  http::ServerConfig tls;
  tls.certificate_file = folder + "/certificate.pem";
  tls.key_file = folder + "/key.pem";
  std::ofstream(tls.certificate_file) << pair->certificate;
  std::ofstream(tls.key_file) << pair->key;
  const auto key = crypto::SigningKey::generate(system_entropy());
  edge::auth::Principal principal;
  principal.actor = "Practitioner/1";
  const edge::auth::Authenticator authenticator(principal.organisation, {key.public_key()}, system_clock());
  const auto token = edge::auth::issue_token(key, principal, std::chrono::seconds(3600), system_clock(), system_entropy());
  if (!token) return 1;
  std::vector<Figure> figures;
  measure("plain", {}, nullptr, "", figures);
  measure("tls", tls, nullptr, "", figures);
  measure("tls_token", tls, &authenticator, *token, figures);
  std::filesystem::remove_all(folder);
  return report(figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) { return careledger::bench::run(argc, argv); }
