// SPDX-License-Identifier: Apache-2.0
#include "tools/demo/demo_data.h"

#include <fmt/format.h>

#include <algorithm>

#include "events/json_reader.h"
#include "events/values/time.h"

namespace upline {
namespace {

constexpr int64_t kYearStartUs = 1'735'689'600 * kUsPerSecond;  // 2025-01-01
constexpr int kPeople = 160;
constexpr int kDays = 365;

// Numerical Recipes' 64-bit linear congruential generator: a few lines whose sequence no library version changes.
class Generator {
  public:
    uint64_t below(uint64_t bound) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return (state_ >> 33) % bound;
    }

  private:
    uint64_t state_ = 2025;
};

Uuid id_of(const char* kind, int number) {
    return uuid5(kIdNamespace, fmt::format("demo {} {}", kind, number));
}

struct Community {
    Generator random;
    std::vector<Event> events;
    struct Person {
        Uuid id;
        int joined_day;
    };
    struct Site {
        Uuid id;
        int since_day;
    };
    std::vector<Person> people;
    std::vector<Site> sites;
    int next_sale = 0;
    int next_activity = 0;
    int next_change = 0;

    void add(const Uuid& id, int day, EventType type, const Payload& payload) {
        const int64_t at = kYearStartUs + day * kUsPerDay + static_cast<int64_t>(random.below(86'400)) * kUsPerSecond;
        events.push_back({.id = id, .type = static_cast<uint8_t>(type), .occurred_at_us = at, .payload = payload});
    }

    // Most join through somebody, more often through one of the early ones: a tree with long arms.
    void join(int number, int day) {
        UserSignedUp signup;
        if (number > 2 && random.below(10) != 0) {
            const uint64_t a = random.below(people.size());
            const uint64_t b = random.below(people.size());
            signup.referrer.id = people[random.below(2) == 0 ? std::min(a, b) : std::max(a, b)].id;
        }
        const Uuid id = id_of("user", number);
        add(id, day, EventType::kUserSignedUp, signup);
        people.push_back({id, day});
        if (number % 8 != 3) return;
        const Uuid site = id_of("website", number);
        add(site, day + 1, EventType::kWebsiteCreated, WebsiteCreated{.owner = {id}});
        add(id_of("change", next_change++), day + 2, EventType::kWebsiteStatusChanged,
            WebsiteStatusChanged{.website = {site}, .status = WebsiteStatus::kPublished});
        sites.push_back({site, day + 3});
    }

    void visit(const Site& site, int day) {
        for (uint64_t visits = random.below(4); visits > 0; --visits) {
            WebsiteActivity activity{.website = {site.id},
                                     .widget = enum_at<Widget>(random.below(6)),
                                     .kind = enum_at<ActivityKind>(random.below(4)),
                                     .count = 1 + static_cast<uint32_t>(random.below(20))};
            activity.visitor = VisitorToken{random.below(1000) * 0x9e3779b97f4a7c15U + static_cast<uint64_t>(day)};
            add(id_of("activity", next_activity++), day, EventType::kWebsiteActivity, activity);
        }
    }

    void buy(int day) {
        constexpr int64_t kPrices[] = {990, 1999, 2900, 4900, 9900, 11900, 29900};
        TransactionRecorded sale{.buyer = {people[random.below(people.size())].id}};
        sale.amount.value = kPrices[random.below(7)];
        sale.currency = *parse_currency(random.below(8) == 0 ? "EUR" : "USD");
        if (sale.currency.text() == "EUR") sale.tax.value = sale.amount.value * 19 / 119;
        sale.source = Source::kReferral;
        sale.stream = enum_at<Stream>(random.below(18));
        if (!sites.empty() && random.below(3) == 0) {
            sale.source = Source::kWebsite;
            sale.website.id = sites[random.below(sites.size())].id;
        }
        if (sale.stream == Stream::kTemplateMarketplace) sale.creator.id = people[random.below(people.size())].id;
        add(id_of("sale", next_sale++), day, EventType::kTransactionRecorded, sale);
    }
};

}  // namespace

std::vector<Event> make_demo_events() {
    Community community;
    for (int day = 0; day < kDays; ++day) {
        const int members = std::min(kPeople, 3 + day * kPeople / 240);
        while (static_cast<int>(community.people.size()) < members)
            community.join(static_cast<int>(community.people.size()), std::max(0, day - 2));
        for (const auto& site : community.sites)
            if (site.since_day <= day) community.visit(site, day);
        if (day < 3) continue;
        for (uint64_t sales = community.random.below(2 + community.people.size() / 12); sales > 0; --sales)
            community.buy(day);
    }
    std::stable_sort(community.events.begin(), community.events.end(),
                     [](const Event& a, const Event& b) { return a.occurred_at_us < b.occurred_at_us; });
    // What happens in every real stream: something sent twice, and a sale of somebody nobody knows.
    community.events.push_back(community.events[community.events.size() / 2]);
    Event stranger = *std::find_if(community.events.rbegin(), community.events.rend(), [](const Event& event) {
        return std::holds_alternative<TransactionRecorded>(event.payload);
    });
    stranger.id = id_of("sale", -1);
    std::get<TransactionRecorded>(stranger.payload).buyer.id = id_of("user", -1);
    community.events.push_back(stranger);
    return std::move(community.events);
}

}  // namespace upline
