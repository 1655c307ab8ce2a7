// SPDX-License-Identifier: Apache-2.0
// For tests: the rules of money written a second time, slow and obvious. Things are kept by their names (program, id),
// every posting is kept for ever with its maturity, and a balance is the sum of them each time it is asked for. Shares
// no code of money with ledger/, so that a mistake would have to be made twice.
//
// It knows rules version 1, and on demand the second one of tests/ledger/core/second_split.h; an event that would start
// one it does not know stops the program.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "events/base/check.h"
#include "events/base/int128.h"
#include "events/log/event_log.h"
#include "events/record_reader.h"
#include "tests/events/random_events.h"

namespace upline::testing {

class MoneyModel {
  public:
    struct Name {
        std::string program;
        Uuid id;
        friend auto operator<=>(const Name&, const Name&) = default;
    };
    struct Posting {
        std::string_view account;  // sales, tax, house; earned, reserved, paid
        std::string role;          // level_1 ... creator, website, adjustment; or none
        Uuid user;                 // nil: the program's own account
        Int128 amount = 0;
    };
    // What becomes of an event.
    struct Result {
        std::string_view outcome = "accepted";
        int64_t clock_us = 0;
        uint64_t plan = 0;  // sequence + 1 of its PlanPublished
        Int128 remaining_before = 0;
        Currency currency;
        std::optional<int64_t> maturity_us;  // of the postings to earned
        std::vector<Posting> postings;
        bool closes_books = false;  // of the program: what closed() says after it
    };
    struct Balance {
        Int128 pending = 0;
        Int128 available = 0;
        Int128 reserved = 0;
        Int128 paid = 0;
    };
    struct Books {
        Int128 sales = 0;
        Int128 tax = 0;
        Int128 house = 0;
    };
    // All that a program has, in the order of first postings.
    struct Closed {
        std::vector<std::tuple<Uuid, Currency, Balance>> balances;
        std::vector<std::tuple<Currency, Balance, Books>> currencies;  // sums of all balances
    };
    struct Plan {
        uint64_t number = 0;
        std::vector<int32_t> level_rates = {2000, 1500, 1000, 800, 500, 300, 200};
        int32_t website_bonus = 500;
        int32_t creator_share = 5000;
        int32_t hold_days = 30;
        int64_t minimum_payout = 100'000;  // ten-thousandths of a major unit
        // Of a program that has published none.
        static Plan by_default(unsigned version) {
            return version == 1 ? Plan{} : Plan{0, {3000, 1001}, 700, 4000, 10, 50'000};
        }
    };
    // Frozen when it was made, but for what is left of it.
    struct Sale {
        unsigned version = 1;
        Plan plan;
        Int128 amount = 0;
        Int128 tax = 0;
        Currency currency;
        int64_t maturity_us = 0;
        std::optional<Uuid> creator;
        std::optional<Uuid> bonus_owner;
        std::vector<Uuid> upline;  // nearest first
        Int128 left = 0;
    };
    struct Payout {
        Uuid user;
        Int128 amount = 0;
        Currency currency;
        std::string_view last_result;  // "", settled, failed
    };

    explicit MoneyModel(uint32_t partition = 0, uint32_t partition_count = 1, unsigned versions = 1)
        : partition_(partition), partition_count_(partition_count), versions_(versions) {}

    // What becomes of a record; does it, if that is accepted.
    Result apply(const DecodedRecord& record, int64_t append_time_ms) {
        const uint64_t sequence = size_++;
        Result result;
        result.clock_us = clock_us_;
        result.outcome = first_check_that_fails(record, append_time_ms);
        if (result.outcome != "accepted") return result;

        const Event& event = record.event;
        Result done;
        done.clock_us = std::max(clock_us_, event.occurred_at_us);
        done.outcome = std::visit([&](const auto& facts) { return rule(event, facts, done); }, event.payload);
        if (done.outcome == "accepted" && leaves_int64(event, done)) done.outcome = "out_of_range";
        if (done.outcome != "accepted") {
            result.outcome = done.outcome;
            return result;
        }
        clock_us_ = done.clock_us;
        const std::string program(event.program);
        accepted_[{program, event.id}] = {sequence, describe(event)};
        std::visit([&](const auto& facts) { remember({program, event.id}, sequence, facts, done); }, event.payload);
        for (const Posting& posting : done.postings) keep(program, done.currency, posting, done.maturity_us);
        return done;
    }

    // A posting that no event made: for tests that begin with full accounts.
    void keep(const std::string& program, Currency currency, const Posting& posting, std::optional<int64_t> maturity) {
        kept_[{program, currency}][posting.user].push_back({posting.account, posting.amount, maturity});
        const auto note = [](auto& list, const auto& thing) {
            if (std::ranges::find(list, thing) == list.end()) list.push_back(thing);
        };
        note(booked_[program], currency);
        if (!posting.user.is_nil()) note(posted_to_[program], std::pair(posting.user, currency));
    }

    Closed closed(const std::string& program) const {
        Closed closed;
        const auto booked = booked_.find(program);
        if (booked != booked_.end())
            for (const Currency currency : booked->second)
                closed.currencies.push_back({currency, Balance{}, books(program, currency)});
        const auto posted = posted_to_.find(program);
        if (posted == posted_to_.end()) return closed;
        for (const auto& [user, currency] : posted->second) {
            const Balance one = balance(program, user, currency, clock_us_);
            closed.balances.push_back({user, currency, one});
            for (auto& [of, sum, books] : closed.currencies) {
                if (of != currency) continue;
                sum.pending += one.pending;
                sum.available += one.available;
                sum.reserved += one.reserved;
                sum.paid += one.paid;
            }
        }
        return closed;
    }

    uint64_t size() const { return size_; }
    unsigned version() const { return version_; }  // in force
    int64_t clock_us() const { return clock_us_; }
    // Of the accepted event of that name.
    std::optional<uint64_t> sequence_of(const Name& name) const {
        const auto found = accepted_.find(name);
        return found == accepted_.end() ? std::nullopt : std::optional(found->second.sequence);
    }
    Balance balance(const std::string& program, const Uuid& user, Currency currency, int64_t at_us) const {
        Balance sum;
        for (const Kept& kept : kept_of(program, user, currency)) {
            if (kept.account == "reserved") sum.reserved += kept.amount;
            if (kept.account == "paid") sum.paid += kept.amount;
            if (kept.account != "earned") continue;
            const bool is_mature = !kept.maturity_us || *kept.maturity_us <= at_us;
            (is_mature ? sum.available : sum.pending) += kept.amount;
        }
        return sum;
    }
    Books books(const std::string& program, Currency currency) const {
        Books sum;
        for (const Kept& kept : kept_of(program, Uuid{}, currency)) {
            if (kept.account == "sales") sum.sales += kept.amount;
            if (kept.account == "tax") sum.tax += kept.amount;
            if (kept.account == "house") sum.house += kept.amount;
        }
        return sum;
    }
    // Calls f(program, currency, user) for every user that was ever posted to, and with the nil id for the program.
    template <class F>
    void for_each_account(F&& f) const {
        for (const auto& [place, users] : kept_)
            for (const auto& [user, kept] : users) f(place.first, place.second, user);
    }

    Plan plan_of(const std::string& program) const {
        const auto found = plans_.find(program);
        return found == plans_.end() ? Plan::by_default(version_) : found->second;
    }
    // The smallest payout that is not below the minimum.
    int64_t smallest_payout(const std::string& program, Currency currency) const {
        const int64_t enough =
            version_ == 1 ? 10'000 : 20'000;  // ten-thousandths of the minimum a minor unit stands for
        return static_cast<int64_t>((minimum_of(program, currency) + enough - 1) / enough);
    }
    const Sale* sale(const Name& name) const { return find(sales_, name); }
    const Payout* payout(const Name& name) const { return find(payouts_, name); }
    bool is_suspended(const Name& name) const { return suspended_.contains(name) && suspended_.at(name); }

  private:
    struct Accepted {
        uint64_t sequence;
        std::string facts;
    };
    struct Kept {
        std::string_view account;
        Int128 amount;
        std::optional<int64_t> maturity_us;
    };
    struct Site {
        Uuid owner;
        WebsiteStatus status = WebsiteStatus::kDraft;
    };

    static constexpr int64_t kCap = 1'000'000'000'000'000;
    static constexpr int64_t kDayUs = 86'400'000'000;

    template <class T>
    static const T* find(const std::map<Name, T>& things, const Name& name) {
        const auto found = things.find(name);
        return found == things.end() ? nullptr : &found->second;
    }
    const std::vector<Kept>& kept_of(const std::string& program, const Uuid& user, Currency currency) const {
        static const std::vector<Kept> none;
        const auto place = kept_.find({program, currency});
        if (place == kept_.end()) return none;
        const auto found = place->second.find(user);
        return found == place->second.end() ? none : found->second;
    }
    static bool is_amount(MinorUnits amount) { return amount.value > 0 && amount.value <= kCap; }

    // The checks that all types share.
    std::string_view first_check_that_fails(const DecodedRecord& record, int64_t append_time_ms) const {
        if (record.malformed != nullptr) return "malformed";
        const Event& event = record.event;
        const bool is_for_the_partition = event.type == 15;
        if (!is_for_the_partition && (murmur2(event.program) & 0x7fffffff) % partition_count_ != partition_)
            return "wrong_partition";
        if (const auto earlier = accepted_.find({std::string(event.program), event.id}); earlier != accepted_.end())
            return earlier->second.facts == describe(event) ? "duplicate" : "conflict";
        if (event.type > 15) return "unknown_type";
        if (event.occurred_at_us - Int128{append_time_ms} * 1000 > 5 * 60 * 1'000'000) return "from_future";
        return "accepted";
    }

    // ---- The checks and postings of each type ----

    std::string_view rule(const Event& /*event*/, const std::monostate& /*facts*/, Result& /*done*/) const {
        return "unknown_type";
    }

    std::string_view rule(const Event& event, const UserSignedUp& facts, Result& /*done*/) const {
        if (facts.referrer.id == event.id) return "self_referral";
        if (!facts.referrer.id.is_nil() && !knows_user(event, facts.referrer)) return "unknown_referrer";
        if (!facts.website.id.is_nil() && !site_of(event, facts.website)) return "unknown_website";
        return "accepted";
    }

    std::string_view rule(const Event& event, const WebsiteCreated& facts, Result& /*done*/) const {
        return knows_user(event, facts.owner) ? "accepted" : "unknown_user";
    }

    std::string_view rule(const Event& event, const WebsiteStatusChanged& facts, Result& /*done*/) const {
        return site_of(event, facts.website) ? "accepted" : "unknown_website";
    }

    std::string_view rule(const Event& event, const WebsiteActivity& facts, Result& /*done*/) const {
        return site_of(event, facts.website) ? "accepted" : "unknown_website";
    }

    std::string_view rule(const Event& event, const TransactionRecorded& facts, Result& done) const {
        const bool has_website = !facts.website.id.is_nil();
        const bool has_creator = !facts.creator.id.is_nil();
        if (!knows_user(event, facts.buyer)) return "unknown_user";
        if (has_website && !site_of(event, facts.website)) return "unknown_website";
        if (facts.source == Source::kWebsite && !has_website) return "invalid";
        if (has_creator && !knows_user(event, facts.creator)) return "unknown_user";
        if (!is_amount(facts.amount)) return "invalid";
        if (facts.tax.value < 0 || facts.tax.value > facts.amount.value) return "invalid";
        const Sale sale = frozen(event, facts, done.clock_us);
        done.plan = sale.plan.number;
        post_change(sale, 0, sale.amount, done);
        return "accepted";
    }

    std::string_view rule(const Event& event, const TransactionRefunded& facts, Result& done) const {
        const Sale* sale = find(sales_, {std::string(event.program), facts.transaction.id});
        if (sale == nullptr) return "unknown_transaction";
        if (facts.currency != sale->currency || !is_amount(facts.amount)) return "invalid";
        if (facts.amount.value > sale->left) return "over_refund";
        done.plan = sale->plan.number;
        done.remaining_before = sale->left;
        post_change(*sale, sale->left, sale->left - facts.amount.value, done);
        return "accepted";
    }

    std::string_view rule(const Event& /*event*/, const PlanPublished& facts, Result& /*done*/) const {
        if (facts.level_rates.empty() || facts.level_rates.size() > 7) return "invalid";
        Int128 sum = facts.website_bonus.value;
        for (const int32_t rate : facts.level_rates) sum += rate;
        const bool has_negative_rate = std::ranges::any_of(facts.level_rates, [](int32_t rate) { return rate < 0; });
        if (has_negative_rate || facts.website_bonus.value < 0 || facts.creator_share.value < 0 ||
            facts.hold_days.value < 0 || facts.minimum_payout.value < 0)
            return "invalid";
        if (sum > 10'000 || facts.creator_share.value > 10'000) return "invalid";
        if (facts.hold_days.value > (version_ == 1 ? 3650 : 365)) return "invalid";
        return "accepted";
    }

    std::string_view rule(const Event& event, const PayoutRequested& facts, Result& done) const {
        const std::string program(event.program);
        if (!knows_user(event, facts.user)) return "unknown_user";
        if (is_suspended({program, facts.user.id})) return "suspended";
        if (!is_amount(facts.amount)) return "invalid";
        const Plan plan = plan_of(program);
        // Both in ten-thousandths of a minor unit: the amount is in minor units, the minimum in major ones.
        const Int128 amount = Int128{facts.amount.value} * 10'000;
        if (amount * (version_ == 1 ? 1 : 2) < minimum_of(program, facts.currency)) return "below_minimum";
        if (balance(program, facts.user.id, facts.currency, done.clock_us).available < facts.amount.value)
            return "insufficient_funds";
        done.plan = plan.number;
        post_move("earned", "reserved", facts.user.id, facts.amount.value, facts.currency, done);
        return "accepted";
    }

    std::string_view rule(const Event& event, const PayoutSettled& facts, Result& done) const {
        const Payout* payout = find(payouts_, {std::string(event.program), facts.payout.id});
        if (payout == nullptr) return "unknown_payout";
        if (payout->last_result == "settled") return "invalid_state";
        const std::string_view from = payout->last_result == "failed" ? "earned" : "reserved";
        post_move(from, "paid", payout->user, payout->amount, payout->currency, done);
        return "accepted";
    }

    std::string_view rule(const Event& event, const PayoutFailed& facts, Result& done) const {
        const Payout* payout = find(payouts_, {std::string(event.program), facts.payout.id});
        if (payout == nullptr) return "unknown_payout";
        if (payout->last_result == "failed") return "invalid_state";
        const std::string_view from = payout->last_result == "settled" ? "paid" : "reserved";
        post_move(from, "earned", payout->user, payout->amount, payout->currency, done);
        return "accepted";
    }

    std::string_view rule(const Event& event, const UserSuspended& facts, Result& /*done*/) const {
        return knows_user(event, facts.user) ? "accepted" : "unknown_user";
    }

    std::string_view rule(const Event& event, const UserReinstated& facts, Result& /*done*/) const {
        return knows_user(event, facts.user) ? "accepted" : "unknown_user";
    }

    std::string_view rule(const Event& event, const AdjustmentPosted& facts, Result& done) const {
        if (!knows_user(event, facts.user)) return "unknown_user";
        if (facts.amount.value == 0 || facts.amount.value > kCap || facts.amount.value < -kCap) return "invalid";
        done.currency = facts.currency;
        done.postings.push_back({"earned", "adjustment", facts.user.id, facts.amount.value});
        done.postings.push_back({"house", "", Uuid{}, -Int128{facts.amount.value}});
        return "accepted";
    }

    std::string_view rule(const Event& event, const BooksClosed& /*facts*/, Result& done) const {
        const auto last = closed_days_.find(std::string(event.program));
        if (last != closed_days_.end() && last->second == done.clock_us / kDayUs) return "invalid";
        done.closes_books = true;
        return "accepted";
    }

    std::string_view rule(const Event& /*event*/, const RulesActivated& facts, Result& /*done*/) const {
        if (facts.version != version_ + 1) return "invalid";
        UPLINE_CHECK(facts.version <= versions_, "a log that stays with rules the model knows");
        return "accepted";
    }

    // ---- The parts of those ----

    // In ten-thousandths of a minor unit.
    Int128 minimum_of(const std::string& program, Currency currency) const {
        Int128 minimum = plan_of(program).minimum_payout;
        for (int digit = 0; digit < currency_exponent(currency); ++digit) minimum *= 10;
        return minimum;
    }

    bool knows_user(const Event& event, const UserRef& ref) const {
        return referrers_.contains({std::string(event.program), ref.id});
    }
    const Site* site_of(const Event& event, const WebsiteRef& ref) const {
        return find(sites_, {std::string(event.program), ref.id});
    }

    Sale frozen(const Event& event, const TransactionRecorded& facts, int64_t clock_after_us) const {
        const std::string program(event.program);
        Sale sale;
        sale.version = version_;
        sale.plan = plan_of(program);
        sale.amount = facts.amount.value;
        sale.tax = facts.tax.value;
        sale.currency = facts.currency;
        sale.maturity_us = clock_after_us + int64_t{sale.plan.hold_days} * 86'400 * 1'000'000;
        if (!facts.creator.id.is_nil()) sale.creator = facts.creator.id;
        if (!facts.website.id.is_nil()) {
            const Site& site = sites_.at({program, facts.website.id});
            if (site.status == WebsiteStatus::kPublished && site.owner != facts.buyer.id) sale.bonus_owner = site.owner;
        }
        for (Uuid user = referrers_.at({program, facts.buyer.id}); !user.is_nil() && sale.upline.size() < 7;
             user = referrers_.at({program, user}))
            sale.upline.push_back(user);
        return sale;
    }

    // Who gets what of `left`, in the order of postings.
    static std::vector<Posting> entitled(const Sale& sale, Int128 left) {
        std::vector<Posting> parts = {{"sales", "", Uuid{}, -left}};
        Int128 house = left;
        const auto give = [&](std::string_view account, std::string role, const Uuid& user, Int128 amount) {
            const bool is_rounded_to_even = role == "website" || role.starts_with("level");
            if (sale.version == 2 && is_rounded_to_even && amount % 2 == 1) --amount;
            parts.push_back({account, std::move(role), user, amount});
            house -= amount;
        };
        give("tax", "", Uuid{}, left * sale.tax / sale.amount);
        const Int128 net = house;
        if (sale.creator) give("earned", "creator", *sale.creator, net * sale.plan.creator_share / 10'000);
        const Int128 base = house;
        if (sale.bonus_owner) give("earned", "website", *sale.bonus_owner, base * sale.plan.website_bonus / 10'000);
        for (size_t k = 0; k < sale.upline.size() && k < sale.plan.level_rates.size(); ++k)
            give("earned", "level_" + std::to_string(k + 1), sale.upline[k], base * sale.plan.level_rates[k] / 10'000);
        parts.push_back({"house", "", Uuid{}, house});
        return parts;
    }

    // Posts what changes for each role when another amount is left of the sale.
    static void post_change(const Sale& sale, Int128 remaining_before, Int128 left_after, Result& done) {
        done.currency = sale.currency;
        done.maturity_us = sale.maturity_us;
        const std::vector<Posting> before = entitled(sale, remaining_before);
        const std::vector<Posting> after = entitled(sale, left_after);
        for (size_t i = 0; i < after.size(); ++i) {
            Posting change = after[i];
            change.amount -= before[i].amount;
            if (change.amount != 0) done.postings.push_back(change);
        }
    }

    static void post_move(std::string_view from, std::string_view to, const Uuid& user, Int128 amount,
                          Currency currency, Result& done) {
        done.currency = currency;
        done.postings.push_back({from, "", user, -amount});
        done.postings.push_back({to, "", user, amount});
    }

    // Whether any account or balance that the event touches would leave int64, as it is at the event's clock.
    bool leaves_int64(const Event& event, const Result& done) const {
        const std::string program(event.program);
        const auto leaves = [](Int128 value) { return value > INT64_MAX || value < INT64_MIN; };
        for (const Posting& touched : done.postings) {
            Balance after = balance(program, touched.user, done.currency, done.clock_us);
            Books books_after = books(program, done.currency);
            for (const Posting& posting : done.postings) {
                if (posting.account == "sales") books_after.sales += posting.amount;
                if (posting.account == "tax") books_after.tax += posting.amount;
                if (posting.account == "house") books_after.house += posting.amount;
                if (posting.user.is_nil() || posting.user != touched.user) continue;
                if (posting.account == "reserved") after.reserved += posting.amount;
                if (posting.account == "paid") after.paid += posting.amount;
                if (posting.account != "earned") continue;
                const bool is_mature = !done.maturity_us || *done.maturity_us <= done.clock_us;
                (is_mature ? after.available : after.pending) += posting.amount;
            }
            if (leaves(books_after.sales) || leaves(books_after.tax) || leaves(books_after.house)) return true;
            if (leaves(after.pending) || leaves(after.available) || leaves(after.pending + after.available) ||
                leaves(after.reserved) || leaves(after.paid))
                return true;
        }
        return false;
    }

    // ---- What an accepted event changes besides balances ----

    template <class T>
    void remember(const Name& /*name*/, uint64_t /*sequence*/, const T& /*facts*/, const Result& /*done*/) {}
    void remember(const Name& name, uint64_t /*sequence*/, const UserSignedUp& facts, const Result& /*done*/) {
        referrers_[name] = facts.referrer.id;
    }
    void remember(const Name& name, uint64_t /*sequence*/, const WebsiteCreated& facts, const Result& /*done*/) {
        sites_[name].owner = facts.owner.id;
    }
    void remember(const Name& name, uint64_t /*sequence*/, const WebsiteStatusChanged& facts, const Result& /*done*/) {
        sites_.at({name.program, facts.website.id}).status = facts.status;
    }
    void remember(const Name& name, uint64_t /*sequence*/, const TransactionRecorded& facts, const Result& done) {
        Event event;
        event.program = name.program;
        Sale& sale = sales_[name] = frozen(event, facts, done.clock_us);
        sale.left = sale.amount;
    }
    void remember(const Name& name, uint64_t /*sequence*/, const TransactionRefunded& facts, const Result& /*done*/) {
        sales_.at({name.program, facts.transaction.id}).left -= facts.amount.value;
    }
    void remember(const Name& name, uint64_t sequence, const PlanPublished& facts, const Result& /*done*/) {
        plans_[name.program] = {sequence + 1,
                                {facts.level_rates.begin(), facts.level_rates.end()},
                                facts.website_bonus.value,
                                facts.creator_share.value,
                                facts.hold_days.value,
                                facts.minimum_payout.value};
        if (version_ == 2) plans_[name.program].website_bonus /= 2;
    }
    void remember(const Name& /*name*/, uint64_t /*sequence*/, const RulesActivated& facts, const Result& /*done*/) {
        version_ = facts.version;
    }
    void remember(const Name& name, uint64_t /*sequence*/, const PayoutRequested& facts, const Result& /*done*/) {
        payouts_[name] = {facts.user.id, facts.amount.value, facts.currency, ""};
    }
    void remember(const Name& name, uint64_t /*sequence*/, const PayoutSettled& facts, const Result& /*done*/) {
        payouts_.at({name.program, facts.payout.id}).last_result = "settled";
    }
    void remember(const Name& name, uint64_t /*sequence*/, const PayoutFailed& facts, const Result& /*done*/) {
        payouts_.at({name.program, facts.payout.id}).last_result = "failed";
    }
    void remember(const Name& name, uint64_t /*sequence*/, const UserSuspended& facts, const Result& /*done*/) {
        suspended_[{name.program, facts.user.id}] = true;
    }
    void remember(const Name& name, uint64_t /*sequence*/, const UserReinstated& facts, const Result& /*done*/) {
        suspended_[{name.program, facts.user.id}] = false;
    }

    void remember(const Name& name, uint64_t /*sequence*/, const BooksClosed& /*facts*/, const Result& done) {
        closed_days_[name.program] = done.clock_us / kDayUs;
    }

    uint32_t partition_;
    uint32_t partition_count_;
    unsigned versions_;
    unsigned version_ = 1;
    uint64_t size_ = 0;
    int64_t clock_us_ = 0;
    std::map<Name, Accepted> accepted_;
    std::map<std::string, int64_t> closed_days_;  // of each program's last closing
    std::map<std::string, std::vector<Currency>> booked_;
    std::map<std::string, std::vector<std::pair<Uuid, Currency>>> posted_to_;
    std::map<Name, Uuid> referrers_;  // of each user; nil: none
    std::map<Name, Site> sites_;
    std::map<Name, Sale> sales_;
    std::map<Name, Payout> payouts_;
    std::map<Name, bool> suspended_;
    std::map<std::string, Plan> plans_;
    // By (program, currency) and user; the program's own under the nil id.
    std::map<std::pair<std::string, Currency>, std::map<Uuid, std::vector<Kept>>> kept_;
};

}  // namespace upline::testing
