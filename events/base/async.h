// SPDX-License-Identifier: Apache-2.0
// Work for a thread beside.
#pragma once

#include <future>
#include <system_error>
#include <utility>

namespace upline {

// Starts `work`; where no thread is to be had, it is done when its future is asked. Like every future of std::async,
// this one waits for the work before it goes: what the work uses must outlive it.
template <class Work>
auto beside(Work work) {
    try {
        return std::async(std::launch::async, work);
    } catch (const std::system_error&) {
        return std::async(std::launch::deferred, std::move(work));
    }
}

}  // namespace upline
