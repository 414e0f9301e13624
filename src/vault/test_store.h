// A store that passes everything on to another one, for tests that change or watch a part of it.
#pragma once

#include <memory>

#include "storage/store.h"

namespace careledger::vault {

class StoreAbove : public storage::Store {
 public:
  explicit StoreAbove(std::shared_ptr<storage::Store> below) : below_(std::move(below)) {}
  Result<std::optional<Bytes>> get(storage::Column column, ByteView key) const override { return below_->get(column, key); }
  Result<std::vector<std::optional<Bytes>>> multi_get(storage::Column column, std::span<const ByteView> keys) const override {
    return below_->multi_get(column, keys);
  }
  std::unique_ptr<storage::Iterator> iterate(storage::Column column, const storage::Range& range) const override {
    return below_->iterate(column, range);
  }
  Result<void> write(const storage::Batch& batch, storage::Durability durability) override { return below_->write(batch, durability); }
  std::shared_ptr<const storage::Reader> snapshot() const override { return below_->snapshot(); }
  Result<void> checkpoint(const std::string& folder) override { return below_->checkpoint(folder); }
  Result<void> flush() override { return below_->flush(); }
  Result<std::uint64_t> approximate_size(storage::Column column, const storage::Range& range) const override {
    return below_->approximate_size(column, range);
  }
  Result<void> compact(storage::Column column, const storage::Range& range) override { return below_->compact(column, range); }
  Result<void> verify() const override { return below_->verify(); }

 private:
  std::shared_ptr<storage::Store> below_;
};

}  // namespace careledger::vault
