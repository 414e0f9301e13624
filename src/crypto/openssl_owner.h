// Owners of OpenSSL's objects: std::unique_ptr<X509, Freer<X509_free>>. For the files that wrap OpenSSL.
#pragma once

namespace careledger::crypto {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

}  // namespace careledger::crypto
