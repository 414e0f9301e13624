// The application of a node whose ledger is still empty: it takes a snapshot that other nodes offer, piece by piece, and from then on is
// the application of the ledger that came of it.
//
// Believed is what `trusted` says that verified headers say of the snapshot's height. The engine hands over the app hash that it verified
// by itself, and the two must agree. Every piece proves its rows against that hash before one of them is written; a piece that does not
// is fetched again, and its sender is asked for nothing more. An interrupted load is no ledger, and is begun again by the next offer.
//
// Thread-safety: as Handler says. Questions about peers and info never wait for a snapshot.
#pragma once

#include <atomic>

#include "ordering/abci/application.h"
#include "ordering/abci/snapshot_results.h"

namespace careledger::ordering::abci {

struct StateSyncProgress {
  Height height;  // of the snapshot
  std::size_t added = 0;
  std::size_t chunks = 0;
};

struct StateSyncConfig {
  ApplicationConfig application;          // of the ledger once it is there; its versions and peers hold from the beginning
  std::shared_ptr<storage::Store> store;  // empty, or with what an interrupted load left
  // What verified headers say of a height and its app hash; an error: they do not reach it. May take its time.
  std::function<Result<replica::TrustedPoint>(Height)> trusted;
  std::function<Result<std::unique_ptr<replica::Replica>>(std::shared_ptr<storage::Store>)> open;  // of the whole store
  std::function<void(const StateSyncProgress&)> on_progress{};  // this and the next on the engine's connection
  std::function<void(const Error&)> on_refusal{};               // of a snapshot or a piece, for the log
};

class StateSync final : public Handler {
 public:
  explicit StateSync(StateSyncConfig config) : config_(std::move(config)) {}

  // An error is for the engine to stop at: a disk that failed, or another snapshot or blocks when they cannot be taken.
  Result<careledger::abci::Response> handle(const careledger::abci::Request& request) override;

  const replica::Replica* replica() const { return application_.load() == nullptr ? nullptr : replica_.get(); }  // once it is there

 private:
  using Request = careledger::abci::Request;
  using Response = careledger::abci::Response;
  Result<Response> answer(const Request& request);
  Result<Response> answer_empty(const Request& request) const;
  Result<Response> offer(const careledger::abci::RequestOfferSnapshot& asked);
  Result<OfferResult> begin(const careledger::abci::RequestOfferSnapshot& asked);
  Result<Response> apply(const careledger::abci::RequestApplySnapshotChunk& asked);
  Result<ChunkResult> add(const careledger::abci::RequestApplySnapshotChunk& asked);
  Result<void> end();
  void refused(ErrorKind kind, const std::string& why) const;
  void progress() const;

  const StateSyncConfig config_;
  std::mutex mutex_;  // of what follows; the snapshot calls come on one connection
  Height height_;
  std::optional<replica::SnapshotLoader> loader_;
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<Application> owned_;
  std::atomic<Application*> application_{nullptr};  // owned_, once it is there for good
};

}  // namespace careledger::ordering::abci
