#include "ordering/abci/state_sync.h"

#include "crypto/hash.h"
#include "ordering/abci/peer_filter.h"
#include "ordering/state_query.h"

namespace careledger::ordering::abci {
namespace {

namespace wire = careledger::abci;

constexpr std::uint32_t kNotYet = 1;  // any code but 0: the transaction is dropped here, and others have it

}  // namespace

Result<wire::Response> StateSync::handle(const Request& request) {
  Result<Response> response = answer(request);
  const auto& told = config_.application.on_failure;
  if (!response && application_.load() == nullptr && told && is_of_disk(response.error())) told(response.error());
  return response;
}

Result<wire::Response> StateSync::answer(const Request& request) {
  if (request.has_offer_snapshot()) return offer(request.offer_snapshot());
  if (request.has_apply_snapshot_chunk()) return apply(request.apply_snapshot_chunk());
  Application* const application = application_.load();
  return application == nullptr ? answer_empty(request) : application->handle(request);
}

Result<wire::Response> StateSync::answer_empty(const Request& request) const {
  Response response;
  switch (request.value_case()) {
    case Request::kInfo:
      CARELEDGER_CHECK(check_engine(request.info()));
      response.mutable_info()->set_data("careledger");
      response.mutable_info()->set_version(config_.application.version);
      response.mutable_info()->set_app_version(config_.application.app_version);
      return response;
    case Request::kQuery: {
      auto& answer = *response.mutable_query();
      if (auto about_peer = answer_about_peer(request.query().path(), config_.application.is_peer)) answer = std::move(*about_peer);
      else answer.set_code(static_cast<std::uint32_t>(QueryCode::not_answered));
      return response;
    }
    case Request::kCheckTx: response.mutable_check_tx()->set_code(kNotYet); return response;
    case Request::kListSnapshots: response.mutable_list_snapshots(); return response;
    case Request::kLoadSnapshotChunk: response.mutable_load_snapshot_chunk(); return response;
    default: return fail(ErrorKind::conflict, "the engine wants blocks executed before a snapshot was loaded");
  }
}

void StateSync::refused(ErrorKind kind, const std::string& why) const {
  if (config_.on_refusal) config_.on_refusal({kind, "the snapshot of height " + std::to_string(height_.value) + ": " + why});
}

void StateSync::progress() const {
  if (config_.on_progress) config_.on_progress({height_, loader_->added(), loader_->chunks()});
}

Result<wire::Response> StateSync::offer(const wire::RequestOfferSnapshot& asked) {
  const std::lock_guard lock(mutex_);
  if (application_.load() != nullptr)
    return fail(ErrorKind::conflict, "the engine asks for a snapshot after one was loaded: it lost its own state meanwhile");
  height_ = {asked.snapshot().height()};
  loader_.reset();
  CARELEDGER_TRY(const OfferResult result, begin(asked));
  Response response;
  set(*response.mutable_offer_snapshot(), result);
  return response;
}

Result<OfferResult> StateSync::begin(const wire::RequestOfferSnapshot& asked) {
  const wire::Snapshot& snapshot = asked.snapshot();
  const auto refuse = [this](OfferResult result, ErrorKind kind, const std::string& why) {
    refused(kind, why);
    return result;
  };
  if (snapshot.format() != replica::kSnapshotFormat)
    return refuse(OfferResult::reject_format, ErrorKind::newer_format,
                  "format " + std::to_string(snapshot.format()) + " is not known here");
  if (crypto::sha256(snapshot.metadata()).view() != snapshot.hash())
    return refuse(OfferResult::reject_sender, ErrorKind::invalid, "its hash is of something else");
  const auto trusted = config_.trusted(height_);
  if (!trusted) return refuse(OfferResult::reject, trusted.error().kind, trusted.error().message);
  if (trusted->app_hash.view() != asked.app_hash())
    return refuse(OfferResult::reject, ErrorKind::conflict, "the engine was shown another header than we were");
  auto loader = replica::SnapshotLoader::begin(config_.store, snapshot.metadata(), *trusted);
  if (!loader) {
    Error& error = loader.error();
    if (error.kind != ErrorKind::invalid && error.kind != ErrorKind::newer_format) return tl::make_unexpected(std::move(error));
    // Its outer format is one that we know: who says another inside is a liar, and no reason to refuse that format of everybody.
    return refuse(OfferResult::reject_sender, error.kind, error.message);
  }
  if (loader->chunks() != snapshot.chunks())
    return refuse(OfferResult::reject_sender, ErrorKind::invalid, "its header names another number of pieces");
  loader_ = std::move(*loader);
  progress();
  return OfferResult::accept;
}

Result<wire::Response> StateSync::apply(const wire::RequestApplySnapshotChunk& asked) {
  const std::lock_guard lock(mutex_);
  CARELEDGER_TRY(const ChunkResult result, add(asked));
  Response response;
  auto& answer = *response.mutable_apply_snapshot_chunk();
  set(answer, result);
  if (result != ChunkResult::retry || asked.index() != loader_->added()) return response;
  answer.add_refetch_chunks(asked.index());
  answer.add_reject_senders(asked.sender());
  return response;
}

// `retry` of the next piece: it did not hold. `retry` of a later one: the engine has to bring the one between first.
Result<ChunkResult> StateSync::add(const wire::RequestApplySnapshotChunk& asked) {
  if (application_.load() != nullptr) return ChunkResult::accept;  // it repeats itself
  if (!loader_) return ChunkResult::reject_snapshot;
  if (asked.index() < loader_->added()) return ChunkResult::accept;
  if (asked.index() > loader_->added()) return ChunkResult::retry;
  if (auto added = loader_->add(asked.chunk()); !added) {
    if (is_of_disk(added.error())) return tl::make_unexpected(std::move(added.error()));
    refused(added.error().kind, "piece " + std::to_string(asked.index()) + " from " + asked.sender() + ": " + added.error().message);
    return ChunkResult::retry;
  }
  progress();
  if (loader_->added() == loader_->chunks()) CARELEDGER_CHECK(end());
  return ChunkResult::accept;
}

Result<void> StateSync::end() {
  CARELEDGER_CHECK(loader_->finish());
  loader_.reset();
  CARELEDGER_TRY(replica_, config_.open(config_.store));
  owned_ = std::make_unique<Application>(*replica_, config_.application);
  application_ = owned_.get();
  return {};
}

}  // namespace careledger::ordering::abci
