// Keys for tests: the same number always gives the same one.
#pragma once

#include "kernel/sign.h"

namespace careledger::kernel {

inline crypto::SigningKey test_key(std::uint8_t number) {
  auto key = crypto::SigningKey::from_seed(crypto::Secret::copy_of(Bytes(32, static_cast<char>(number))));
  CARELEDGER_ASSERT(key.has_value());
  return std::move(*key);
}

template <class Id>
Id test_id(std::uint8_t number) {
  Id id;
  id.value.fill(static_cast<char>(number));
  return id;
}

}  // namespace careledger::kernel
