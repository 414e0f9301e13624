// What the server refuses by itself, in the form that an interface promises for its paths.
#include "edge/http/server.h"
#include "edge/http/test_support.h"

namespace careledger::edge::http {
namespace {

// Status and body of what comes back before the server closes.
std::pair<int, std::string> refusal_of(std::uint16_t port, const std::string& bytes) {
  testing::RawSocket socket(port);
  socket.send(bytes);
  const std::string said = socket.to_end();
  EXPECT_FALSE(socket.timed_out());
  const auto end = said.find("\r\n\r\n");
  return {testing::status_of(said), end == std::string::npos ? said : said.substr(end + 4)};
}

TEST(RefusalForm, IsKeptBelowItsPathAndNowhereElse) {
  ServerConfig config;
  config.refusal = {"/fhir", [](int status, std::string_view title) { return text(status, "form: " + std::string(title)); }};
  const testing::TestClock clock;
  IoThreads threads{1, clock};
  testing::FunctionHandler handler{[](const Request&, Responder respond) { respond(text(200, "handled")); }};
  const auto server = Server::start(threads, config, handler);
  ASSERT_TRUE(server) << server.error().message;
  const std::string host = " HTTP/1.1\r\nHost: x\r\n";
  const std::vector<std::pair<std::string, int>> requests{
      {"GET /fhir/Patient?x=" + std::string(9000, 'a') + host + "\r\n", 414},
      {"GET /fhir/" + std::string(20000, 'a') + host + "\r\n", 414},
      {"GET /fhir/%zz" + host + "\r\n", 400},
      {"FOO /fhir" + host + "\r\n", 501},
      {"POST /fhir/Patient" + host + "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415},
      {"POST /fhir/Patient" + host + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone", 400},
      {"GET /fhir?x" + host + "A: " + std::string(17000, 'a') + "\r\n\r\n", 431}};
  for (const auto& [request, status] : requests) {
    const auto [got, body] = refusal_of((*server)->port(), request);
    EXPECT_EQ(got, status) << request.substr(0, 40);
    EXPECT_TRUE(body.starts_with("form: ")) << request.substr(0, 40) << ' ' << body;
  }
  EXPECT_TRUE(refusal_of((*server)->port(), "FOO /fhirs" + host + "\r\n").second.starts_with("{")) << "another path: a problem document";
}

}  // namespace
}  // namespace careledger::edge::http
