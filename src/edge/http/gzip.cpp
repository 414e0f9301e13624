#include "edge/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "edge/http/message.h"

namespace careledger::edge::http {

namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for a gzip wrapper
constexpr int kMemory = 8;
constexpr std::size_t kPiece = 64 * 1024;

Bytef* input_of(std::string_view bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // NOLINT: zlib reads only
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool weight_is_zero(std::string_view parameters) {
  const auto at = parameters.find("q=");
  if (at == std::string_view::npos) return false;
  const auto weight = trim(parameters.substr(at + 2));
  return weight.find_first_not_of("0.") == std::string_view::npos && !weight.empty() && weight[0] == '0';
}

struct Packer {  // one a thread: deflate's 256 KiB of state are set up once
  Packer() { ready = deflateInit2(&stream, 1, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) == Z_OK; }
  ~Packer() {
    if (ready) deflateEnd(&stream);
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;
  z_stream stream{};
  bool ready = false;
};

}  // namespace

struct Unpacker::State {
  z_stream stream{};
  std::uint64_t left = 0;
  bool complete = false;
  bool ready = false;
  ~State() {
    if (ready) inflateEnd(&stream);
  }
};

Unpacker::Unpacker(std::uint64_t unpacked_max) : state_(std::make_unique<State>()) {
  state_->left = unpacked_max;
  state_->ready = inflateInit2(&state_->stream, kGzipWindow) == Z_OK;
}
Unpacker::~Unpacker() = default;
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker& Unpacker::operator=(Unpacker&&) noexcept = default;

bool Unpacker::complete() const { return state_->complete; }

Result<void> Unpacker::add(std::string_view packed, std::string& out) {
  if (!state_->ready) return fail(ErrorKind::unavailable, "no memory to unpack the body");
  if (packed.empty()) return {};
  if (state_->complete) return fail(ErrorKind::malformed, "bytes after the end of the gzip body");
  auto& stream = state_->stream;
  stream.next_in = input_of(packed);
  stream.avail_in = static_cast<uInt>(packed.size());
  std::array<Bytef, kPiece> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): 64 KiB of zeros for every call
  do {
    stream.next_out = piece.data();
    stream.avail_out = static_cast<uInt>(piece.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return fail(ErrorKind::malformed, "the body is not gzip");
    const std::size_t made = piece.size() - stream.avail_out;
    if (made > state_->left) return fail(ErrorKind::too_large, "the body unpacks to more than is allowed");
    state_->left -= made;
    out.append(reinterpret_cast<const char*>(piece.data()), made);
    state_->complete = code == Z_STREAM_END;
    if (code == Z_BUF_ERROR && made == 0) break;
  } while (!state_->complete && (stream.avail_in > 0 || stream.avail_out == 0));
  if (state_->complete && stream.avail_in > 0) return fail(ErrorKind::malformed, "bytes after the end of the gzip body");
  return {};
}

std::string gzip_pack(std::string_view plain) {
  thread_local Packer packer;
  CARELEDGER_ASSERT(packer.ready && plain.size() < (1ull << 31));
  auto& stream = packer.stream;
  deflateReset(&stream);
  std::string out(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = input_of(plain);
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  CARELEDGER_ASSERT(code == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto comma = accept_encoding.find(',');
    const auto item = accept_encoding.substr(0, comma);
    accept_encoding = comma == std::string_view::npos ? std::string_view{} : accept_encoding.substr(comma + 1);
    const auto semicolon = item.find(';');
    const auto coding = trim(item.substr(0, semicolon));
    const bool refused = semicolon != std::string_view::npos && weight_is_zero(item.substr(semicolon + 1));
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) return !refused;
    if (coding == "*") any = !refused;
  }
  return any;
}

}  // namespace careledger::edge::http
