// How a node serves: addresses, TLS, limits, logs. Every value has its default here and its bounds where it is used.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "edge/http/server.h"
#include "edge/ops/log.h"
#include "edge/ops/telemetry.h"

namespace careledger::apps {

struct ServeConfig {
  std::string address = "127.0.0.1";  // of every endpoint; not loopback needs a certificate
  std::string certificate_file;       // PEM chain; with key_file
  std::string key_file;               // PEM
  std::string members_file;           // PEM: authorities, or certificates, of other members' endpoints; empty: certificate_file
  std::vector<std::string> cors_origins;
  bool any_port = false;  // the system chooses every port, whatever careledger.json says
  std::size_t io_threads = 2;
  std::size_t worker_threads = 4;
  std::size_t worker_queue = 1024;
  std::string ready_file;  // written once everything answers
  edge::http::Limits limits;
  edge::ops::LogConfig log;
  edge::ops::AccessLog access_log = edge::ops::AccessLog::errors;
};

}  // namespace careledger::apps
