// SPDX-License-Identifier: Apache-2.0
// Signals become a stop token, end nothing meanwhile, and mean what they did before afterwards.
#include "tools/terminal/stop_signal.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <chrono>

namespace upline {
namespace {

bool is_blocked(int signal) {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, signal) == 1;
}

TEST(StopSignal, TheFirstAsksToStopAndLaterOnesEndNothing) {
    for (const int first : {SIGINT, SIGTERM}) {
        const StopSignal signal;
        const std::stop_token stop = signal.token();
        EXPECT_FALSE(stop.stop_requested());
        ASSERT_EQ(::kill(::getpid(), first), 0);
        for (int i = 0; i < 3000 && !stop.stop_requested(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_TRUE(stop.stop_requested());
        ASSERT_EQ(::kill(::getpid(), SIGINT), 0);
        ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
    }
    EXPECT_FALSE(is_blocked(SIGINT));
    EXPECT_FALSE(is_blocked(SIGTERM));
}

TEST(StopSignal, EndsWithoutASignal) {
    std::stop_token stop;
    {
        const StopSignal signal;
        stop = signal.token();
        EXPECT_TRUE(is_blocked(SIGTERM));
    }
    EXPECT_FALSE(stop.stop_requested());
    EXPECT_FALSE(is_blocked(SIGTERM));
}

}  // namespace
}  // namespace upline
