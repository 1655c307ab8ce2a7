// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/stop_signal.h"

#include <pthread.h>

namespace upline {

StopSignal::StopSignal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
    thread_ = std::thread([this, signals] {
        int signal = 0;
        while (sigwait(&signals, &signal) == 0 && !ended_) source_.request_stop();
    });
}

StopSignal::~StopSignal() {
    ended_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);  // for that thread alone
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace upline
