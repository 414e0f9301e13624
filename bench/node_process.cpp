#include "bench/node_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "apps/founding.h"
#include "apps/node.h"
#include "base/assert.h"
#include "bench/common.h"
#include "edge/http/certificate.h"

namespace careledger::bench {
namespace {

namespace http = edge::http;

constexpr const char* kServe = "--serve-node";

std::string loaders_token(apps::Organisation& organisation) {
  const auto key = need(organisation.keys().signing(vault::Purpose::access_token));
  edge::auth::Principal principal;
  principal.organisation = organisation.config().id;
  principal.actor = "Device/loader";
  principal.role = edge::auth::Role::system;
  return need(edge::auth::issue_token(key, principal, std::chrono::seconds(3600), system_clock(), system_entropy()));
}

}  // namespace

Place make_place() {
  Place place{make_folder("node")};
  const auto pair = need(http::self_signed({"127.0.0.1"}, std::chrono::days(1), system_clock().now()));
  std::ofstream(place.certificate()) << pair.certificate;
  std::ofstream(place.key()) << pair.key;
  return place;
}

bool is_node_process(int argc, char** argv) { return argc == 4 && std::string(argv[1]) == kServe; }

int run_node_process(char** argv) {
  const Place place{argv[2]};
  const int ready = std::atoi(argv[3]);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const apps::Layout layout = apps::layout_of(place.data());
  if (!std::filesystem::exists(layout.config())) {
    apps::NewLedger order;
    order.organisations = {{"North Hospital", "hospital", 0}};
    need(apps::found_ledger(layout, order, system_clock(), system_entropy(), {}));
  }
  const auto node = need(apps::Node::open(layout, {}, system_clock(), system_entropy()));
  apps::ServeConfig config;
  config.certificate_file = place.certificate();
  config.key_file = place.key();
  config.any_port = true;
  need(node->serve(config));
  apps::Organisation& north = *node->organisations().front();
  const std::string line = north.origin() + ' ' + loaders_token(north) + '\n';
  CARELEDGER_ASSERT(::write(ready, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  int signal = 0;
  ::sigwait(&signals, &signal);
  node->stop();
  return 0;
}

NodeProcess::NodeProcess(const Place& place) : place_(place) {
  int pipe[2];
  CARELEDGER_ASSERT(::pipe(pipe) == 0);
  const std::string ready = std::to_string(pipe[1]);
  child_ = ::fork();
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a benchmark that is broken off leaves no node behind
    ::close(pipe[0]);
    ::execl("/proc/self/exe", "node", kServe, place.folder.c_str(), ready.c_str(), static_cast<char*>(nullptr));
    ::_exit(1);
  }
  ::close(pipe[1]);
  std::string line;
  for (char c = 0; ::read(pipe[0], &c, 1) == 1 && c != '\n';) line += c;
  ::close(pipe[0]);
  const auto blank = line.find(' ');
  if (blank == std::string::npos) give_up("the node did not start");
  origin_ = line.substr(0, blank);
  token_ = line.substr(blank + 1);
}

void NodeProcess::end(int signal) {
  if (child_ == 0) return;
  ::kill(child_, signal);
  ::waitpid(child_, nullptr, 0);
  child_ = 0;
}
void NodeProcess::stop() { end(SIGTERM); }
void NodeProcess::kill() { end(SIGKILL); }

double NodeProcess::peak_mebibytes() const { return kept_by_system(child_, "status", "VmHWM:") / 1024; }
double NodeProcess::bytes_read() const { return kept_by_system(child_, "io", "rchar:"); }

std::unique_ptr<http::Client> NodeProcess::client() const {
  http::ClientConfig config;
  config.origin = origin_;
  config.trust_file = place_.certificate();
  config.answer_time = std::chrono::minutes(5);
  return need(http::Client::make(config));
}

Result<http::Response> NodeProcess::try_call(http::Client& client, http::Method method, const std::string& target, std::string body) const {
  auto request = http::make_request(method, target, std::move(body), "application/fhir+json");
  request.headers.set("Authorization", "Bearer " + token_);
  return client.call(request);
}

http::Response NodeProcess::call(http::Client& client, http::Method method, const std::string& target, std::string body) const {
  http::Response answer = need(try_call(client, method, target, std::move(body)));
  if (answer.status >= 300) give_up(std::to_string(answer.status) + ' ' + answer.body.substr(0, 500));
  return answer;
}

LoadTarget NodeProcess::target(std::vector<std::string> paths) const {
  return {static_cast<std::uint16_t>(std::atoi(origin_.c_str() + origin_.rfind(':') + 1)), std::move(paths),
          "Authorization: Bearer " + token_ + "\r\n"};
}

}  // namespace careledger::bench
