#include "edge/http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "edge/http/chunked.h"
#include "edge/http/gzip.h"

namespace careledger::edge::http {

namespace beast = boost::beast;
using beast::error_code;

namespace {

constexpr std::size_t kReserveMax = 1024 * 1024;  // of a body before as many of its bytes have come: a claim alone costs nobody memory

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// Receives what the library's parser finds and puts it where it belongs. A limit that breaks sets `refusal` and stops the parser.
class Parser final : public beast::http::basic_parser<true> {
 public:
  Parser(const Limits& limits, BodyBudget& budget) : limits_(limits), budget_(budget) {
    header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    body_limit(limits.body_bytes);
    eager(false);
    request.headers.reserve(12, 512);
  }
  ~Parser() override { budget_.give(charged_); }

  Request request;
  RequestReader::Refusal refusal;
  std::uint64_t received = 0;
  bool head_done = false;
  bool expects_continue = false;
  bool http10 = false;

 private:
  void stop(int status, std::string title, error_code& ec) {
    refusal = {status, std::move(title)};
    ec = beast::http::error::bad_value;
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version, error_code& ec) override {
    http10 = version == 10;
    request.method = method_of(view(method));
    request.target = view(target.substr(0, limits_.target_bytes));
    if (target.size() > limits_.target_bytes) return stop(414, "the request target is too long", ec);
  }

  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error_code& ec) override {
    if (head_done) return;  // a trailer: nothing that we use may come there
    if (request.headers.size() == limits_.header_fields) return stop(431, "too many header fields", ec);
    request.headers.add(view(name), view(value));
  }

  void on_header_impl(error_code& ec) override {
    head_done = true;
    check_host(ec);
    if (!ec) check_coding(ec);
    if (!ec) check_expect(ec);
    if (ec) return;
    if (request.method == Method::other) return stop(501, "this method is not offered", ec);
    std::string target = request.target;
    take_authority(target);
    if (auto read = read_target(target, limits_.parameters, request); !read) {
      stop(status_of(read.error().kind), std::move(read.error().message), ec);
    }
  }

  // The absolute form, as to a proxy: "http://host/path" (RFC 9112 section 3.2.2). What it names goes before the Host field.
  void take_authority(std::string& target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!target.starts_with(scheme)) continue;
      const auto end = std::min(target.find_first_of("/?", scheme.size()), target.size());
      request.authority = target.substr(scheme.size(), end - scheme.size());
      target.erase(0, end);
      if (!target.starts_with('/')) target.insert(0, "/");
      return;
    }
  }

  void check_host(error_code& ec) {
    const auto hosts = request.headers.count("Host");
    if (hosts > 1 || (hosts == 0 && !http10)) return stop(400, "exactly one Host field is required", ec);
    request.authority = request.headers.get("Host");
  }

  void check_coding(error_code& ec) {
    const auto transfer = request.headers.joined("Transfer-Encoding");
    if (!transfer.empty() && http10) return stop(400, "Transfer-Encoding does not exist in HTTP/1.0", ec);
    if (!transfer.empty() && !equal_ignoring_case(transfer, "chunked")) return stop(501, "no transfer coding but chunked is offered", ec);
    const auto content = request.headers.joined("Content-Encoding");
    if (content.empty() || equal_ignoring_case(content, "identity")) return;
    if (!equal_ignoring_case(content, "gzip") && !equal_ignoring_case(content, "x-gzip")) {
      return stop(415, "no content coding but gzip is offered", ec);
    }
    unpacker_.emplace(limits_.body_bytes);
  }

  void check_expect(error_code& ec) {
    const auto expect = request.headers.joined("Expect");
    if (expect.empty() || http10) return;
    if (!equal_ignoring_case(expect, "100-continue")) return stop(417, "no expectation but 100-continue is known", ec);
    expects_continue = true;
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& size, error_code& ec) override {
    ec = {};
    if (!size) return;
    if (*size > limits_.body_bytes) return stop(413, "the body is too large", ec);
    claimed_ = static_cast<std::size_t>(*size);
    request.body.reserve(std::min(claimed_, kReserveMax));
  }

  std::size_t on_body_impl(beast::string_view bytes, error_code& ec) override {
    add_body(view(bytes), ec);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code& ec) override {
    add_body(view(bytes), ec);
    return bytes.size();
  }

  void add_body(std::string_view bytes, error_code& ec) {
    ec = {};
    received += bytes.size();
    const auto before = request.body.size();
    if (!unpacker_) {
      if (claimed_ > request.body.capacity() && before + bytes.size() > kReserveMax) request.body.reserve(claimed_);
      request.body.append(bytes);
    } else if (auto added = unpacker_->add(bytes, request.body); !added) {
      return stop(status_of(added.error().kind), std::move(added.error().message), ec);
    }
    const auto grown = request.body.size() - before;
    if (!budget_.take(grown)) return stop(503, "too many large bodies at once; try again", ec);
    charged_ += grown;
  }

  void on_finish_impl(error_code& ec) override {
    ec = {};
    if (!unpacker_) return;
    if (received > 0 && !unpacker_->complete()) return stop(400, "the gzip body ends too early", ec);
    request.headers.remove("Content-Encoding");
  }

  void on_response_impl(int, beast::string_view, int, error_code&) override {}

  const Limits& limits_;
  BodyBudget& budget_;
  std::uint64_t charged_ = 0;
  std::size_t claimed_ = 0;  // Content-Length
  std::optional<Unpacker> unpacker_;
};

RequestReader::Refusal refusal_for(error_code ec, bool first_line_complete, std::string_view bytes) {
  using beast::http::error;
  if (ec == error::header_limit) {
    return first_line_complete ? RequestReader::Refusal{431, "the header fields are too large"}
                               : RequestReader::Refusal{414, "the request target is too long"};
  }
  if (ec == error::body_limit) return {413, "the body is too large"};
  const bool our_version = bytes.find(" HTTP/1.") != std::string_view::npos;  // the parser calls a bare line feed a bad version, too
  if (ec == error::bad_version && !our_version) return {505, "this is not HTTP/1.1"};
  return {400, "this is not a well-formed HTTP request"};
}

// The beginning of the target in a request line that was not read to its end: enough to tell whose form a refusal takes.
std::string_view target_in(std::string_view bytes) {
  constexpr std::size_t kShown = 64;
  const auto blank = bytes.find(' ');
  if (blank == std::string_view::npos) return {};
  const auto rest = bytes.substr(blank + 1);
  return rest.substr(0, std::min(rest.find_first_of(" \r\n"), kShown));
}

}  // namespace

struct RequestReader::State {
  State(const Limits& the_limits, BodyBudget& the_budget) : limits(the_limits), budget(the_budget) { parser.emplace(limits, budget); }
  const Limits& limits;
  BodyBudget& budget;
  std::optional<Parser> parser;
  std::size_t head_bytes = 0;
  bool head_told = false;
};

RequestReader::RequestReader(const Limits& limits, BodyBudget& budget) : state_(std::make_unique<State>(limits, budget)) {}
RequestReader::~RequestReader() = default;

RequestReader::Step RequestReader::feed(std::string_view bytes, std::size_t& used) {
  used = 0;
  auto& parser = *state_->parser;
  while (!parser.is_done()) {
    if (!worth_parsing(parser, bytes.size() - used)) return Step::more;
    error_code ec;
    const bool in_head = !parser.is_header_done();
    const auto taken = parser.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
    used += taken;
    if (in_head) state_->head_bytes += taken;
    if (ec == beast::http::error::need_more) {
      if (in_head && state_->head_bytes + bytes.size() - used > state_->limits.header_bytes) ec = beast::http::error::header_limit;
      else return Step::more;
    }
    if (ec) {
      if (parser.refusal.status == 0) parser.refusal = refusal_for(ec, state_->head_bytes > 0, bytes);
      if (parser.request.target.empty()) parser.request.target = target_in(bytes);
      return Step::refused;
    }
    if (parser.is_header_done() && !parser.is_done() && !state_->head_told) {
      state_->head_told = true;
      return Step::head;
    }
  }
  return Step::done;
}

bool RequestReader::in_body() const { return state_->parser->head_done; }
std::uint64_t RequestReader::received() const { return state_->parser->received; }
const RequestReader::Refusal& RequestReader::refusal() const { return state_->parser->refusal; }
bool RequestReader::keeps_alive() const { return state_->parser->is_done() && state_->parser->keep_alive(); }
bool RequestReader::expects_continue() const { return state_->parser->expects_continue; }
bool RequestReader::http10() const { return state_->parser->http10; }
const Request& RequestReader::request() const { return state_->parser->request; }
Request RequestReader::take() { return std::move(state_->parser->request); }

void RequestReader::reset() {
  state_->parser.emplace(state_->limits, state_->budget);
  state_->head_bytes = 0;
  state_->head_told = false;
}

}  // namespace careledger::edge::http
