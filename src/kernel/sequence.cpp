#include "kernel/sequence.h"

#include <algorithm>

namespace careledger::kernel {

namespace {

bool bit(const Bytes& bits, std::uint64_t index) {
  const auto byte = static_cast<std::size_t>(index / 8);
  return byte < bits.size() && (static_cast<unsigned char>(bits[byte]) >> (index % 8) & 1u) != 0;
}

void set_bit(Bytes& bits, std::uint64_t index, bool value) {
  const auto byte = static_cast<std::size_t>(index / 8);
  if (byte >= bits.size()) bits.resize(byte + 1, '\0');
  const auto mask = static_cast<unsigned>(1u << (index % 8));
  const auto old = static_cast<unsigned char>(bits[byte]);
  bits[byte] = static_cast<char>(value ? old | mask : old & ~mask);
}

void cut_zeros(Bytes& bits) {
  while (!bits.empty() && bits.back() == '\0') bits.pop_back();
}

// Moves the window up: every bit rises by `by`, and the numbers passed over are missing, down to number 1.
void raise(SequenceWindow& window, std::uint64_t number) {
  const std::uint64_t by = number - window.highest();
  Bytes raised;
  for (std::uint64_t i = 0; i < std::min(by - 1, kSequenceWindow); ++i) set_bit(raised, i, true);
  for (std::uint64_t i = 0; by < kSequenceWindow && i + by < kSequenceWindow; ++i) {
    if (bit(window.missing(), i)) set_bit(raised, i + by, true);
  }
  cut_zeros(raised);
  window.set_highest(number);
  window.set_missing(std::move(raised));
}

}  // namespace

KernelCode judge_sequence(const SequenceWindow& window, std::uint64_t number) {
  if (number > window.highest()) return KernelCode::ok;
  if (number == window.highest()) return KernelCode::replayed;
  const std::uint64_t index = window.highest() - 1 - number;
  if (index >= kSequenceWindow) return KernelCode::sequence_too_old;
  return bit(window.missing(), index) ? KernelCode::ok : KernelCode::replayed;
}

void consume_sequence(SequenceWindow& window, std::uint64_t number) {
  if (number > window.highest()) {
    raise(window, number);
    return;
  }
  Bytes missing = window.missing();
  set_bit(missing, window.highest() - 1 - number, false);
  cut_zeros(missing);
  window.set_missing(std::move(missing));
}

}  // namespace careledger::kernel
