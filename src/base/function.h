// A move-only function object: std::move_only_function arrives with C++23.
#pragma once

#include <memory>
#include <utility>

#include "base/assert.h"

namespace careledger {

template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, UniqueFunction>)
  UniqueFunction(F&& f) : held_(std::make_unique<Model<std::decay_t<F>>>(std::forward<F>(f))) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return held_ != nullptr; }
  R operator()(Args... args) {
    CARELEDGER_ASSERT(held_ != nullptr);
    return held_->call(std::forward<Args>(args)...);
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Model : Concept {
    explicit Model(F f) : function(std::move(f)) {}
    R call(Args... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };
  std::unique_ptr<Concept> held_;
};

}  // namespace careledger
