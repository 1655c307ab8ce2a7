// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM as a stop token, for commands that run until they are asked to stop.
#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace upline {

// While it lives, the signals end nothing: a thread of its own takes them, and the first asks the token to stop. Make
// it before any other thread: those that are started later inherit that the signals are blocked. One at a time.
class StopSignal {
  public:
    StopSignal();
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;
    std::stop_token token() const { return source_.get_token(); }

  private:
    sigset_t before_{};  // the mask to restore
    std::stop_source source_;
    std::atomic<bool> ended_ = false;
    std::thread thread_;
};

}  // namespace upline
