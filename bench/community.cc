// SPDX-License-Identifier: Apache-2.0
#include "bench/community.h"

#include <algorithm>

#include "events/check.h"
#include "events/time.h"

namespace upline::bench {
namespace {

constexpr int64_t kStartUs = 1'767'225'600 * kUsPerSecond;  // 2026-01-01
constexpr uint64_t kUserSeries = 1;
constexpr uint64_t kSaleSeries = 2;

void put_big_endian(uint64_t value, uint8_t* out) {
    for (int i = 7; i >= 0; --i, value >>= 8) out[i] = static_cast<uint8_t>(value);
}

Uuid uuid7(int64_t at_us, uint64_t series, uint64_t number) {
    const auto ms = static_cast<uint64_t>(at_us / 1000);
    const uint64_t random = mix(series << 48 ^ number);
    Uuid id;
    put_big_endian(ms << 16 | 0x7000 | (random & 0xfff), id.bytes.data());
    put_big_endian(uint64_t{1} << 63 | mix(random) >> 2, id.bytes.data() + 8);
    return id;
}

int64_t signup_time(uint32_t user) {
    return kStartUs + int64_t{user} * 1000;
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
    return {.id = uuid7(signup_time(user), kUserSeries, user),
            .type = static_cast<uint8_t>(EventType::kUserSignedUp),
            .occurred_at_us = signup_time(user),
            .payload = facts};
}

Event Community::sale(uint64_t number) const {
    const int64_t at = signup_time(users()) + static_cast<int64_t>(number) * 100;
    uint32_t buyer = 0;
    for (uint64_t attempt = 0; depth_[buyer] < 7; ++attempt)
        buyer = static_cast<uint32_t>(mix(mix(number) + attempt) % users());
    TransactionRecorded facts{.buyer = {uuid7(signup_time(buyer), kUserSeries, buyer)}};
    facts.amount.value = 100 + static_cast<int64_t>(mix(~number) % 50'000);
    facts.currency = *parse_currency("USD");
    facts.source = Source::kReferral;
    facts.stream = static_cast<Stream>(number % 18);
    return {.id = uuid7(at, kSaleSeries, number),
            .type = static_cast<uint8_t>(EventType::kTransactionRecorded),
            .occurred_at_us = at,
            .payload = facts};
}

}  // namespace upline::bench
