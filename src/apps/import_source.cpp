#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "apps/import.h"
#include "codec/fhir/definitions.h"
#include "codec/fhir/primitive.h"
#include "codec/json/json.h"

namespace careledger::apps {
namespace {

constexpr std::size_t kFileBytesMax = 1u << 30;
constexpr std::size_t kFilesMax = 1'000'000;
constexpr std::size_t kLinesABatch = 500;

bool ends_with_any(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return name.ends_with(ending); });
}

bool is_source(const std::string& name) { return ends_with_any(name, {".json", ".json.gz", ".json.zst"}) || holds_lines(name); }

bool is_folder(const std::string& path) {
  struct stat s{};
  return ::stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

Result<void> add_sources(const std::string& path, int depth, std::vector<std::string>& out) {
  if (!is_folder(path)) {
    if (!system_files().exists(path)) return fail(ErrorKind::not_found, path + " is not there");
    out.push_back(path);
    return {};
  }
  if (depth > 8) return fail(ErrorKind::too_large, path + ": folders lie too deep in each other");
  CARELEDGER_TRY(const std::vector<std::string> names, system_files().list(path));
  for (const std::string& name : names) {
    const std::string inner = path + "/" + name;
    if (name.starts_with(".")) continue;
    if (is_folder(inner) || is_source(name)) CARELEDGER_CHECK(add_sources(inner, depth + 1, out));
    if (out.size() > kFilesMax) return fail(ErrorKind::too_large, "more than a million files");
  }
  return {};
}

// Lower comes first: what others refer to.
constexpr int kRecordsRank = 2;
int rank(const std::string& path) {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  if (name.find("hospitalInformation") != std::string_view::npos) return 0;
  if (name.find("practitionerInformation") != std::string_view::npos) return 1;
  return kRecordsRank;
}

struct InflateEnd {
  void operator()(z_stream* stream) const {
    inflateEnd(stream);
    delete stream;
  }
};

Result<Bytes> gunzip(const Bytes& packed, std::size_t bytes_max, const std::string& path) {
  std::unique_ptr<z_stream, InflateEnd> stream(new z_stream{});
  if (inflateInit2(stream.get(), 15 + 16) != Z_OK) return fail(ErrorKind::storage, "no memory to unpack " + path);
  Bytes input = packed;
  stream->next_in = reinterpret_cast<Bytef*>(input.data());  // NOLINT: zlib's type
  stream->avail_in = static_cast<uInt>(input.size());
  Bytes out;
  Bytes chunk(1u << 20, '\0');
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    stream->next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream->avail_out = static_cast<uInt>(chunk.size());
    state = inflate(stream.get(), Z_NO_FLUSH);
    if (state != Z_OK && state != Z_STREAM_END) return fail(ErrorKind::malformed, path + " is not whole gzip data");
    out.append(chunk.data(), chunk.size() - stream->avail_out);
    if (out.size() > bytes_max) return fail(ErrorKind::too_large, path + " unpacks to more than " + std::to_string(bytes_max) + " bytes");
  }
  return out;
}

Result<Bytes> unzstd(const Bytes& packed, std::size_t bytes_max, const std::string& path) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  Bytes out;
  Bytes chunk(1u << 20, '\0');
  ZSTD_inBuffer input{packed.data(), packed.size(), 0};
  std::size_t state = 1;
  while (input.pos < input.size || state != 0) {
    ZSTD_outBuffer output{chunk.data(), chunk.size(), 0};
    state = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(state) != 0 || (output.pos == 0 && input.pos == input.size && state != 0))
      return fail(ErrorKind::malformed, path + " is not whole zstd data");
    out.append(chunk.data(), output.pos);
    if (out.size() > bytes_max) return fail(ErrorKind::too_large, path + " unpacks to more than " + std::to_string(bytes_max) + " bytes");
  }
  return out;
}

}  // namespace

bool is_infrastructure(const std::string& path) { return rank(path) < kRecordsRank; }
bool holds_lines(const std::string& path) { return ends_with_any(path, {".ndjson", ".ndjson.gz", ".ndjson.zst"}); }

Result<std::vector<std::string>> sources_of(const std::vector<std::string>& named) {
  std::vector<std::string> out;
  for (const std::string& path : named) CARELEDGER_CHECK(add_sources(path, 0, out));
  std::sort(out.begin(), out.end(),
            [](const std::string& a, const std::string& b) { return std::pair(rank(a), a) < std::pair(rank(b), b); });
  return out;
}

Result<Bytes> read_source(const std::string& path, std::size_t bytes_max) {
  CARELEDGER_TRY(Bytes bytes, system_files().read_all(path, std::min(bytes_max, kFileBytesMax)));
  if (path.ends_with(".gz")) return gunzip(bytes, bytes_max, path);
  if (path.ends_with(".zst")) return unzstd(bytes, bytes_max, path);
  return bytes;
}

std::string ImportPiece::place(std::size_t entry) const {
  return entry < lines.size() ? source + ":" + std::to_string(lines[entry]) : source + " entry " + std::to_string(entry);
}

std::vector<ImportPiece> pieces_of_lines(const std::string& source, ByteView text, std::vector<RefusedItem>& refused) {
  std::vector<ImportPiece> pieces;
  std::size_t line_number = 0;
  std::string entries;
  std::vector<std::size_t> lines;
  const auto flush = [&] {
    if (lines.empty()) return;
    pieces.push_back({source, R"({"resourceType":"Bundle","type":"batch","entry":[)" + entries + "]}", std::exchange(lines, {})});
    entries.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto document = codec::json::parse(line);
    const std::string type(document ? document->root().string_at("resourceType") : "");
    const std::string id(document ? document->root().string_at("id") : "");
    if (!codec::fhir::find_resource_type(type) || !codec::fhir::is_id(id)) {
      refused.push_back({source + ":" + std::to_string(line_number),
                         document ? "resourceType or id is missing or is none of FHIR R4" : document.error().message});
      continue;
    }
    if (!lines.empty()) entries += ",";
    lines.push_back(line_number);
    entries += R"({"resource":)" + std::string(line) + R"(,"request":{"method":"PUT","url":")" + type + "/" + id + "\"}}";
    if (lines.size() == kLinesABatch) flush();
  }
  flush();
  return pieces;
}

}  // namespace careledger::apps
