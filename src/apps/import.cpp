#include "apps/import.h"

#include <thread>
#include <utility>

#include "apps/import_journal.h"
#include "codec/json/json.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::size_t kUnpackedMax = 256u << 20;
constexpr int kConflict = 409;

// What became of one source.
struct Taken {
  std::uint64_t stored = 0;
  std::uint64_t before = 0;  // stored by an earlier run that did not note it
  std::vector<RefusedItem> refused{};
};

// Whether an outcome says that the request was stored before, under its Idempotency-Key.
bool says_duplicate(const json::Value& outcome) {
  const auto issues = outcome.items_at("issue");
  return !issues.empty() && issues.front().string_at("code") == "duplicate";
}

std::string words_of(std::string why, const json::Value* outcome) {
  if (outcome == nullptr) return why;
  bool first = true;
  for (const json::Value& issue : outcome->items_at("issue")) {
    why += std::exchange(first, false) ? " " : "; ";
    for (const json::Value& where : issue.items_at("expression")) why += std::string(where.text()) + ": ";
    why += issue.string_at("diagnostics");
  }
  return why;
}

// Counts entries of the answer to a Bundle; the words about others go into the report.
void read_entries(const json::Value& answer, const ImportPiece& piece, Taken& taken) {
  std::size_t index = 0;
  for (const json::Value& entry : answer.items_at("entry")) {
    const json::Value* response = entry.find("response");
    const std::string status(response == nullptr ? "" : response->string_at("status"));
    const json::Value* outcome = response == nullptr ? nullptr : response->find("outcome");
    if (status.starts_with("2")) {
      ++taken.stored;
    } else if (outcome != nullptr && status == std::to_string(kConflict) && says_duplicate(*outcome)) {
      ++taken.before;
    } else {
      taken.refused.push_back({piece.place(index), words_of(status, outcome)});
    }
    ++index;
  }
}

void read_answer(const http::Response& response, const ImportPiece& piece, Taken& taken) {
  const auto document = json::parse(response.content());
  if (response.status == kConflict && document && says_duplicate(document->root())) {
    ++taken.before;
  } else if (response.status / 100 != 2) {
    taken.refused.push_back({piece.source, error_of(response).message});
  } else if (!document) {
    taken.refused.push_back({piece.source, "the node's answer cannot be read"});
  } else {
    read_entries(document->root(), piece, taken);
  }
}

// After which the next request fares no better.
bool ends_all(ErrorKind kind) { return kind == ErrorKind::unavailable || kind == ErrorKind::storage || kind == ErrorKind::unauthenticated; }

class Import {
 public:
  Import(NodeAccess& node, const ImportOptions& options) : node_(node), options_(options) {}

  Result<ImportReport> run(const std::function<void(std::size_t, std::size_t)>& progress) {
    const std::uint64_t start = system_clock().monotonic_ns();
    CARELEDGER_TRY(files_, sources_of(options_.sources));
    CARELEDGER_TRY(journal_, ImportJournal::open(options_.journal));
    report_.files = files_.size();
    progress_ = &progress;
    // What others refer to goes alone and first.
    while (next_ < files_.size() && is_infrastructure(files_[next_])) take(files_[next_++]);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.connections, 1); ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (failed_) return tl::make_unexpected(*failed_);
    report_.seconds = static_cast<double>(system_clock().monotonic_ns() - start) / 1e9;
    return std::move(report_);
  }

 private:
  void work() {
    for (;;) {
      std::string path;
      {
        const std::lock_guard lock(mutex_);
        if (failed_ || next_ >= files_.size()) return;
        path = files_[next_++];
      }
      take(path);
    }
  }

  void take(const std::string& path) {
    const bool known = journal_.holds(path);
    Taken taken;
    const auto sent = known ? Result<void>() : send_file(path, taken);
    const std::lock_guard lock(mutex_);
    report_.resources += taken.stored;
    if (known || (sent && taken.refused.empty() && taken.stored == 0 && taken.before > 0)) ++report_.skipped;
    if (!sent) {
      failed_ = sent.error();
    } else if (!known && taken.refused.empty()) {
      if (const auto noted = journal_.note(path); !noted) failed_ = noted.error();
    }
    std::ranges::move(taken.refused, std::back_inserter(report_.refused));
    ++done_;
    if (*progress_) (*progress_)(done_, files_.size());
  }

  // An error ends the import.
  Result<void> send_file(const std::string& path, Taken& taken) {
    const auto text = read_source(path, kUnpackedMax);
    if (!text) {
      taken.refused.push_back({path, text.error().message});
      return {};
    }
    std::vector<ImportPiece> pieces;
    if (holds_lines(path)) {
      pieces = pieces_of_lines(path, *text, taken.refused);
    } else {
      pieces.push_back({path, *text});
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) CARELEDGER_CHECK(send(pieces[i], i, taken));
    return {};
  }

  Result<void> send(ImportPiece& piece, std::size_t number, Taken& taken) {
    const std::string key = journal_.key(piece, number);
    http::Request request = http::make_request(http::Method::post, "/fhir", std::move(piece.body), "application/fhir+json");
    if (!key.empty()) request.headers.set("Idempotency-Key", key);
    const auto response = node_.call(options_.organisation, edge::auth::Role::system, std::move(request));
    if (!response) {
      if (ends_all(response.error().kind)) return tl::make_unexpected(response.error());
      taken.refused.push_back({piece.source, response.error().message});
      return {};
    }
    if (response->status / 100 != 2 && ends_all(error_of(*response).kind)) return tl::make_unexpected(error_of(*response));
    read_answer(*response, piece, taken);
    return {};
  }

  NodeAccess& node_;
  const ImportOptions& options_;
  std::vector<std::string> files_;
  ImportJournal journal_;
  const std::function<void(std::size_t, std::size_t)>* progress_ = nullptr;
  std::mutex mutex_;  // for what follows
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::optional<Error> failed_;
  ImportReport report_;
};

}  // namespace

Result<ImportReport> import_records(NodeAccess& node, const ImportOptions& options,
                                    const std::function<void(std::size_t, std::size_t)>& progress) {
  Import import(node, options);
  return import.run(progress);
}

}  // namespace careledger::apps
