// For tests: a store in memory that outlives the process which uses it, and whose next write may fail: before it took effect, or after (the
// machine died with the answer on its way). As the contract of stores says, every later write fails too until it is opened again.
#pragma once

#include "storage/store.h"

namespace careledger::storage::testing {

enum class Fault : std::uint8_t { none, before_write, after_write };

class FaultyStore final : public storage::Store {
 public:
  explicit FaultyStore(std::shared_ptr<storage::Store> disk) : disk_(std::move(disk)) {}
  void fail_next_write(Fault fault) { fault_ = fault; }

  Result<void> write(const storage::Batch& batch, storage::Durability durability) override {
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
  std::shared_ptr<const storage::Reader> snapshot() const override { return disk_->snapshot(); }
  Result<void> checkpoint(const std::string& folder) override { return disk_->checkpoint(folder); }
  Result<void> flush() override { return disk_->flush(); }
  Result<std::uint64_t> approximate_size(storage::Column column, const storage::Range& range) const override {
    return disk_->approximate_size(column, range);
  }
  Result<void> compact(storage::Column column, const storage::Range& range) override { return disk_->compact(column, range); }
  Result<void> verify() const override { return disk_->verify(); }

 private:
  Result<void> break_down() {
    broken_ = true;
    fault_ = Fault::none;
    return fail(ErrorKind::storage, "the simulated disk failed");
  }
  std::shared_ptr<storage::Store> disk_;
  Fault fault_ = Fault::none;
  bool broken_ = false;
};

}  // namespace careledger::storage::testing
