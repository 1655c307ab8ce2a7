// SPDX-License-Identifier: Apache-2.0
// For tests: a shard in memory on which a random community signs up, builds websites, visits, buys, is refunded and
// paid out, under plans that change. Also what is refused: repeated ids, unknown references, impossible amounts.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/values/time.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline::testing {

class Community {
  public:
    // Under the newest rules of this release.
    explicit Community(uint64_t seed) : Community(seed, rules_versions()) {
        while (shard_.state().rules_version() < rules_versions().size()) activate_next_rules();
    }
    // Under the first of `versions`, until another is activated.
    Community(uint64_t seed, std::span<const Rules> versions) : random_(seed), shard_({}, versions) {}

    MemoryShard& shard() { return shard_; }
    uint64_t size() const { return shard_.entries().size(); }
    uint64_t below(uint64_t bound) { return random_() % bound; }

    // Lets so many more events happen, each its entry.
    void live(size_t events) {
        constexpr size_t kAtOnce = 50;  // what is asked for next depends on what there is
        for (; events > kAtOnce; events -= kAtOnce) live_at_once(kAtOnce);
        live_at_once(events);
    }

    // Puts the next version of the rules in force.
    void activate_next_rules() {
        const uint16_t before = shard_.state().rules_version();
        Input input;
        input.rules_version = before;
        Event& event = input.record.event;
        event.id = uuid();
        event.occurred_at_us = now_us_;
        set(event, RulesActivated{.version = static_cast<uint16_t>(before + 1)});
        input.append_time_ms = now_us_ / 1000;
        shard_.apply(std::span(&input, 1));
        ASSERT_EQ(shard_.state().rules_version(), before + 1);
    }

    // Calls f(entry) for each entry there is.
    template <class F>
    void for_each_entry(F&& f) {
        Entry entry;
        for (uint64_t i = 0; i < size(); ++i) {
            ASSERT_TRUE(decode_entry(shard_.entries()[i], entry).ok());
            f(entry);
        }
    }

  private:
    void live_at_once(size_t events) {
        std::vector<Input> inputs;
        for (size_t i = 0; i < events; ++i) {
            Input input;
            input.rules_version = shard_.state().rules_version();
            input.record.event = next();
            input.append_time_ms = input.record.event.occurred_at_us / 1000;
            if (may_fail(input.record.event) && below(50) == 0) input.record.malformed = "for a test";
            inputs.push_back(input);
        }
        shard_.apply(inputs);
        shard_.mature();
    }

    // The first user and website, whom most else is about, are there whatever the seed.
    bool may_fail(const Event& event) const {
        const auto is_first = [&event](const std::vector<Uuid>& ids) {
            return !ids.empty() && ids.front() == event.id;
        };
        return !is_first(users_) && !is_first(websites_);
    }

    Event next() {
        if (!past_.empty() && below(40) == 0) return past_[below(past_.size())];
        Event event;
        event.id = uuid();
        const bool other = below(10) == 0;
        event.program = other ? "other" : kDefaultProgram;
        std::vector<Uuid>& users = other ? other_users_ : users_;
        const std::vector<Uuid>& websites = websites_;  // of the default program: unknown in the other
        now_us_ += static_cast<int64_t>(below(1000) == 0 ? below(40) * kUsPerDay : below(kUsPerDay / 20));
        event.occurred_at_us = now_us_;
        if (below(5) == 0) event.occurred_at_us -= static_cast<int64_t>(below(5 * kUsPerDay));
        const bool first = users.size() < 3;
        switch (first ? 0 : below(18)) {
            case 0:
                set(event, UserSignedUp{.referrer = {first || below(10) == 0 ? Uuid() : any(users)}, .website = {}});
                users.push_back(event.id);
                break;
            case 1:
                set(event,
                    WebsiteCreated{
                        .owner = {websites_.empty() ? users.front() : any(users)}, .domain = {}, .site_template = {}});
                if (!other && (websites_.empty() || below(4) == 0)) websites_.push_back(event.id);
                break;
            case 2:
                set(event,
                    WebsiteStatusChanged{.website = {any(websites)}, .status = enum_at<WebsiteStatus>(below(3))});
                break;
            case 3:
            case 4:
            case 5:
            case 6: {
                WebsiteActivity activity{.website = {any(websites)},
                                         .widget = enum_at<Widget>(below(6)),
                                         .kind = enum_at<ActivityKind>(below(4)),
                                         .count = static_cast<uint32_t>(1 + below(5)),
                                         .visitor = {}};
                // Now and then all the world comes to one page, or the same few come back.
                if (below(3) != 0) activity.visitor = VisitorToken{below(2) == 0 ? random_() : 1 + below(20)};
                if (below(2) == 0) {
                    activity.website = {websites.empty() ? uuid() : websites.front()};
                    event.occurred_at_us = kBusyDayUs;
                }
                set(event, activity);
                break;
            }
            case 7:
            case 8: refund(event); break;
            case 9: set(event, plan()); break;
            case 10: request(event); break;
            case 11: result(event); break;
            case 12:
                set(event, AdjustmentPosted{.user = {any(users)},
                                            .amount = {static_cast<int64_t>(below(2000)) - 1000},
                                            .currency = *parse_currency("USD"),
                                            .reason = "goodwill"});
                break;
            default: set(event, sale(users));
        }
        past_.push_back(event);
        return event;
    }

    TransactionRecorded sale(const std::vector<Uuid>& users) {
        static constexpr std::array<Currency, 3> kCurrencies = {
            {{{'U', 'S', 'D'}}, {{'J', 'P', 'Y'}}, {{'K', 'W', 'D'}}}};
        TransactionRecorded sale;
        sale.buyer.id = any(users);
        sale.amount.value = static_cast<int64_t>(below(below(2) == 0 ? 50 : 1'000'000));
        if (below(3) == 0) sale.tax.value = static_cast<int64_t>(below(static_cast<uint64_t>(sale.amount.value) + 2));
        sale.currency = kCurrencies[below(3)];
        sale.source = enum_at<Source>(below(3));
        if (below(2) == 0 || sale.source == Source::kWebsite) sale.website.id = any(websites_);
        sale.stream = enum_at<Stream>(below(18));
        if (below(4) == 0) sale.creator.id = any(users);
        return sale;
    }

    // Of a sale of some time ago, in its program: a part or all that was sold.
    void refund(Event& event) {
        const Event* sold = a_past<TransactionRecorded>();
        if (!sold) return set(event, TransactionRefunded{.transaction = {uuid()}, .currency = *parse_currency("USD")});
        const auto& sale = std::get<TransactionRecorded>(sold->payload);
        event.program = sold->program;
        const int64_t amount = below(2) == 0 ? sale.amount.value : 1 + sale.amount.value / 3;
        set(event, TransactionRefunded{.transaction = {sold->id},
                                       .amount = {amount},
                                       .currency = sale.currency,
                                       .reason = enum_at<RefundReason>(below(2))});
    }
    PlanPublished plan() {
        static constexpr std::array<std::array<int32_t, 4>, 3> kRates = {
            {{2000, 1000, 500, 100}, {0, 3000, 0, 1}, {9000, 500, 0, 0}}};
        static constexpr std::array<int32_t, 5> kHoldDays = {0, 1, 10, 30, 90};
        return {.level_rates = Rates(kRates[below(3)]).first(1 + below(4)),
                .website_bonus = {500},
                .creator_share = {2500},
                .hold_days = kHoldDays[below(5)],
                .minimum_payout = {100}};
    }
    // What somebody has available, or more.
    void request(Event& event) {
        const State& state = shard_.state();
        PayoutRequested request{
            .user = {uuid()}, .amount = {100}, .currency = *parse_currency("USD"), .method = "bank"};
        if (state.accounts().size() > 0) {
            const Account& account = state.accounts()[below(state.accounts().size())];
            const User& user = state.users()[account.user];
            event.program = state.programs()[user.program].name() == "other" ? "other" : kDefaultProgram;
            request.user.id = user.id;
            request.currency = account.currency;
            request.amount.value = account.available + static_cast<int64_t>(below(8) == 0 ? 1 : 0);
        }
        set(event, request);
    }
    void result(Event& event) {
        const Event* requested = a_past<PayoutRequested>();
        if (requested) event.program = requested->program;
        const PayoutRef payout{requested ? requested->id : uuid()};
        if (below(3) == 0)
            set(event, PayoutFailed{.payout = payout, .reason = "account_closed"});
        else
            set(event, PayoutSettled{.payout = payout, .provider_ref = std::nullopt});
    }
    template <class P>
    const Event* a_past() {
        for (int attempt = 0; attempt < 50 && !past_.empty(); ++attempt) {
            const Event& event = past_[below(past_.size())];
            if (std::holds_alternative<P>(event.payload)) return &event;
        }
        return nullptr;
    }

    template <class P>
    static void set(Event& event, const P& payload) {
        event.type = static_cast<uint8_t>(P::kType);
        event.payload = payload;
    }
    // One of them, most likely of the first few; or one that nobody knows.
    Uuid any(const std::vector<Uuid>& ids) {
        if (ids.empty() || below(30) == 0) return uuid();
        return ids[below(1 + below(ids.size()))];
    }
    Uuid uuid() {
        Uuid id;
        for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random_());
        return id;
    }

    static constexpr int64_t kBusyDayUs = 20'000 * kUsPerDay;
    std::mt19937_64 random_;
    MemoryShard shard_;
    int64_t now_us_ = kBusyDayUs;
    std::vector<Uuid> users_;
    std::vector<Uuid> other_users_;
    std::vector<Uuid> websites_;
    std::vector<Event> past_;
};

// UPLINE_TEST_SEED if set, else one that differs from run to run. Told to whoever reads a failure.
inline uint64_t test_seed() {
    const char* given = std::getenv("UPLINE_TEST_SEED");
    const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
    ::testing::Test::RecordProperty("seed", std::to_string(seed));
    std::printf("seed %llu (UPLINE_TEST_SEED repeats it)\n", static_cast<unsigned long long>(seed));
    return seed;
}

}  // namespace upline::testing
