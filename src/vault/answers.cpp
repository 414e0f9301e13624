#include "vault/answers.h"

#include "kernel/codes.h"

namespace careledger::vault {

bool wants_new_command(const kernel::Code& code) {
  if (code.contract.value != kernel::kKernel.value) return false;
  switch (static_cast<kernel::KernelCode>(code.number)) {
    case kernel::KernelCode::expired:
    case kernel::KernelCode::replayed:
    case kernel::KernelCode::sequence_too_old: return true;
    default: return false;
  }
}

}  // namespace careledger::vault
