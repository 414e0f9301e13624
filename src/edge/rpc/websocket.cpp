#include "edge/rpc/websocket.h"

#include <openssl/evp.h>

#include <array>

#include "crypto/bytes_cast.h"

namespace careledger::edge::rpc {

namespace {

constexpr std::string_view kAcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3
constexpr std::size_t kMessageMax = 64 * 1024;
constexpr std::size_t kControlMax = 125;

enum Opcode : unsigned { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

std::string accept_key(std::string_view key) {
  const auto joined = std::string(key) + std::string(kAcceptSuffix);
  Bytes digest(20, '\0');
  unsigned size = 0;
  const int code = EVP_Digest(joined.data(), joined.size(), crypto::out(digest.data()), &size, EVP_sha1(), nullptr);
  CARELEDGER_ASSERT(code == 1 && size == digest.size());
  return to_base64(digest);
}

std::string frame(unsigned opcode, std::string_view payload) {
  std::string out(1, static_cast<char>(0x80 | opcode));
  if (payload.size() <= kControlMax) {
    out += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xffff) {
    out += static_cast<char>(126);
    append_u16(out, static_cast<std::uint16_t>(payload.size()));
  } else {
    out += static_cast<char>(127);
    append_u64(out, payload.size());
  }
  return out.append(payload);
}

std::string close_frame(std::uint16_t status) {
  Bytes payload;
  append_u16(payload, status);
  return frame(close, payload);
}

struct Frame {
  bool last = false;
  unsigned opcode = 0;
  std::string payload;
};

class WebSocket final : public http::Session {
 public:
  explicit WebSocket(std::function<std::string(std::string_view)> answer) : answer_(std::move(answer)) {}

  Reaction receive(std::string_view bytes) override {
    buffer_.append(bytes);
    Reaction reaction;
    while (!reaction.close) {
      Frame found;
      const auto taken = take(found);
      if (!taken) return refuse(std::move(reaction), 1002);
      if (!*taken) break;
      react(found, reaction);
    }
    return reaction;
  }

 private:
  static Reaction refuse(Reaction reaction, std::uint16_t status) {
    reaction.bytes += close_frame(status);
    reaction.close = true;
    return reaction;
  }

  // nullopt: a breach of the protocol; false: not all there yet.
  std::optional<bool> take(Frame& out) {
    if (buffer_.size() < 2) return false;
    const auto first = static_cast<unsigned char>(buffer_[0]);
    const auto second = static_cast<unsigned char>(buffer_[1]);
    if ((first & 0x70) != 0 || (second & 0x80) == 0) return std::nullopt;  // no extension was agreed; clients mask
    ByteView rest = ByteView(buffer_).substr(2);
    std::uint64_t size = second & 0x7f;
    if (size == 126) {
      const auto extended = take_u16(rest);
      if (!extended) return false;
      size = *extended;
    } else if (size == 127) {
      const auto extended = take_u64(rest);
      if (!extended) return false;
      size = *extended;
    }
    out.last = (first & 0x80) != 0;
    out.opcode = first & 0x0f;
    if (size > kMessageMax || (out.opcode >= close && (size > kControlMax || !out.last))) return std::nullopt;
    if (rest.size() < 4 + size) return false;
    for (std::size_t i = 0; i < size; ++i) out.payload += static_cast<char>(rest[4 + i] ^ rest[i % 4]);
    buffer_.erase(0, buffer_.size() - rest.size() + 4 + static_cast<std::size_t>(size));
    return true;
  }

  void react(const Frame& found, Reaction& reaction) {
    switch (found.opcode) {
      case ping: reaction.bytes += frame(pong, found.payload); return;
      case pong: return;
      case close: reaction = refuse(std::move(reaction), 1000); return;
      case text:
      case continuation: break;
      default: reaction = refuse(std::move(reaction), 1003); return;
    }
    if ((found.opcode == text) == in_message_) {  // a text frame begins a message, a continuation goes on with one
      reaction = refuse(std::move(reaction), 1002);
      return;
    }
    message_ += found.payload;
    in_message_ = !found.last;
    if (message_.size() > kMessageMax) {
      reaction = refuse(std::move(reaction), 1009);
      return;
    }
    if (in_message_) return;
    const auto said = answer_(message_);
    message_.clear();
    if (!said.empty()) reaction.bytes += frame(text, said);
  }

  std::function<std::string(std::string_view)> answer_;
  std::string buffer_;
  std::string message_;
  bool in_message_ = false;
};

}  // namespace

http::Response accept_websocket(const http::Request& request, std::function<std::string(std::string_view)> answer) {
  const auto key = request.headers.get("Sec-WebSocket-Key");
  const auto nonce = from_base64(key);
  if (request.method != http::Method::get || !http::equal_ignoring_case(request.headers.get("Upgrade"), "websocket") ||
      request.headers.get("Sec-WebSocket-Version") != "13") {
    auto response = http::problem(426, "this is a WebSocket of version 13");
    response.headers.add("Upgrade", "websocket");
    response.headers.add("Sec-WebSocket-Version", "13");
    return response;
  }
  if (!nonce || nonce->size() != 16) return http::problem(400, "Sec-WebSocket-Key is not 16 bytes in base64");
  http::Response response;
  response.status = 101;
  response.headers.add("Upgrade", "websocket");
  response.headers.add("Sec-WebSocket-Accept", accept_key(key));
  response.session = std::make_shared<WebSocket>(std::move(answer));
  return response;
}

}  // namespace careledger::edge::rpc
