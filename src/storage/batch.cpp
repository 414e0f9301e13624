#include "base/assert.h"
#include "storage/store.h"

namespace careledger::storage {

Range Range::prefix(ByteView prefix) {
  Bytes until(prefix);
  while (!until.empty() && static_cast<unsigned char>(until.back()) == 0xFF) until.pop_back();
  if (!until.empty()) until.back() = static_cast<char>(static_cast<unsigned char>(until.back()) + 1);
  return {Bytes(prefix), std::move(until)};
}

// An entry: column u16, erased u8, field(key), field(value).
void Batch::put(Column column, ByteView key, ByteView value) {
  append_u16(buffer_, column.index);
  buffer_.push_back('\0');
  append_field(buffer_, key);
  append_field(buffer_, value);
  ++count_;
}

void Batch::erase(Column column, ByteView key) {
  append_u16(buffer_, column.index);
  buffer_.push_back('\1');
  append_field(buffer_, key);
  append_field(buffer_, {});
  ++count_;
}

void Batch::append(const Batch& other) {
  buffer_ += other.buffer_;
  count_ += other.count_;
}

void Batch::clear() {
  buffer_.clear();
  count_ = 0;
}

Batch::Entry Batch::take_entry(ByteView& rest) {
  const auto column = take_u16(rest);
  const auto erased = take_bytes(rest, 1);
  const auto key = take_field(rest);
  const auto value = take_field(rest);
  CARELEDGER_ASSERT(column && erased && key && value);
  return {Column{*column}, erased->front() != '\0', *key, *value};
}

}  // namespace careledger::storage
