// SPDX-License-Identifier: Apache-2.0
// For tests: random logs of one shard in which every rule of money is met often, from both sides: programs with trees,
// websites and plans that change, sales and what is taken back of them, payouts of just what is there and of a unit
// more, and every kind of mistake. The generator follows its own log with the model of the rules, so that it knows what
// would be just enough.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "events/base/check.h"
#include "events/log/event_log.h"
#include "events/record_writer.h"
#include "events/values/time.h"
#include "ledger/core/core.h"
#include "tests/events/random_events.h"
#include "tests/ledger/core/money_model.h"

namespace upline::testing {

// Records and what was read from them, whose views point into the records.
struct MoneyLog {
    ShardIdentity identity;
    std::deque<std::vector<std::byte>> records;
    std::vector<Input> inputs;
};

class RandomMoney {
  public:
    // The first of the programs that lie in the shard are its programs.
    static constexpr std::string_view kPrograms[] = {"default", "shop", "a", "b", "x1", "x2", "x3", "x4"};

    // Under so many versions of the rules: with two, the second is put in force some time.
    explicit RandomMoney(uint64_t seed, int64_t start_us = 1'700'000'000'000'000, unsigned versions = 1)
        : random_(seed), any_(seed), versions_(versions), time_us_(start_us) {
        if (chance(15)) log_.identity = {static_cast<uint32_t>(below(2)), 2};
        model_ = MoneyModel(log_.identity.partition, log_.identity.partition_count, versions);
        for (const std::string_view program : kPrograms)
            (partition_of(program, log_.identity.partition_count) == log_.identity.partition ? programs_ : elsewhere_)
                .emplace_back(program);
        programs_.resize(std::min<size_t>(programs_.size(), 2 + below(3)));
        for (const std::string_view code : {"USD", "JPY", "KWD", "CLF"})
            if (currencies_.empty() || chance(30)) currencies_.push_back(*parse_currency(chance(50) ? code : "USD"));
        // Each log has a character of its own: some kinds of event are left out, others come in crowds.
        for (uint64_t& weight : weights_) weight = std::array<uint64_t, 6>{0, 1, 2, 4, 4, 12}[below(6)];
        weights_[0] = std::max<uint64_t>(weights_[0], 2);
        weights_[1] = std::max<uint64_t>(weights_[1], 4);
        weights_[3] = std::max<uint64_t>(weights_[3], 2);
        const uint64_t paces[] = {10, 60, 200};
        pace_ = paces[below(3)];
    }

    // A log of `count` records.
    static MoneyLog log(uint64_t seed, size_t count, int64_t start_us = 1'700'000'000'000'000, unsigned versions = 1) {
        RandomMoney events(seed, start_us, versions);
        for (size_t i = 0; i < count; ++i) events.add_one();
        return std::move(events.log_);
    }

  private:
    // What events of a program have named or made, so that others can refer to it.
    struct Things {
        std::vector<Uuid> users;
        std::vector<Uuid> sites;
        std::vector<Uuid> sales;
        std::vector<Uuid> payouts;
        std::vector<Uuid> refused;  // ids of events that were not accepted
    };

    // A payout asked for ahead of the clock.
    struct Asked {
        std::string program;
        Uuid user;
        Currency currency;
        int64_t at_us = 0;
    };

    uint64_t below(uint64_t bound) {
        UPLINE_CHECK(bound > 0, "something to choose from");
        return random_() % bound;
    }
    bool chance(uint64_t percent) { return below(100) < percent; }
    int64_t up_to(int64_t bound) { return 1 + static_cast<int64_t>(below(static_cast<uint64_t>(bound))); }
    template <class T>
    const T& one_of(const std::vector<T>& things) {
        return things[below(things.size())];
    }
    Uuid fresh() {
        Uuid id;
        for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random_());
        return id;
    }

    // ---- A record ----

    void add_one() {
        std::vector<std::byte> record;
        if (!log_.inputs.empty() && chance(6)) {
            record = repeated();
        } else {
            event_ = {};
            make_event();
            record = bytes_of(event_);
        }
        if (!record.empty() && chance(2)) record[below(record.size())] ^= static_cast<std::byte>(1U << below(8));
        if (!record.empty() && chance(1)) record.resize(below(record.size()));
        Input input = keep(std::move(record));
        if (const auto* rules = std::get_if<RulesActivated>(&input.record.event.payload);
            rules && rules->version == model_.version() + 1 && rules->version > versions_) {
            log_.records.pop_back();  // it would end the log
            return add_one();
        }
        log_.inputs.push_back(input);
        follow(input);
    }

    std::vector<std::byte> bytes_of(const Event& event) {
        const auto bytes = writer_.encode(event);
        return {bytes.begin(), bytes.end()};
    }

    // Most are appended soon after they happened, some much later, some at the edge of being from the future.
    Input keep(std::vector<std::byte> bytes) {
        const auto& record = log_.records.emplace_back(std::move(bytes));
        const int64_t now_ms = std::max(time_us_, event_.occurred_at_us) / 1000;
        int64_t append_time_ms = now_ms + static_cast<int64_t>(below(5000));
        if (chance(2)) append_time_ms = now_ms * 2;
        if (chance(3))
            append_time_ms = (event_.occurred_at_us - 300'000'000) / 1000 + static_cast<int64_t>(below(3)) - 1;
        return read_input(record, append_time_ms);
    }

    // An earlier event again, word for word or with something else in it.
    std::vector<std::byte> repeated() {
        const Input& earlier = one_of(log_.inputs);
        std::vector<std::byte> same(earlier.value.begin(), earlier.value.end());
        if (earlier.record.malformed != nullptr || std::holds_alternative<std::monostate>(earlier.record.event.payload))
            return same;
        event_ = earlier.record.event;
        if (chance(40)) return same;
        switch (below(4)) {
            case 0: event_.occurred_at_us += event_.occurred_at_us < kMaxTimeUs ? 1 : -1; break;
            case 1: event_.program = one_of(programs_); break;
            case 2: {
                const Uuid id = event_.id;
                const std::string_view program = event_.program;
                event_ = {};
                make_event();
                event_.id = id;
                event_.program = program;
                break;
            }
            default: std::visit([this](auto& facts) { change(facts); }, event_.payload);
        }
        return bytes_of(event_);
    }
    template <class T>
    void change(T& facts) {
        if constexpr (requires { facts.amount; }) {
            facts.amount.value += facts.amount.value < INT64_MAX ? 1 : -1;
        } else if constexpr (requires { facts.reason; }) {
            facts.reason = "another";
        } else if constexpr (requires { facts.website; }) {
            facts.website.id = one_of_or_fresh(things_[std::string(event_.program)].sites);
        } else if constexpr (requires { facts.hold_days; }) {
            facts.hold_days.value ^= 1;
        }
    }

    void follow(const Input& input) {
        if (input.record.malformed != nullptr) return (void)model_.apply(input.record, input.append_time_ms);
        const Event& event = input.record.event;
        const bool is_accepted = model_.apply(input.record, input.append_time_ms).outcome == "accepted";
        Things& things = things_[std::string(event.program)];
        if (!is_accepted) {
            things.refused.push_back(event.id);
            return;
        }
        accepted_.push_back(event.id);
        switch (static_cast<EventType>(event.type)) {
            case EventType::kUserSignedUp: things.users.push_back(event.id); break;
            case EventType::kWebsiteCreated: things.sites.push_back(event.id); break;
            case EventType::kPayoutRequested: things.payouts.push_back(event.id); break;
            case EventType::kTransactionRecorded: {
                things.sales.push_back(event.id);
                moments_.insert(model_.sale({std::string(event.program), event.id})->maturity_us);
                break;
            }
            default: break;
        }
    }

    // ---- An event ----

    void make_event() {
        event_.program = chance(75) ? programs_.front() : one_of(programs_);
        // A payout is often asked for again, when there is less.
        const bool asks_again = asked_.has_value() && chance(60);
        if (asks_again) event_.program = asked_->program;
        if (!elsewhere_.empty() && chance(3)) event_.program = one_of(elsewhere_);
        program_ = event_.program;
        names_ = &things_[program_];
        event_.id = chance(98) || accepted_.empty() ? fresh() : one_of(accepted_);
        pass_time();
        event_.occurred_at_us = chance(10) ? some_time_before(time_us_) : time_us_;
        if (versions_ > model_.version() && chance(2)) return make<RulesActivated>();
        if (asks_again) return make<PayoutRequested>();
        if (names_->users.size() < 2 + below(12) && chance(75)) return make<UserSignedUp>();
        uint64_t total = 0;
        for (const uint64_t weight : weights_) total += weight;
        uint64_t at = below(total);
        size_t kind = 0;
        while (at >= weights_[kind]) at -= weights_[kind++];
        if (kind == 4 && names_->payouts.empty() && chance(90)) kind = 3;
        if (kind == 2 && names_->sales.empty() && chance(90)) kind = 1;
        switch (kind) {
            case 0: return make<UserSignedUp>();
            case 1: return make<TransactionRecorded>();
            case 2: return make<TransactionRefunded>();
            case 3: return make<PayoutRequested>();
            case 4: return chance(50) ? make<PayoutSettled>() : make<PayoutFailed>();
            case 5: return make<PlanPublished>();
            case 6: return make<AdjustmentPosted>();
            case 7: return chance(50) ? make<UserSuspended>() : make<UserReinstated>();
            case 8:
                return chance(names_->sites.empty() ? 90 : 30) ? make<WebsiteCreated>() : make<WebsiteStatusChanged>();
            default: break;
        }
        switch (below(6)) {
            case 0: return make<RulesActivated>();
            case 1: return make<BooksClosed>();
            case 2: return make<WebsiteActivity>();
            case 3:
                make<UserSignedUp>();
                event_.type = static_cast<uint8_t>(16 + below(240));  // of a later version
                return;
            default: break;
        }
        const Event other = any_.next();  // of any type, with nothing but this id known
        event_.type = other.type;
        event_.payload = other.payload;
    }

    template <class T>
    void make() {
        event_.type = static_cast<uint8_t>(T::kType);
        T facts;
        fill(facts);
        event_.payload = facts;
    }

    // Runs forward unevenly: by nothing, by a while, over holds, or right to where something matures.
    void pass_time() {
        if (time_us_ > kMaxTimeUs / 4) return;
        if (chance(100 - std::min<uint64_t>(pace_, 90))) return;
        switch (below(8)) {
            case 0: time_us_ += up_to(60'000'000); break;
            case 1: time_us_ += up_to(kUsPerDay); break;
            case 2: time_us_ += std::array<int64_t, 5>{1, 2, 10, 30, 31}[below(5)] * kUsPerDay; break;
            case 3: time_us_ = std::max(time_us_, next_moment()); break;
            case 4: time_us_ = std::max(time_us_, next_moment() - 1); break;
            case 5:
                if (chance(5)) time_us_ += 3651 * kUsPerDay;
                break;
            default: break;
        }
    }
    int64_t next_moment() {
        const auto next = moments_.upper_bound(time_us_);
        return next == moments_.end() ? time_us_ : *next;
    }
    int64_t some_time_before(int64_t time_us) {
        if (chance(5)) return static_cast<int64_t>(below(static_cast<uint64_t>(time_us)));
        return std::max<int64_t>(0, time_us - up_to(40 * kUsPerDay));
    }

    // ---- References: mostly right; else of another kind, of another program, refused, or unheard of ----

    Uuid one_of_or_fresh(const std::vector<Uuid>& ids) { return ids.empty() ? fresh() : one_of(ids); }
    Uuid mostly(std::vector<Uuid> Things::*kind) {
        if (!(names_->*kind).empty() && chance(94)) return one_of(names_->*kind);
        switch (below(5)) {
            case 0: return one_of_or_fresh(names_->users);
            case 1: return one_of_or_fresh(names_->refused);
            case 2: return one_of_or_fresh(things_[one_of(programs_)].*kind);
            case 3: return one_of_or_fresh(accepted_);
            default: return fresh();
        }
    }
    Uuid user() { return mostly(&Things::users); }
    Uuid site() { return mostly(&Things::sites); }
    // One who has something, if that can be found.
    Uuid earner(Currency currency) {
        for (int i = 0; i < 6 && !names_->users.empty(); ++i) {
            const Uuid id = one_of(names_->users);
            const auto balance = model_.balance(program_, id, currency, model_.clock_us());
            if (balance.available > 0 || (balance.pending > 0 && chance(50))) return id;
        }
        return user();
    }
    Currency currency() { return one_of(currencies_); }

    int64_t amount() {
        constexpr int64_t kEdges[] = {0, -1, 1, kCap, kCap, kCap + 1, INT64_MAX, INT64_MIN};
        if (chance(8)) return kEdges[below(std::size(kEdges))];
        switch (below(5)) {
            case 0: return up_to(20);
            case 1:
            case 2: return up_to(2000);
            case 3: return up_to(1'000'000);
            default: return up_to(kCap >> below(40));
        }
    }

    // ---- The facts of each type ----

    void fill(UserSignedUp& facts) {
        // Mostly in a long chain, so that all levels are filled soon.
        if (!names_->users.empty() && chance(92)) facts.referrer.id = chance(65) ? names_->users.back() : user();
        if (chance(3)) facts.referrer.id = event_.id;
        if (chance(names_->sites.empty() ? 2 : 8)) facts.website.id = site();
    }

    void fill(WebsiteCreated& facts) {
        facts.owner.id = user();
        if (chance(50)) facts.domain = chance(50) ? "one.example" : "";
    }

    void fill(WebsiteStatusChanged& facts) {
        facts.website.id = site();
        facts.status = chance(70) ? WebsiteStatus::kPublished : enum_at<WebsiteStatus>(below(3));
    }

    void fill(WebsiteActivity& facts) {
        facts.website.id = site();
        facts.widget = enum_at<Widget>(below(6));
        facts.kind = enum_at<ActivityKind>(below(4));
    }

    void fill(TransactionRecorded& facts) {
        // Mostly someone with many above, so that one sale touches many.
        facts.buyer.id = !names_->users.empty() && chance(50) ? names_->users.back() : user();
        facts.amount.value = amount();
        if (chance(30)) facts.tax.value = chance(85) && facts.amount.value > 0 ? up_to(facts.amount.value) : amount();
        facts.currency = currency();
        facts.source = enum_at<Source>(below(3));
        if (names_->sites.empty() && chance(80)) facts.source = Source::kReferral;
        if (facts.source == Source::kWebsite ? chance(95) : chance(names_->sites.empty() ? 3 : 25))
            facts.website.id = site();
        if (chance(30)) facts.creator.id = chance(25) ? facts.buyer.id : user();
        facts.stream = enum_at<Stream>(below(18));
    }

    void fill(TransactionRefunded& facts) {
        // Often the same one again, so that it is refunded in many parts.
        facts.transaction.id = !names_->sales.empty() && chance(40) ? names_->sales.front() : mostly(&Things::sales);
        facts.reason = chance(50) ? RefundReason::kRefund : RefundReason::kChargeback;
        if (!names_->sales.empty() && chance(20)) facts.transaction.id = names_->sales.back();
        const MoneyModel::Sale* sale = model_.sale({program_, facts.transaction.id});
        facts.currency = sale && chance(95) ? sale->currency : currency();
        facts.amount.value = amount();
        if (!sale) return;
        const auto left = static_cast<int64_t>(sale->left);
        if (left > 0 && chance(60)) facts.amount.value = up_to(chance(50) ? left : 1 + left / 10);
        if (left > 0 && chance(20)) facts.amount.value = left;
        if (chance(6)) facts.amount.value = left + 1;
        if (chance(10))
            event_.occurred_at_us = std::min(kMaxTimeUs, sale->maturity_us - static_cast<int64_t>(below(2)));
    }

    void fill(PlanPublished& facts) {
        static constexpr Days kHolds[] = {{0}, {1}, {2}, {10}, {30}, {3650}};
        rates_.resize(1 + below(7));
        for (int32_t& rate : rates_)
            rate = chance(15) ? 0 : static_cast<int32_t>(below(20'000 / rates_.size() * (chance(5) ? 2 : 1) / 2));
        facts.website_bonus.value = chance(20) ? 0 : static_cast<int32_t>(below(1500));
        int32_t sum = facts.website_bonus.value;
        for (const int32_t rate : rates_) sum += rate;
        if (sum > 10'000 && chance(80)) {
            for (int32_t& rate : rates_) rate = rate * 8 / 10;
            facts.website_bonus.value /= 2;
        } else if (chance(10)) {  // all of it, or a basis point too much
            rates_[0] += 10'000 - sum + static_cast<int32_t>(below(2));
        }
        facts.creator_share.value =
            chance(20) ? 10'000 * static_cast<int32_t>(below(2)) : static_cast<int32_t>(below(10'001));
        facts.hold_days = kHolds[below(std::size(kHolds))];
        const int64_t minimums[] = {0, 1, 100, 99'999, 100'000, 12'345'678};
        facts.minimum_payout.value = minimums[below(std::size(minimums))];
        if (chance(12)) {
            switch (below(7)) {
                case 0: rates_.resize(chance(50) ? 0 : 8); break;
                case 1: rates_[below(rates_.size())] = -1; break;
                case 2: facts.website_bonus.value = chance(50) ? -1 : 10'001; break;
                case 3: facts.creator_share.value = chance(50) ? -1 : 10'001; break;
                case 4: facts.hold_days.value = chance(50) ? -1 : 3651; break;
                case 5: facts.minimum_payout.value = -1; break;
                default: rates_[0] = INT32_MAX; break;
            }
        }
        facts.level_rates = rates_;
    }

    void fill(PayoutRequested& facts) {
        facts.currency = currency();
        facts.user.id = earner(facts.currency);
        facts.method = "bank";
        // At the clock, before it, ahead of it, and to the microsecond where something matures.
        const int64_t clock_us = model_.clock_us();
        const MoneyModel::Balance now = model_.balance(program_, facts.user.id, facts.currency, clock_us);
        const bool must_wait = now.available <= 0 && now.pending > 0;
        if (chance(must_wait ? 70 : 25)) event_.occurred_at_us = next_moment() - static_cast<int64_t>(below(2));
        if (chance(10)) event_.occurred_at_us = std::min(kMaxTimeUs, clock_us + up_to(40 * kUsPerDay));
        int64_t at_us = std::max(clock_us, event_.occurred_at_us);
        if (asked_ && asked_->program == program_) {
            facts.user.id = asked_->user;
            facts.currency = asked_->currency;
            event_.occurred_at_us = chance(50) ? clock_us : std::max(clock_us, asked_->at_us - 1);
            at_us = chance(70) ? std::max(clock_us, asked_->at_us) : event_.occurred_at_us;
            asked_.reset();
        } else if (at_us > clock_us) {
            asked_ = Asked{program_, facts.user.id, facts.currency, at_us};
        }
        const Int128 available = model_.balance(program_, facts.user.id, facts.currency, at_us).available;
        const auto there = static_cast<int64_t>(std::clamp<Int128>(available, 0, INT64_MAX - 1));
        const int64_t least = model_.smallest_payout(program_, facts.currency);
        const bool is_refused_first = asked_ && chance(50);
        switch (is_refused_first ? 1 : below(8)) {
            case 0: facts.amount.value = amount(); break;
            case 1: facts.amount.value = there + 1; break;
            case 2: facts.amount.value = least; break;
            case 3: facts.amount.value = least - 1; break;
            case 4: facts.amount.value = there > 0 ? up_to(there) : 1; break;
            case 5: facts.amount.value = std::max(least, there / 2); break;
            default: facts.amount.value = there; break;
        }
    }

    void fill(PayoutSettled& facts) {
        facts.payout.id = payout();
        if (chance(50)) facts.provider_ref = "ref";
    }
    void fill(PayoutFailed& facts) {
        facts.payout.id = payout();
        facts.reason = "account closed";
    }
    // Often the newest, whose life is then seen from end to end.
    Uuid payout() { return !names_->payouts.empty() && chance(40) ? names_->payouts.back() : mostly(&Things::payouts); }

    void fill(UserSuspended& facts) { facts.user.id = earner(currency()); }
    void fill(UserReinstated& facts) { facts.user.id = user(); }

    void fill(AdjustmentPosted& facts) {
        facts.currency = currency();
        facts.user.id = chance(50) ? earner(facts.currency) : user();
        facts.amount.value = amount();
        if (chance(40) && facts.amount.value != INT64_MIN) facts.amount.value = -facts.amount.value;
        facts.reason = "by hand";
    }

    void fill(BooksClosed& facts) {
        if (chance(50)) facts.period = "2026-01";
    }
    void fill(RulesActivated& facts) {
        facts.version = std::array<uint16_t, 4>{0, 1, 3, 65'535}[below(4)];
        if (versions_ == 2 && chance(50)) facts.version = 2;
    }

    static constexpr int64_t kCap = 1'000'000'000'000'000;

    std::mt19937_64 random_;
    RandomEvents any_;
    unsigned versions_;
    RecordWriter writer_;
    MoneyLog log_;
    MoneyModel model_;
    std::vector<std::string> programs_;
    std::vector<std::string> elsewhere_;  // programs of other partitions
    std::vector<Currency> currencies_;
    std::array<uint64_t, 10> weights_{};
    uint64_t pace_ = 0;
    int64_t time_us_;
    std::map<std::string, Things> things_;
    std::vector<Uuid> accepted_;
    std::set<int64_t> moments_;  // when sales mature
    std::optional<Asked> asked_;
    // Of the event being made:
    Event event_;
    std::string program_;
    Things* names_ = nullptr;
    std::vector<int32_t> rates_;
};

}  // namespace upline::testing
