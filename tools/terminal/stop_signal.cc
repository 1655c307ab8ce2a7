// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/stop_signal.h"

#include <pthread.h>

namespace upline {
namespace {

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

}  // namespace

StopSignal::StopSignal() {
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
    thread_ = std::thread([this, signals] {
        int signal = 0;
        while (sigwait(&signals, &signal) == 0 && !ended_) source_.request_stop();
    });
}

StopSignal::~StopSignal() {
    ended_ = true;
    // To that thread alone, which takes it in sigwait() and is not terminated by it.
    pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
    thread_.join();
    // One that came since is taken too: the command has ended.
    const sigset_t signals = stop_signals();
    const timespec now{};
    while (sigtimedwait(&signals, nullptr, &now) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace upline
