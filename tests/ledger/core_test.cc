// SPDX-License-Identifier: Apache-2.0
// The core against a model of the rules that is slow and obvious, over random events that are often wrong; and the laws
// that hold whatever the rules are: batch size, maturity steps and folding from bytes change nothing.
#include "ledger/core.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "events/event_log.h"
#include "events/time.h"
#include "tests/events/random_events.h"
#include "tests/ledger/memory_shard.h"

namespace upline {
namespace {

using testing::dump;
using testing::MemoryShard;

__extension__ using Int128 = __int128;

// ---- The model: the rules of sales as sentences, over maps of names ----

class Model {
  public:
    explicit Model(ShardIdentity identity) : identity_(identity) {}

    // What becomes of a record; does it, if that is "accepted".
    std::string apply(const Input& input) {
        if (input.record.malformed != nullptr) return "malformed";
        const Event& event = input.record.event;
        const std::string program(event.program);
        if (event.type != 15 && (murmur2(program) & 0x7fffffff) % identity_.partition_count != identity_.partition)
            return "wrong_partition";

        const Name name{program, to_string(event.id)};
        if (const auto earlier = accepted_.find(name); earlier != accepted_.end())
            return earlier->second == testing::describe(event) ? "duplicate" : "conflict";
        if (event.type < 1 || event.type > 5) return "unknown_type";
        if (event.occurred_at_us > Int128{input.append_time_ms} * 1000 + 300'000'000) return "from_future";

        const int64_t clock_after = std::max(clock_us_, event.occurred_at_us);
        std::vector<Movement> movements;
        const std::string outcome = check(event, program, clock_after, movements);
        if (outcome != "accepted") return outcome;
        if (leaves_range(movements)) return "out_of_range";

        accepted_[name] = testing::describe(event);
        clock_us_ = clock_after;
        remember(event, name);
        movements_.insert(movements_.end(), movements.begin(), movements.end());
        return "accepted";
    }

    int64_t clock_us() const { return clock_us_; }

    // "program/user currency" -> pending, available; "program account currency" -> amount. Zero ones left out.
    std::map<std::string, Int128> balances() const {
        std::map<std::string, Int128> all;
        for (const Movement& m : movements_) {
            if (m.user.empty()) {
                all[fmt::format("{} {} {}", m.program, m.account, m.currency)] += m.amount;
            } else {
                const bool mature = m.maturity_us <= clock_us_;
                all[fmt::format("{}/{} {} {}", m.program, m.user, mature ? "available" : "pending", m.currency)] +=
                    m.amount;
            }
        }
        std::erase_if(all, [](const auto& row) { return row.second == 0; });
        return all;
    }

  private:
    using Name = std::pair<std::string, std::string>;  // program, id
    struct Site {
        std::string owner;
        bool published = false;
    };
    struct Movement {
        std::string program;
        std::string user;     // empty: the program's own account
        std::string account;  // sales, tax, house, earned
        std::string currency;
        Int128 amount;
        int64_t maturity_us;
    };

    static std::string text(const Uuid& id) { return id.is_nil() ? "" : to_string(id); }

    std::string check(const Event& event, const std::string& program, int64_t clock_after,
                      std::vector<Movement>& movements) const {
        const auto user_known = [&](const Uuid& id) { return users_.contains({program, text(id)}); };
        const auto site_known = [&](const Uuid& id) { return sites_.contains({program, text(id)}); };
        if (const auto* signup = std::get_if<UserSignedUp>(&event.payload)) {
            if (signup->referrer.id == event.id) return "self_referral";
            if (!signup->referrer.id.is_nil() && !user_known(signup->referrer.id)) return "unknown_referrer";
            if (!signup->website.id.is_nil() && !site_known(signup->website.id)) return "unknown_website";
        }
        if (const auto* site = std::get_if<WebsiteCreated>(&event.payload))
            if (!user_known(site->owner.id)) return "unknown_user";
        if (const auto* status = std::get_if<WebsiteStatusChanged>(&event.payload))
            if (!site_known(status->website.id)) return "unknown_website";
        if (const auto* activity = std::get_if<WebsiteActivity>(&event.payload))
            if (!site_known(activity->website.id)) return "unknown_website";
        if (const auto* sale = std::get_if<TransactionRecorded>(&event.payload)) {
            const int64_t cap = 1'000'000'000'000'000;
            if (!user_known(sale->buyer.id)) return "unknown_user";
            if (!sale->website.id.is_nil() && !site_known(sale->website.id)) return "unknown_website";
            if (sale->source == Source::kWebsite && sale->website.id.is_nil()) return "invalid";
            if (!sale->creator.id.is_nil() && !user_known(sale->creator.id)) return "unknown_user";
            if (sale->amount.value <= 0 || sale->amount.value > cap) return "invalid";
            if (sale->tax.value < 0 || sale->tax.value > sale->amount.value) return "invalid";
            split(*sale, program, clock_after, movements);
        }
        return "accepted";
    }

    void split(const TransactionRecorded& sale, const std::string& program, int64_t clock_after,
               std::vector<Movement>& movements) const {
        const std::string currency(sale.currency.text());
        const int64_t maturity = clock_after + int64_t{30} * 86'400 * 1'000'000;
        Int128 house = sale.amount.value;
        const auto give = [&](const std::string& user, const std::string& account, Int128 amount) {
            movements.push_back({program, user, account, currency, amount, maturity});
            house -= amount;
        };
        movements.push_back({program, "", "sales", currency, -Int128{sale.amount.value}, 0});
        give("", "tax", sale.tax.value);
        Int128 base = house;
        if (!sale.creator.id.is_nil()) {
            give(text(sale.creator.id), "earned", base * 5000 / 10'000);
            base = house;
        }
        if (!sale.website.id.is_nil()) {
            const Site& site = sites_.at({program, text(sale.website.id)});
            if (site.published && site.owner != text(sale.buyer.id)) give(site.owner, "earned", base * 500 / 10'000);
        }
        give_upline(program, text(sale.buyer.id), 0, base, give);
        movements.push_back({program, "", "house", currency, house, 0});
    }

    template <class Give>
    void give_upline(const std::string& program, const std::string& user, size_t level, Int128 base,
                     const Give& give) const {
        static constexpr int kRates[] = {2000, 1500, 1000, 800, 500, 300, 200};
        const std::string& referrer = users_.at({program, user});
        if (level == std::size(kRates) || referrer.empty()) return;
        give(referrer, "earned", base * kRates[level] / 10'000);
        give_upline(program, referrer, level + 1, base, give);
    }

    bool leaves_range(const std::vector<Movement>& movements) const {
        std::map<std::tuple<std::string, std::string, std::string, std::string>, Int128> sums;
        for (const auto* all : {&movements_, &movements})
            for (const Movement& m : *all) sums[{m.program, m.user, m.account, m.currency}] += m.amount;
        return std::ranges::any_of(sums, [](const auto& row) {
            return row.second > std::numeric_limits<int64_t>::max() || row.second < std::numeric_limits<int64_t>::min();
        });
    }

    void remember(const Event& event, const Name& name) {
        if (const auto* signup = std::get_if<UserSignedUp>(&event.payload)) users_[name] = text(signup->referrer.id);
        if (const auto* site = std::get_if<WebsiteCreated>(&event.payload)) sites_[name].owner = text(site->owner.id);
        if (const auto* status = std::get_if<WebsiteStatusChanged>(&event.payload))
            sites_.at({name.first, text(status->website.id)}).published = status->status == WebsiteStatus::kPublished;
    }

    ShardIdentity identity_;
    std::map<Name, std::string> accepted_;  // -> its facts
    std::map<Name, std::string> users_;     // -> the referrer, or nothing
    std::map<Name, Site> sites_;
    std::vector<Movement> movements_;
    int64_t clock_us_ = 0;
};

// The same map, read off a state whose matured commissions have been moved.
std::map<std::string, Int128> balances_of(const State& state) {
    std::map<std::string, Int128> all;
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const Account& account = state.accounts()[i];
        const User& user = state.users()[account.user];
        const std::string name = fmt::format("{}/{}", state.programs()[user.program].name(), to_string(user.id));
        all[fmt::format("{} pending {}", name, account.currency.text())] += account.pending;
        all[fmt::format("{} available {}", name, account.currency.text())] += account.available;
        all[fmt::format("{} reserved {}", name, account.currency.text())] += account.reserved;
        all[fmt::format("{} paid {}", name, account.currency.text())] += account.paid;
    }
    for (size_t i = 0; i < state.books().size(); ++i) {
        const Book& book = state.books()[i];
        const std::string_view program = state.programs()[book.program].name();
        all[fmt::format("{} sales {}", program, book.currency.text())] += book.sales;
        all[fmt::format("{} tax {}", program, book.currency.text())] += book.tax;
        all[fmt::format("{} house {}", program, book.currency.text())] += book.house;
    }
    std::erase_if(all, [](const auto& row) { return row.second == 0; });
    return all;
}

std::string readable(const std::map<std::string, Int128>& balances) {
    std::string text;
    for (const auto& [key, amount] : balances) text += fmt::format("{} {}\n", key, static_cast<int64_t>(amount));
    return text;
}

// ---- Random events: trees that grow, sales in them, and every kind of mistake ----

class RandomLog {
  public:
    explicit RandomLog(uint64_t seed) : random_(seed), any_(seed) {}

    // `count` more records; all stay valid as long as this object.
    std::vector<Input> more(size_t count) {
        std::vector<Input> inputs;
        for (size_t i = 0; i < count; ++i) inputs.push_back(next());
        return inputs;
    }

  private:
    // The ids events of a program have used, so that others can refer to them, rightly or wrongly.
    struct Names {
        std::vector<Uuid> users;
        std::vector<Uuid> sites;
    };

    uint64_t below(uint64_t bound) { return random_() % bound; }
    bool chance(uint64_t percent) { return below(100) < percent; }

    Input next() {
        std::vector<std::byte>* record;
        if (!records_.empty() && chance(6)) {
            record = &records_.emplace_back(records_[below(records_.size())]);  // sent again
        } else {
            const auto bytes = writer_.encode(event());
            record = &records_.emplace_back(bytes.begin(), bytes.end());
        }
        if (chance(4)) (*record)[below(record->size())] ^= static_cast<std::byte>(1U << below(8));
        if (chance(1)) record->resize(below(record->size()));
        // Mostly long after the event, now and then around the five minutes.
        const int64_t append_time_ms =
            chance(95) ? 200'000'000'000'000 : (time_us_ - 300'000'000) / 1000 + static_cast<int64_t>(below(3)) - 1;
        return read_input(*record, append_time_ms);
    }

    Event event() {
        Event event;
        static constexpr std::string_view kPrograms[] = {"default", "shop", "a", "b"};
        event.program = kPrograms[chance(80) ? 0 : below(std::size(kPrograms))];
        names_ = &of_program_[std::string(event.program)];
        event.id = chance(94) ? fresh() : chance(50) ? user() : site();
        event.occurred_at_us = time();
        const uint64_t kind = below(100);
        if (kind < 35 || names_->users.empty()) {
            set<UserSignedUp>(event, [&](UserSignedUp& e) {
                // Mostly in a long chain, so that all levels are filled soon.
                if (!names_->users.empty() && chance(90)) e.referrer.id = chance(50) ? names_->users.back() : user();
                if (chance(3)) e.referrer.id = event.id;
                if (chance(4)) e.website.id = site();
            });
            names_->users.push_back(event.id);
        } else if (kind < 40) {
            set<WebsiteCreated>(event, [&](WebsiteCreated& e) {
                e.owner.id = user();
                if (chance(50)) e.domain = chance(50) ? "one.example" : "";
            });
            names_->sites.push_back(event.id);
        } else if (kind < 50) {
            set<WebsiteStatusChanged>(event, [&](WebsiteStatusChanged& e) {
                e.website.id = site();
                e.status = chance(60) ? WebsiteStatus::kPublished : static_cast<WebsiteStatus>(below(3));
            });
        } else if (kind < 54) {
            set<WebsiteActivity>(event, [&](WebsiteActivity& e) { e.website.id = site(); });
        } else if (kind < 97) {
            set<TransactionRecorded>(event, [&](TransactionRecorded& e) { sale(e); });
        } else {
            const Event other = any_.next();  // of any type, with nothing but this id known
            event.type = other.type;
            event.payload = other.payload;
        }
        return event;
    }

    template <class T, class Fill>
    void set(Event& event, const Fill& fill) {
        event.type = static_cast<uint8_t>(T::kType);
        fill(event.payload.emplace<T>());
    }

    void sale(TransactionRecorded& e) {
        e.buyer.id = user();
        e.amount.value = amount();
        if (chance(30)) e.tax.value = chance(90) ? e.amount.value / 6 : amount();
        static constexpr std::string_view kCurrencies[] = {"USD", "JPY", "KWD"};
        e.currency = *parse_currency(kCurrencies[chance(70) ? 0 : below(3)]);
        e.source = static_cast<Source>(below(3));
        if (e.source == Source::kWebsite ? chance(95) : chance(20)) e.website.id = site();
        if (chance(25)) e.creator.id = user();
        e.stream = static_cast<Stream>(below(18));
    }

    int64_t amount() {
        constexpr int64_t kEdges[] = {0, -1, 1, 99, kAmountCap, kAmountCap + 1, INT64_MAX, INT64_MIN};
        if (chance(15)) return kEdges[below(std::size(kEdges))];
        return static_cast<int64_t>(below(chance(50) ? 1000 : static_cast<uint64_t>(kAmountCap)));
    }

    // Mostly one of the program's; else of the other kind, of another program, or unheard of.
    Uuid user() { return chance(95) ? one_of(names_->users) : chance(50) ? one_of(names_->sites) : stranger(); }
    Uuid site() { return chance(90) ? one_of(names_->sites) : chance(50) ? one_of(names_->users) : stranger(); }
    Uuid stranger() { return chance(50) ? one_of(of_program_["shop"].users) : fresh(); }
    Uuid one_of(const std::vector<Uuid>& ids) { return ids.empty() ? fresh() : ids[below(ids.size())]; }
    Uuid fresh() {
        Uuid id;
        for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random_());
        return id;
    }

    // Runs forward unevenly, so that holds end within a run, some to the microsecond; sometimes of the past.
    int64_t time() {
        constexpr int64_t kHold = 30 * kUsPerDay;
        constexpr int64_t kSteps[] = {0, 1, 60'000'000, kUsPerDay, kHold - 1, kHold, kHold + 1};
        if (chance(20)) time_us_ += kSteps[below(std::size(kSteps))];
        return chance(10) ? static_cast<int64_t>(below(static_cast<uint64_t>(time_us_))) : time_us_;
    }

    std::mt19937_64 random_;
    testing::RandomEvents any_;
    RecordWriter writer_;
    std::map<std::string, Names> of_program_;
    Names* names_ = nullptr;  // those of the event being made
    std::deque<std::vector<std::byte>> records_;
    int64_t time_us_ = 1'700'000'000'000'000;
};

// A state folded from the bytes of entries alone, then matured.
void fold_all(testing::MemoryEntries& entries, State& state) {
    Entry entry;
    for (size_t i = 0; i < entries.size(); ++i) {
        ASSERT_TRUE(decode_entry(entries[i], entry).ok());
        const Status folded = state.fold(entry);
        ASSERT_TRUE(folded.ok()) << folded.error().message;
    }
    ASSERT_TRUE(Core(state, {}, entries, entries).mature().ok());
}

constexpr ShardIdentity kEither[] = {{0, 1}, {0, 2}, {1, 2}};

// ---- Against the model ----

TEST(Core, AgreesWithTheModelAfterEveryEventOfRandomRuns) {
    const uint64_t seed = std::random_device{}();
    std::map<std::string, int> seen;
    for (uint64_t run = 0; run < 2000; ++run) {
        RandomLog log(seed + run);
        const ShardIdentity identity = kEither[run % 4 == 0 ? 1 + run % 8 / 4 : 0];
        Model model(identity);
        MemoryShard shard(identity);
        const std::vector<Input> inputs = log.more(80);
        for (size_t i = 0; i < inputs.size(); ++i) {
            SCOPED_TRACE(::testing::Message() << "seed " << seed + run << " event " << i);
            const std::string outcome = model.apply(inputs[i]);
            shard.apply(std::span(inputs).subspan(i, 1));
            shard.mature();
            Entry entry;
            shard.last(entry);
            ASSERT_EQ(outcome_name(entry.outcome), outcome);
            ASSERT_EQ(entry.clock_us, model.clock_us());
            ASSERT_EQ(shard.state().clock_us(), model.clock_us());
            const auto expected = model.balances();
            const auto actual = balances_of(shard.state());
            ASSERT_TRUE(actual == expected) << "actual\n" << readable(actual) << "expected\n" << readable(expected);
            ++seen[outcome];
            for (const Posting& posting : entry.posted())
                ++seen[std::string(posting.role == Role::kNone ? account_name(posting.account)
                                                               : role_name(posting.role))];
        }
    }
    // The runs are worth something only if they reach everything.
    for (const char* reached : {"accepted",        "malformed",     "wrong_partition",
                                "duplicate",       "conflict",      "unknown_type",
                                "from_future",     "self_referral", "unknown_referrer",
                                "unknown_website", "unknown_user",  "invalid",
                                "sales",           "tax",           "house",
                                "creator",         "website",       "level_1",
                                "level_2",         "level_3",       "level_4",
                                "level_5",         "level_6",       "level_7"})
        EXPECT_GT(seen[reached], 100) << reached << ", seed " << seed;
}

// ---- Laws ----

TEST(Core, NothingNotAcceptedChangesTheStateBeyondItsSize) {
    const uint64_t seed = std::random_device{}();
    for (uint64_t run = 0; run < 300; ++run) {
        RandomLog log(seed + run);
        MemoryShard shard;
        for (const Input& input : log.more(60)) {
            State before = shard.state();
            shard.apply(std::span(&input, 1));
            Entry entry;
            shard.last(entry);
            if (entry.accepted()) continue;
            ASSERT_EQ(entry.clock_us, before.clock_us());
            ASSERT_EQ(entry.posting_count, 0);
            before.apply(entry, Resolved{});  // the entry itself, and nothing of it
            ASSERT_EQ(dump(shard.state()), dump(before)) << "seed " << seed + run << " " << outcome_name(entry.outcome);
        }
    }
}

TEST(Core, EntriesDoNotDependOnTheBatchSize) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    RandomLog log(seed);
    const std::vector<Input> inputs = log.more(70'000);
    MemoryShard one;
    one.apply_in_batches(inputs, 1);
    for (const size_t batch_size : {size_t{7}, size_t{64}, size_t{1000}, size_t{65'536}}) {
        MemoryShard shard;
        shard.apply_in_batches(inputs, batch_size);
        ASSERT_EQ(shard.entries().size(), inputs.size());
        ASSERT_TRUE(shard.entries().bytes() == one.entries().bytes()) << "in batches of " << batch_size;
        ASSERT_TRUE(dump(shard.state()) == dump(one.state())) << "in batches of " << batch_size;
    }
}

TEST(Core, AStateFoldedFromTheBytesOfEntriesIsTheLiveState) {
    const uint64_t seed = std::random_device{}();
    for (uint64_t run = 0; run < 300; ++run) {
        RandomLog log(seed + run);
        MemoryShard live;
        live.apply_in_batches(log.more(200), 20);
        State folded;
        ASSERT_NO_FATAL_FAILURE(fold_all(live.entries(), folded));
        ASSERT_EQ(dump(folded), dump(live.state())) << "seed " << seed + run;

        // It also knows all ids: the same records again do to both what they did to one.
        RandomLog again(seed + run);
        const std::vector<Input> inputs = again.more(250);
        live.apply_in_batches(inputs, 50);
        testing::MemoryEntries entries = live.entries();
        Core core(folded, {}, entries, entries);
        EntryBatch batch;
        ASSERT_TRUE(core.apply(inputs, batch).ok());
        ASSERT_TRUE(core.mature().ok());
        ASSERT_EQ(dump(folded), dump(live.state())) << "seed " << seed + run;
    }
}

TEST(Core, MaturityInAnyStepsAndAtAnyTimeEndsTheSame) {
    const uint64_t seed = std::random_device{}();
    std::mt19937_64 random(seed);
    for (uint64_t run = 0; run < 300; ++run) {
        RandomLog log(seed + run);
        const std::vector<Input> inputs = log.more(100);
        MemoryShard always;
        MemoryShard once;
        MemoryShard slowly;
        always.apply_in_batches(inputs, 1);
        once.apply(inputs);
        once.mature();
        for (const Input& input : inputs) {
            slowly.apply(std::span(&input, 1));
            slowly.mature(random() % 3);
        }
        for (size_t i = 0; i < inputs.size(); ++i) slowly.mature(1);
        ASSERT_EQ(dump(always.state()), dump(once.state())) << "seed " << seed + run;
        ASSERT_EQ(dump(always.state()), dump(slowly.state())) << "seed " << seed + run;
        ASSERT_EQ(always.entries().bytes(), slowly.entries().bytes());
    }
}

TEST(Core, PostingsOfAnEntrySumToZeroAndBalancesAreTheSumOfPostings) {
    const uint64_t seed = std::random_device{}();
    for (uint64_t run = 0; run < 100; ++run) {
        RandomLog log(seed + run);
        MemoryShard shard;
        shard.apply_in_batches(log.more(300), 30);
        const State& state = shard.state();
        std::map<std::string, Int128> sums;
        Entry entry;
        for (size_t i = 0; i < shard.entries().size(); ++i) {
            ASSERT_TRUE(decode_entry(shard.entries()[i], entry).ok());
            Int128 sum = 0;
            for (const Posting& posting : entry.posted()) {
                sum += posting.amount;
                std::string account = fmt::format("{} {}", entry.program, account_name(posting.account));
                if (is_user_account(posting.account)) {
                    const User& user = state.users()[*state.user_by_sequence(posting.user)];
                    account = fmt::format("{}/{} {}", entry.program, to_string(user.id),
                                          entry.maturity_us <= state.clock_us() ? "available" : "pending");
                }
                sums[fmt::format("{} {}", account, entry.currency.text())] += posting.amount;
            }
            ASSERT_TRUE(sum == 0) << "entry " << i << ", seed " << seed + run;
        }
        std::erase_if(sums, [](const auto& row) { return row.second == 0; });
        ASSERT_TRUE(sums == balances_of(state)) << "seed " << seed + run;
    }
}

TEST(Core, ProgramsNeverTouchEachOther) {
    const uint64_t seed = std::random_device{}();
    for (uint64_t run = 0; run < 200; ++run) {
        RandomLog log(seed + run);
        const std::vector<Input> inputs = log.more(150);
        MemoryShard both;
        both.apply(inputs);
        const auto all = balances_of(both.state());
        for (const std::string_view program : {"default", "shop", "a", "b"}) {
            // The program's own events alone. Without maturity, for the clock is what a shard's programs do share.
            std::vector<Input> own;
            for (const Input& input : inputs)
                if (!input.record.malformed && input.record.event.program == program) own.push_back(input);
            MemoryShard alone;
            alone.apply(own);
            auto expected = all;
            std::erase_if(expected, [&](const auto& row) {
                return row.first.substr(0, row.first.find_first_of("/ ")) != program;
            });
            ASSERT_TRUE(balances_of(alone.state()) == expected) << program << ", seed " << seed + run;
        }
    }
}

// ---- Sizes and ends ----

// Records made by hand, one call each.
class Writing {
  public:
    Input signup(uint64_t number, uint64_t referrer = 0) {
        UserSignedUp facts;
        if (referrer != 0) facts.referrer.id = id(referrer);
        return input(number, facts);
    }
    Input sale(uint64_t number, uint64_t buyer, int64_t amount, uint64_t creator = 0) {
        TransactionRecorded facts;
        facts.buyer.id = id(buyer);
        facts.amount.value = amount;
        facts.currency = *parse_currency("USD");
        if (creator != 0) facts.creator.id = id(creator);
        return input(number, facts);
    }
    template <class T>
    Input input(uint64_t number, const T& facts) {
        Event event;
        event.id = id(number);
        event.type = static_cast<uint8_t>(T::kType);
        event.program = program_;
        event.occurred_at_us = 1'700'000'000'000'000;
        event.payload = facts;
        batch_.append(0, 0, writer_.encode(event));
        return read_input(batch_.records().back().value, append_time_ms);
    }
    // Where the events from here on belong.
    Writing& in_program(std::string_view program) {
        program_ = program;
        return *this;
    }
    int64_t append_time_ms = 4'000'000'000'000;

  private:
    static Uuid id(uint64_t number) {
        Uuid uuid{{1}};
        for (size_t i = 0; i < 8; ++i) uuid.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
        return uuid;
    }
    std::string_view program_ = kDefaultProgram;
    RecordWriter writer_;
    RecordBatch batch_;
};

Outcome outcome_of(MemoryShard& shard, const Input& input) {
    shard.apply(std::span(&input, 1));
    Entry entry;
    shard.last(entry);
    return entry.outcome;
}

TEST(Core, ATreeOfAHundredThousandLevelsPaysTheSevenNearest) {
    constexpr uint64_t kDepth = 100'000;
    Writing events;
    std::vector<Input> inputs{events.signup(1)};
    for (uint64_t user = 2; user <= kDepth; ++user) inputs.push_back(events.signup(user, user - 1));
    for (uint64_t i = 0; i < 1000; ++i) inputs.push_back(events.sale(kDepth + 1 + i, kDepth, 10'000));
    MemoryShard shard;
    shard.apply_in_batches(inputs, 65'536);
    const State& state = shard.state();
    ASSERT_EQ(state.users().size(), kDepth);
    ASSERT_EQ(state.accounts().size(), 7U);
    constexpr int64_t kLevels[] = {2000, 1500, 1000, 800, 500, 300, 200};
    for (Index k = 0; k < 7; ++k) {
        const Index account = state.find_account(static_cast<Index>(kDepth) - 2 - k, *parse_currency("USD"));
        ASSERT_NE(account, kNoIndex);
        EXPECT_EQ(state.accounts()[account].pending, 1000 * kLevels[k]);
    }
}

TEST(Core, AMillionChildrenOfOneUserAllPayIt) {
    constexpr uint64_t kChildren = 1'000'000;
    MemoryShard shard;
    uint64_t next = 2;
    {
        Writing events;
        ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    }
    while (next < 2 + kChildren) {
        Writing events;
        std::vector<Input> inputs;
        for (uint64_t i = 0; i < 50'000; ++i) inputs.push_back(events.signup(next++, 1));
        for (uint64_t i = 0; i < 100; ++i) inputs.push_back(events.sale(next * 1000 + i, next - 1 - i, 100));
        shard.apply(inputs);
    }
    ASSERT_EQ(shard.state().users().size(), kChildren + 1);
    ASSERT_EQ(shard.state().accounts().size(), 1U);
    EXPECT_EQ(shard.state().accounts()[0].pending, 20 * 100 * 20);
}

// 9,223 sales of the largest amount fit the account of sales, another does not, and what still fits does.
TEST(Core, AnAccountNeverLeavesInt64) {
    constexpr uint64_t kFit = INT64_MAX / kAmountCap;
    Writing events;
    MemoryShard shard;
    ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    std::vector<Input> inputs;
    for (uint64_t i = 0; i < kFit; ++i) inputs.push_back(events.sale(2 + i, 1, kAmountCap));
    shard.apply(inputs);
    ASSERT_EQ(shard.state().books()[0].sales, -static_cast<int64_t>(kFit) * kAmountCap);

    uint64_t next = 2 + kFit;
    const std::string before = dump(shard.state());
    EXPECT_EQ(outcome_of(shard, events.sale(next, 1, kAmountCap)), Outcome::kOutOfRange);
    EXPECT_EQ(dump(shard.state()).substr(8), before.substr(8)) << "all but the number of entries";

    // The house is the first to be full: sales may reach one further down than it may up.
    const int64_t room = INT64_MAX - static_cast<int64_t>(kFit) * kAmountCap;
    EXPECT_EQ(outcome_of(shard, events.sale(next, 1, room + 1)), Outcome::kOutOfRange);
    EXPECT_EQ(outcome_of(shard, events.sale(next, 1, room)), Outcome::kAccepted) << "the id stayed free";
    EXPECT_EQ(shard.state().books()[0].house, INT64_MAX);
    EXPECT_EQ(outcome_of(shard, events.sale(++next, 1, 1)), Outcome::kOutOfRange);

    // A new buyer's creator may still earn what the house does not: the sales account has one unit of room.
    TransactionRecorded taxed;
    taxed.amount.value = 1;
    taxed.tax.value = 1;
    taxed.currency = *parse_currency("USD");
    taxed.buyer = std::get<TransactionRecorded>(inputs[0].record.event.payload).buyer;
    EXPECT_EQ(outcome_of(shard, events.input(next, taxed)), Outcome::kAccepted);
    EXPECT_EQ(shard.state().books()[0].sales, INT64_MIN);
    EXPECT_EQ(outcome_of(shard, events.input(++next, taxed)), Outcome::kOutOfRange);
}

// One who holds several roles in a sale is checked for their sum. The account of sales would be full long before a
// user's, so the user's is put near its end by hand.
TEST(Core, AUsersBalanceNeverLeavesInt64HoweverManyRolesASaleGives) {
    Writing events;
    MemoryShard shard;
    ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    ASSERT_EQ(outcome_of(shard, events.signup(2, 1)), Outcome::kAccepted);
    // Half to the creator 1, who is also level 1 with a fifth of the rest: 600.
    ASSERT_EQ(outcome_of(shard, events.sale(3, 2, 1000, 1)), Outcome::kAccepted);
    const Paged<Account>& accounts = shard.state().accounts();
    ASSERT_EQ(accounts.size(), 1U);
    ASSERT_EQ(accounts[0].pending, 600);

    shard.state().arrays().accounts.change(0).pending = INT64_MAX - 599;
    EXPECT_EQ(outcome_of(shard, events.sale(4, 2, 1000, 1)), Outcome::kOutOfRange)
        << "500 and 100 each fit, their sum does not";
    shard.state().arrays().accounts.change(0).pending = INT64_MAX - 600;
    EXPECT_EQ(outcome_of(shard, events.sale(4, 2, 1000, 1)), Outcome::kAccepted);
    EXPECT_EQ(accounts[0].pending, INT64_MAX);
}

TEST(Core, TakesAnyAppendTime) {
    Writing events;
    MemoryShard shard;
    events.append_time_ms = INT64_MIN;
    EXPECT_EQ(outcome_of(shard, events.signup(1)), Outcome::kFromFuture);
    events.append_time_ms = -1;
    EXPECT_EQ(outcome_of(shard, events.signup(1)), Outcome::kFromFuture);
    events.append_time_ms = INT64_MAX;
    EXPECT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
}

// Two things of one fingerprint are made by hand: nobody will meet them by chance.
TEST(Core, TellsApartIdsOfOneFingerprint) {
    Writing events;
    MemoryShard shard;
    ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    ASSERT_EQ(outcome_of(shard, events.signup(2, 1)), Outcome::kAccepted);
    const Input sale = events.sale(3, 2, 100);
    ASSERT_EQ(outcome_of(shard, sale), Outcome::kAccepted);
    ASSERT_EQ(outcome_of(shard, events.in_program("shop").signup(1)), Outcome::kAccepted);
    const auto collide = [&shard](std::string_view program, const Input& input, Thing other) {
        const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(program), input.record.event.id);
        shard.state().restore_id({fingerprint, other.word()});
    };
    // The same id in another program, and another id: of a sale, and of a user.
    const Thing sale_of_default(ThingKind::kOther, 2);
    const Thing user_of_default(ThingKind::kUser, 0);
    const Input same_id = events.in_program("shop").sale(3, 1, 500);
    collide("shop", same_id, sale_of_default);
    EXPECT_EQ(outcome_of(shard, same_id), Outcome::kAccepted);
    EXPECT_EQ(outcome_of(shard, same_id), Outcome::kDuplicate);
    const Input other_id = events.in_program("default").sale(4, 2, 500);
    collide("default", other_id, sale_of_default);
    collide("default", other_id, user_of_default);
    EXPECT_EQ(outcome_of(shard, events.sale(5, 4, 100)), Outcome::kUnknownUser);
    EXPECT_EQ(outcome_of(shard, other_id), Outcome::kAccepted);
    EXPECT_EQ(outcome_of(shard, other_id), Outcome::kDuplicate);
    EXPECT_EQ(outcome_of(shard, sale), Outcome::kDuplicate);
}

TEST(Core, AnEntryThatCannotBeReadIsAnErrorAndNoOutcome) {
    class Unreadable final : public EntrySource {
        Result<std::span<const std::byte>> entry(uint64_t) override {
            return Error{ErrorCode::kUnavailable, "the disk is gone"};
        }
    };
    Writing events;
    State state;
    Unreadable entries;
    Core core(state, {}, entries, entries);
    EntryBatch batch;
    for (const Input& input : {events.signup(1), events.signup(2, 1), events.sale(3, 2, 100)}) {
        ASSERT_TRUE(core.apply(std::span(&input, 1), batch).ok());
    }
    for (const Input& again : {events.signup(1), events.sale(3, 2, 100)}) {
        const Status status = core.apply(std::span(&again, 1), batch);
        ASSERT_FALSE(status.ok());
        EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
    }
    EXPECT_FALSE(core.mature().ok());
}

TEST(State, FoldRefusesAnEntryOutOfOrderOrOfWhatIsNotThere) {
    Writing events;
    MemoryShard shard;
    const std::vector<Input> inputs = {events.signup(1), events.signup(2, 1), events.sale(3, 2, 100)};
    shard.apply(inputs);
    Entry entry;
    State skipped;
    ASSERT_TRUE(decode_entry(shard.entries()[1], entry).ok());
    EXPECT_EQ(skipped.fold(entry).error().code, ErrorCode::kCorrupt) << "entry 1 before entry 0";
    entry.sequence = 0;
    EXPECT_EQ(skipped.fold(entry).error().code, ErrorCode::kCorrupt) << "a referrer that is not there";
    ASSERT_TRUE(decode_entry(shard.entries()[2], entry).ok());
    entry.sequence = 0;
    EXPECT_EQ(skipped.fold(entry).error().code, ErrorCode::kCorrupt) << "a buyer who is not there";
    EXPECT_EQ(dump(skipped), dump(State{})) << "nothing was folded";
}

}  // namespace
}  // namespace upline
