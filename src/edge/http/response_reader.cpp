#include "edge/http/response_reader.h"

#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "edge/http/chunked.h"
#include "edge/http/gzip.h"

namespace careledger::edge::http {

namespace beast = boost::beast;
using beast::error_code;

namespace {

constexpr std::size_t kFieldsMax = 200;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

class Parser final : public beast::http::basic_parser<false> {
 public:
  Parser(std::size_t header_bytes, std::uint64_t body_bytes, bool to_head) : body_bytes_(body_bytes) {
    header_limit(static_cast<std::uint32_t>(header_bytes));
    body_limit(body_bytes);
    eager(false);
    skip(to_head);
  }
  Response response;
  std::optional<Error> error;

 private:
  void stop(Error found, error_code& ec) {
    error = std::move(found);
    ec = beast::http::error::bad_value;
  }
  void on_response_impl(int status, beast::string_view, int, error_code& ec) override {
    ec = {};
    response.status = status;
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error_code& ec) override {
    if (head_done_) return;
    if (response.headers.size() == kFieldsMax) return stop({ErrorKind::too_large, "the answer has too many header fields"}, ec);
    response.headers.add(view(name), view(value));
  }
  void on_header_impl(error_code& ec) override {
    ec = {};
    head_done_ = true;
    if (equal_ignoring_case(response.headers.get("Content-Encoding"), "gzip")) unpacker_.emplace(body_bytes_);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& ec) override { ec = {}; }
  std::size_t on_body_impl(beast::string_view bytes, error_code& ec) override { return add(bytes, ec); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code& ec) override { return add(bytes, ec); }
  void on_finish_impl(error_code& ec) override {
    ec = {};
    if (unpacker_ && received_ > 0 && !unpacker_->complete()) stop({ErrorKind::malformed, "the gzip answer ends too early"}, ec);
    if (unpacker_ && received_ > 0) response.headers.remove("Content-Encoding");
  }
  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, error_code&) override {}

  std::size_t add(beast::string_view bytes, error_code& ec) {
    ec = {};
    received_ += bytes.size();
    if (!unpacker_) {
      response.body.append(view(bytes));
    } else if (auto added = unpacker_->add(view(bytes), response.body); !added) {
      stop(std::move(added.error()), ec);
    }
    return bytes.size();
  }

  const std::uint64_t body_bytes_;
  std::uint64_t received_ = 0;
  bool head_done_ = false;
  std::optional<Unpacker> unpacker_;
};

}  // namespace

struct ResponseReader::State {
  std::size_t header_bytes;
  std::uint64_t body_bytes;
  bool to_head;
  std::optional<Parser> parser;

  void fresh() { parser.emplace(header_bytes, body_bytes, to_head); }
  Error error_for(error_code ec) const {
    if (parser->error) return *parser->error;
    if (ec == beast::http::error::body_limit) return {ErrorKind::too_large, "the answer's body is too large"};
    if (ec == beast::http::error::header_limit) return {ErrorKind::too_large, "the answer's head is too large"};
    return {ErrorKind::malformed, "the answer is not well-formed HTTP"};
  }
};

ResponseReader::ResponseReader(std::size_t header_bytes, std::uint64_t body_bytes, bool to_head)
    : state_(std::make_unique<State>(State{header_bytes, body_bytes, to_head, {}})) {
  state_->fresh();
}
ResponseReader::~ResponseReader() = default;

Result<bool> ResponseReader::feed(std::string_view bytes, std::size_t& used) {
  used = 0;
  for (;;) {
    if (state_->parser->is_done()) {
      if (state_->parser->response.status >= 200) return true;
      state_->fresh();
    }
    if (!worth_parsing(*state_->parser, bytes.size() - used)) return false;
    error_code ec;
    used += state_->parser->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
    if (ec == beast::http::error::need_more) return false;
    if (ec) return tl::make_unexpected(state_->error_for(ec));
  }
}

Result<void> ResponseReader::end() {
  if (!state_->parser->got_some()) return fail(ErrorKind::unavailable, "the connection was closed before an answer");
  error_code ec;
  state_->parser->put_eof(ec);
  if (ec) return fail(ErrorKind::unavailable, "the connection was closed in the middle of the answer");
  return {};
}

bool ResponseReader::keeps_alive() const { return state_->parser->is_done() && state_->parser->keep_alive(); }

Response ResponseReader::take() { return std::move(state_->parser->response); }

}  // namespace careledger::edge::http
