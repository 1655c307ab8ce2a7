// SPDX-License-Identifier: Apache-2.0
// Errors of the outside world: a file, a broker, a line somebody typed. A function that can meet one returns
// Result<T> (or Status when there is nothing to return); both are [[nodiscard]], so ignoring one does not compile.
// Not for outcomes of an event (ledger/core/outcome.h) nor for bugs (events/base/check.h).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "events/base/check.h"

namespace upline {

// What the caller can do about it.
enum class ErrorCode {
    kInvalid,      // the request or input is wrong: change it
    kNotFound,     // there is no such thing: look elsewhere
    kConflict,     // somebody else holds it, or it is not what it was: decide
    kCorrupt,      // stored bytes are not what was written: stop, investigate
    kUnavailable,  // the outside did not answer or refused: try again later
};

struct Error {
    ErrorCode code;
    std::string message;  // one line, says what to do next where that is known
};

struct Unit {};

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& operator*() { return get(); }
    const T& operator*() const { return const_cast<Result*>(this)->get(); }
    T* operator->() { return &get(); }
    const T* operator->() const { return &**this; }
    const Error& error() const {
        UPLINE_CHECK(!ok(), "an error is read only from a failed result");
        return *std::get_if<1>(&state_);
    }

  private:
    T& get() {
        UPLINE_CHECK(ok(), "a value is read only from a good result");
        return *std::get_if<0>(&state_);
    }
    std::variant<T, Error> state_;
};

using Status = Result<Unit>;
inline Status ok_status() {
    return Unit{};
}

}  // namespace upline

#define UPLINE_CONCAT_(a, b) a##b
#define UPLINE_CONCAT(a, b) UPLINE_CONCAT_(a, b)

// Returns the error of `expression` from the enclosing function, if there is one.
#define UPLINE_TRY(expression)                             \
    do {                                                   \
        auto&& upline_try_ = (expression);                 \
        if (!upline_try_.ok()) return upline_try_.error(); \
    } while (false)

// `declaration = value of expression`, or returns its error.
#define UPLINE_TRY_ASSIGN(declaration, expression)                                                             \
    auto UPLINE_CONCAT(upline_result_, __LINE__) = (expression);                                               \
    if (!UPLINE_CONCAT(upline_result_, __LINE__).ok()) return UPLINE_CONCAT(upline_result_, __LINE__).error(); \
    declaration = std::move(*UPLINE_CONCAT(upline_result_, __LINE__))
