// A whole node (embedded ledger, vault, audit, HTTP over TLS 1.3) in a process of its own, so that nothing of the benchmark's memory counts
// as the node's and that it can be killed. The process is this very program, started again.
//
//   int main(int argc, char** argv) {
//     if (is_node_process(argc, argv)) return run_node_process(argv);
//     const Place place = make_place();
//     NodeProcess node(place);  // the ledger is made the first time
//
// Thread-safety: call() and target() from any thread; the rest from one. Whatever fails ends the benchmark.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "bench/load.h"
#include "edge/http/client.h"

namespace careledger::bench {

struct Place {  // a folder with a certificate and a node's data
  std::string folder;
  std::string data() const { return folder + "/data"; }
  std::string certificate() const { return folder + "/certificate.pem"; }
  std::string key() const { return folder + "/key.pem"; }
};
Place make_place();

bool is_node_process(int argc, char** argv);
int run_node_process(char** argv);  // until SIGTERM; the exit code of main

class NodeProcess {
 public:
  explicit NodeProcess(const Place& place);  // returns when it answers
  ~NodeProcess() { stop(); }
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;

  void stop();  // SIGTERM, and waits for the end
  void kill();  // SIGKILL, and waits for the end
  double peak_mebibytes() const;
  double bytes_read() const;  // from files, since its start
  std::unique_ptr<edge::http::Client> client() const;
  // An answer of 300 and above ends the benchmark.
  edge::http::Response call(edge::http::Client& client, edge::http::Method method, const std::string& target, std::string body = {}) const;
  Result<edge::http::Response> try_call(edge::http::Client& client, edge::http::Method method, const std::string& target,
                                        std::string body = {}) const;
  LoadTarget target(std::vector<std::string> paths) const;

 private:
  void end(int signal);
  const Place& place_;
  pid_t child_ = 0;
  std::string origin_;
  std::string token_;
};

}  // namespace careledger::bench
