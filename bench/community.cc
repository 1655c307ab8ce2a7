// SPDX-License-Identifier: Apache-2.0
#include "bench/community.h"

#include <algorithm>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "events/values/time.h"

namespace upline::bench {
namespace {

constexpr int64_t kStartUs = 1'767'225'600 * kUsPerSecond;  // 2026-01-01
constexpr uint64_t kUserSeries = 1;
constexpr uint64_t kSaleSeries = 2;
constexpr uint64_t kLifeSeries = 3;
constexpr uint64_t kWebsiteSeries = 4;

Uuid uuid7(int64_t at_us, uint64_t series, uint64_t number) {
    const auto ms = static_cast<uint64_t>(at_us / 1000);
    const uint64_t random = mix(series << 48 ^ number);
    Uuid id;
    store_be(ms << 16 | 0x7000 | (random & 0xfff), id.bytes.data());
    store_be(uint64_t{1} << 63 | mix(random) >> 2, id.bytes.data() + 8);
    return id;
}

int64_t signup_time(uint32_t user) {
    return kStartUs + int64_t{user} * 1000;
}

template <class P>
Event event_of(const Uuid& id, int64_t at_us, const P& payload) {
    return {.id = id, .type = static_cast<uint8_t>(P::kType), .occurred_at_us = at_us, .payload = payload};
}

}  // namespace

uint64_t mix(uint64_t value) {
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

Community::Community(uint32_t users) : referrer_(users), depth_(users) {
    for (uint32_t user = 1; user < users; ++user) {
        // A chain first, so that even a small community has full uplines; then anybody.
        referrer_[user] = user <= 8 ? user - 1 : static_cast<uint32_t>(mix(user) % user);
        depth_[user] = static_cast<uint16_t>(std::min(depth_[referrer_[user]] + 1, 60'000));
    }
    UPLINE_CHECK(users > 16, "enough users for a full upline");
}

Event Community::signup(uint32_t user) const {
    UserSignedUp facts;
    if (user > 0) facts.referrer.id = uuid7(signup_time(referrer_[user]), kUserSeries, referrer_[user]);
    return event_of(uuid7(signup_time(user), kUserSeries, user), signup_time(user), facts);
}

int64_t Community::signup_end_us() const {
    return signup_time(users());
}

int64_t Community::website_end_us(uint64_t websites) const {
    return signup_end_us() + static_cast<int64_t>(websites) * 100;
}

Event Community::website(uint64_t number) const {
    const int64_t at = website_end_us(number);
    const auto owner = static_cast<uint32_t>(mix(number ^ kWebsiteSeries << 56) % users());
    const WebsiteCreated facts{.owner = {uuid7(signup_time(owner), kUserSeries, owner)},
                               .domain = std::nullopt,
                               .site_template = std::nullopt};
    return event_of(uuid7(at, kWebsiteSeries, number), at, facts);
}

uint32_t Community::buyer_of(uint64_t number) const {
    uint32_t buyer = 0;
    for (uint64_t attempt = 0; depth_[buyer] < 7; ++attempt)
        buyer = static_cast<uint32_t>(mix(mix(number) + attempt) % users());
    return buyer;
}

Event Community::sale_at(uint64_t number, int64_t at_us) const {
    const uint32_t buyer = buyer_of(number);
    TransactionRecorded facts{.buyer = {uuid7(signup_time(buyer), kUserSeries, buyer)}};
    facts.amount.value = 100 + static_cast<int64_t>(mix(~number) % 50'000);
    facts.currency = *parse_currency("USD");
    facts.source = Source::kReferral;
    facts.stream = enum_at<Stream>(number % 18);
    return event_of(uuid7(at_us, kSaleSeries, number), at_us, facts);
}

Event Community::small_payouts_plan() const {
    static constexpr int32_t kRates[] = {2000, 1500, 1000, 800, 500, 300, 200};
    const int64_t at = signup_end_us();
    return event_of(
        uuid7(at, kLifeSeries, 0), at,
        PlanPublished{.level_rates = kRates, .website_bonus = {500}, .creator_share = {5000}, .hold_days = {30}});
}

Event Community::life(uint64_t number, int64_t spacing_us) const {
    constexpr uint64_t kRound = 20;
    constexpr uint64_t kSalesOfRound = 14;
    const auto at_of = [&](uint64_t n) { return signup_end_us() + static_cast<int64_t>(n) * spacing_us; };
    const uint64_t round = number / kRound;
    const uint64_t slot = number % kRound;
    const int64_t at = at_of(number);
    const auto rounds = [&](int64_t days) {
        return static_cast<uint64_t>(days * kUsPerDay / (spacing_us * static_cast<int64_t>(kRound))) + 1;
    };
    const Uuid id = uuid7(at, kLifeSeries, number + 1);
    const auto sale_number = [&](uint64_t rounds_ago) { return (round - rounds_ago) * kRound + round % kSalesOfRound; };
    const Currency usd = *parse_currency("USD");
    if (slot == kSalesOfRound && round >= rounds(5)) {
        const uint64_t sold = sale_number(rounds(5));
        const Event sale = sale_at(sold, at_of(sold));
        const int64_t amount = std::get<TransactionRecorded>(sale.payload).amount.value;
        const bool whole = round % 2 == 0;
        return event_of(id, at,
                        TransactionRefunded{.transaction = {sale.id},
                                            .amount = {whole ? amount : amount / 2},
                                            .currency = usd,
                                            .reason = whole ? RefundReason::kChargeback : RefundReason::kRefund});
    }
    const bool asks = slot == 15 || slot == 16;
    const bool results = slot == 17 || slot == 18;
    if (asks && round >= rounds(31)) {
        const uint32_t earner = referrer_[buyer_of(sale_number(rounds(31)) + (slot == 15 ? 0 : 1))];
        return event_of(id, at,
                        PayoutRequested{.user = {uuid7(signup_time(earner), kUserSeries, earner)},
                                        .amount = {5},
                                        .currency = usd,
                                        .method = "bank"});
    }
    if (results && round >= rounds(31) + rounds(2)) {
        const uint64_t asked = (round - rounds(2)) * kRound + slot - 2;
        const PayoutRef payout{uuid7(at_of(asked), kLifeSeries, asked + 1)};
        if (round % 20 == 7) return event_of(id, at, PayoutFailed{.payout = payout, .reason = "account_closed"});
        return event_of(id, at, PayoutSettled{.payout = payout, .provider_ref = std::nullopt});
    }
    if (slot == 19) {
        const auto user = static_cast<uint32_t>(mix(number) % users());
        return event_of(id, at,
                        AdjustmentPosted{.user = {uuid7(signup_time(user), kUserSeries, user)},
                                         .amount = {100},
                                         .currency = usd,
                                         .reason = "goodwill"});
    }
    return sale_at(number, at);
}

}  // namespace upline::bench
