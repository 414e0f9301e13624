// For tests: a store in memory that outlives the process which uses it, and whose next write may fail: before it took effect, or after (the
// machine died with the answer on its way). As the contract of stores says, every later write fails too until it is opened again. Reads of
// one column may fail as well, for as long as the test wants; and a write may take as long as it wants.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "storage/store.h"

namespace careledger::storage::testing {

enum class Fault : std::uint8_t { none, before_write, after_write };

class FaultyStore final : public storage::Store {
 public:
  explicit FaultyStore(std::shared_ptr<storage::Store> disk) : disk_(std::move(disk)) {}
  void fail_next_write(Fault fault) { fault_ = fault; }
  void on_next_write(std::function<void()> hold) {  // runs once, before it takes effect
    const std::lock_guard lock(mutex_);
    hold_ = std::move(hold);
  }
  void fail_reads_of(std::optional<storage::Column> column) { *unread_ = column ? column->index : kReadsAll; }

  Result<void> write(const storage::Batch& batch, storage::Durability durability) override {
    if (const auto hold = take_hold()) hold();
    if (broken_ || fault_ == Fault::before_write) return break_down();
    CARELEDGER_CHECK(disk_->write(batch, durability));
    if (fault_ == Fault::after_write) return break_down();
    return {};
  }

  Result<std::optional<Bytes>> get(storage::Column column, ByteView key) const override { return disk_->get(column, key); }
  Result<std::vector<std::optional<Bytes>>> multi_get(storage::Column column, std::span<const ByteView> keys) const override {
    return disk_->multi_get(column, keys);
  }
  std::unique_ptr<storage::Iterator> iterate(storage::Column column, const storage::Range& range) const override {
    return disk_->iterate(column, range);
  }
  std::shared_ptr<const storage::Reader> snapshot() const override {
    return std::make_shared<const FaultyReader>(disk_->snapshot(), unread_);
  }
  Result<void> checkpoint(const std::string& folder) override { return disk_->checkpoint(folder); }
  Result<void> flush() override { return disk_->flush(); }
  Result<std::uint64_t> approximate_size(storage::Column column, const storage::Range& range) const override {
    return disk_->approximate_size(column, range);
  }
  Result<void> compact(storage::Column column, const storage::Range& range) override { return disk_->compact(column, range); }
  Result<void> verify() const override { return disk_->verify(); }

 private:
  static constexpr int kReadsAll = -1;
  using Unread = std::shared_ptr<std::atomic<int>>;  // index of the column; kReadsAll

  class Nowhere final : public storage::Iterator {
   public:
    void seek_first() override {}
    void seek_last() override {}
    void seek(ByteView) override {}
    void seek_backward(ByteView) override {}
    void next() override {}
    void prev() override {}
    bool valid() const override { return false; }
    ByteView key() const override { return {}; }
    ByteView value() const override { return {}; }
    Result<void> status() const override { return fail(ErrorKind::storage, "the simulated disk cannot be read"); }
  };

  class FaultyReader final : public storage::Reader {
   public:
    FaultyReader(std::shared_ptr<const storage::Reader> disk, Unread unread) : disk_(std::move(disk)), unread_(std::move(unread)) {}
    Result<std::optional<Bytes>> get(storage::Column column, ByteView key) const override {
      if (fails(column)) return tl::make_unexpected(Nowhere().status().error());
      return disk_->get(column, key);
    }
    Result<std::vector<std::optional<Bytes>>> multi_get(storage::Column column, std::span<const ByteView> keys) const override {
      if (fails(column)) return tl::make_unexpected(Nowhere().status().error());
      return disk_->multi_get(column, keys);
    }
    std::unique_ptr<storage::Iterator> iterate(storage::Column column, const storage::Range& range) const override {
      if (fails(column)) return std::make_unique<Nowhere>();
      return disk_->iterate(column, range);
    }

   private:
    bool fails(storage::Column column) const { return *unread_ == column.index; }
    const std::shared_ptr<const storage::Reader> disk_;
    const Unread unread_;
  };

  Result<void> break_down() {
    broken_ = true;
    fault_ = Fault::none;
    return fail(ErrorKind::storage, "the simulated disk failed");
  }
  std::shared_ptr<storage::Store> disk_;
  const Unread unread_ = std::make_shared<std::atomic<int>>(kReadsAll);
  std::function<void()> take_hold() {
    const std::lock_guard lock(mutex_);
    return std::exchange(hold_, nullptr);
  }

  std::mutex mutex_;
  std::function<void()> hold_;
  Fault fault_ = Fault::none;
  bool broken_ = false;
};

}  // namespace careledger::storage::testing
