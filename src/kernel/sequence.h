// The sequence window of an actor: its highest number and which of the 256 below are still missing. No row a command.
//
// Numbers start at 1 and may come out of order within the window. Every correctly signed command consumes its number.
#pragma once

#include "kernel/codes.h"
#include "kernel/kernel.pb.h"

namespace careledger::kernel {

inline constexpr std::uint64_t kSequenceWindow = 256;

KernelCode judge_sequence(const SequenceWindow& window, std::uint64_t number);  // ok, replayed, sequence_too_old
void consume_sequence(SequenceWindow& window, std::uint64_t number);            // only after ok

}  // namespace careledger::kernel
