// SPDX-License-Identifier: Apache-2.0
// Work for another thread.
#pragma once

#include <future>
#include <system_error>
#include <utility>

namespace upline {

// Runs `work` in a thread of its own; if none can be started, the work runs in get(). The destructor of the future
// waits for the work, so what the work uses must outlive the future.
template <class Work>
auto run_async(Work work) {
    try {
        return std::async(std::launch::async, work);
    } catch (const std::system_error&) {
        return std::async(std::launch::deferred, std::move(work));
    }
}

}  // namespace upline
