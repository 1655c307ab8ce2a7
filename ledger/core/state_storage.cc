// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/state_storage.h"

#include <fmt/format.h>

#include <utility>

namespace upline {

Status StateStorage::restore(uint64_t size, int64_t clock_us, uint16_t rules_version, std::vector<Hold> holds) {
    state_.size_ = size;
    state_.clock_us_ = clock_us;
    state_.rules_version_ = rules_version;
    if (clock_us < 0 || clock_us > kMaxTimeUs)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("stored state: its clock is {}, no time from 1970 to 9999", clock_us)};
    const auto wrong = [](const char* what, size_t index) {
        return Error{ErrorCode::kCorrupt, fmt::format("stored state: {} {} does not fit the others", what, index)};
    };
    for (size_t i = 0; i < state_.programs_.size(); ++i) {
        const Program& program = state_.programs_[i];
        if (program.name_size > kMaxProgramBytes ||
            (program.first_book != kNoIndex && program.first_book.value >= state_.books_.size()) ||
            (program.plan != kNoIndex && program.plan.value >= state_.plans_.size()) ||
            !state_.program_index_.emplace(program.name(), i).second)
            return wrong("program", i);
    }
    Sequence least = 0;
    for (size_t i = 0; i < state_.users_.size(); ++i) {
        const User user = state_.users_[i];
        if (user.sequence < least || user.sequence >= size || user.program.value >= state_.programs_.size() ||
            (user.referrer != kNoIndex && user.referrer.value >= i) || user.suspended > 1)
            return wrong("user", i);
        least = user.sequence + 1;
        state_.user_rank_.add(user.sequence);
    }
    least = 0;
    for (size_t i = 0; i < state_.websites_.size(); ++i) {
        const Website& website = state_.websites_[i];
        if (website.sequence < least || website.sequence >= size || website.program.value >= state_.programs_.size() ||
            website.owner.value >= state_.users_.size() ||
            website.status < static_cast<uint32_t>(WebsiteStatus::kDraft) ||
            website.status > static_cast<uint32_t>(WebsiteStatus::kSuspended))
            return wrong("website", i);
        least = website.sequence + 1;
        state_.website_rank_.add(website.sequence);
    }
    if (const std::optional<size_t> i = link_accounts()) return wrong("account", *i);
    for (size_t i = 0; i < state_.books_.size(); ++i)
        if (state_.books_[i].program.value >= state_.programs_.size() ||
            !parse_currency(state_.books_[i].currency.text()) ||
            (state_.books_[i].next != kNoIndex && state_.books_[i].next.value >= i))
            return wrong("book", i);
    least = 0;
    for (size_t i = 0; i < state_.plans_.size(); least = state_.plans_[i++].sequence + 1)
        if (state_.plans_[i].sequence < least || state_.plans_[i].sequence >= size ||
            state_.plans_[i].plan.levels > kMaxLevels)
            return wrong("plan", i);
    least = 0;
    for (size_t i = 0; i < state_.payouts_.size(); least = state_.payouts_[i++].sequence + 1)
        if (state_.payouts_[i].sequence < least || state_.payouts_[i].sequence >= size ||
            state_.payouts_[i].user.value >= state_.users_.size() || state_.payouts_[i].status > PayoutStatus::kFailed)
            return wrong("payout", i);
    for (size_t i = 0; i < state_.refunded_sales_.size(); ++i)
        if (state_.refunded_sales_[i].sale >= size ||
            !state_.refunded_index_.emplace(state_.refunded_sales_[i].sale, i).second)
            return wrong("refunded sale", i);
    if (!state_.holds_.restore(std::move(holds), size)) return wrong("hold", 0);
    return ok_status();
}

std::optional<size_t> StateStorage::link_accounts() {
    // Their users lie scattered in memory.
    constexpr size_t kAhead = 16;
    for (size_t i = 0; i < state_.accounts_.size(); ++i) {
        if (i + kAhead < state_.accounts_.size() && state_.accounts_.cold(i + kAhead).user.value < state_.users_.size())
            state_.users_.prefetch_hot(state_.accounts_.cold(i + kAhead).user);
        const UserIndex user = state_.accounts_.cold(i).user;
        if (user.value >= state_.users_.size() || !parse_currency(state_.accounts_.hot(i).currency.text())) return i;
        state_.accounts_.mutate_untracked(i).next =
            std::exchange(state_.users_.mutate_untracked(user).first_account, AccountIndex(i));
        // Where there is but one program, no user's cold part need be read.
        state_.add_to_program(state_.programs_.size() == 1 ? ProgramIndex(0) : state_.users_.cold(user).program,
                              AccountIndex(i));
    }
    return std::nullopt;
}

}  // namespace upline
