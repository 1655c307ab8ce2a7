// SPDX-License-Identifier: Apache-2.0
// The laws of money, each over random logs: the core against a second, obvious statement of the rules, and what holds
// whatever the rules are. A failure shows the seed of its run and the shortest log found that still fails, as the JSON
// lines that `produce` takes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "events/json_writer.h"
#include "events/record_writer.h"
#include "ledger/core/state_storage.h"
#include "tests/ledger/core/memory_shard.h"
#include "tests/ledger/core/money_model.h"
#include "tests/ledger/core/random_money.h"
#include "tests/ledger/core/second_split.h"

namespace upline {
namespace {

using testing::dump;
using testing::kTwoSplits;
using testing::MoneyLog;
using testing::MoneyModel;
using testing::RandomMoney;

// ---- Running a law ----

uint64_t number_from_environment(const char* name, uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

// Runs of the law of the model; the others take a part of that.
uint64_t test_runs() {
    return number_from_environment("UPLINE_TEST_RUNS", 10'000);
}

// With as many, what they have met is asked for too.
constexpr uint64_t kTellingRuns = 1000;

// What is wrong, in words; empty if the law holds for the log. Whatever is random in it comes from the seed.
using Law = std::function<std::string(ShardIdentity, std::span<const Input>, uint64_t seed)>;
using MakeLog = std::function<MoneyLog(uint64_t seed)>;

// Every other one of two versions of the rules.
MoneyLog short_log(uint64_t seed) {
    const auto versions = static_cast<unsigned>(1 + seed / 2 % 2);
    return RandomMoney::log(seed, 20 + std::mt19937_64(seed)() % 101, 1'700'000'000'000'000, versions);
}

// Of a release that knows the second version too; where that is never put in force, it changes nothing.
class MemoryShard : public testing::MemoryShard {
  public:
    explicit MemoryShard(ShardIdentity identity) : testing::MemoryShard(identity, kTwoSplits) {}
};

// The shortest prefix that fails, without each event that it fails without.
std::vector<Input> shrunk(const Law& law, const MoneyLog& log, uint64_t seed) {
    const auto fails = [&](std::span<const Input> inputs) { return !law(log.identity, inputs, seed).empty(); };
    std::vector<Input> inputs = log.inputs;
    for (size_t size = 0; size < log.inputs.size(); ++size) {
        if (!fails(std::span(log.inputs).first(size))) continue;
        inputs.resize(size);
        break;
    }
    for (bool is_shorter = true; is_shorter;) {
        is_shorter = false;
        for (size_t i = inputs.size(); i-- > 0;) {
            std::vector<Input> without = inputs;
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
            if (!fails(without)) continue;
            inputs = std::move(without);
            is_shorter = true;
        }
    }
    return inputs;
}

std::string readable(std::span<const Input> inputs) {
    std::string text;
    for (const Input& input : inputs) {
        text += fmt::format("appended at {} ms: ", input.append_time_ms);
        if (input.record.malformed != nullptr)
            text += fmt::format("malformed, {} {}\n", input.record.field ? input.record.field : "it",
                                input.record.malformed);
        else if (std::holds_alternative<std::monostate>(input.record.event.payload))
            text += fmt::format("of type {}\n", input.record.event.type);
        else
            append_json(input.record.event, text);
    }
    return text;
}

void expect_law(uint64_t runs, const Law& law, const MakeLog& make_log = short_log) {
    const uint64_t seed = number_from_environment("UPLINE_TEST_SEED", std::random_device{}());
    fmt::print("seeds {} to {} (UPLINE_TEST_SEED, UPLINE_TEST_RUNS)\n", seed, seed + std::max<uint64_t>(runs, 1) - 1);
    for (uint64_t run = seed; run < seed + std::max<uint64_t>(runs, 1); ++run) {
        const MoneyLog log = make_log(run);
        if (law(log.identity, log.inputs, run).empty()) continue;
        const std::vector<Input> least = shrunk(law, log, run);
        FAIL() << "UPLINE_TEST_SEED=" << run << " UPLINE_TEST_RUNS=1\n"
               << law(log.identity, least, run) << "\nafter these " << least.size() << " events:\n"
               << readable(least);
    }
}

std::span<const Input> only(const Input& input) {
    return {&input, 1};
}

// ---- Reading a shard ----

UserIndex user_index(const State& state, std::string_view program, const Uuid& id) {
    return state.find_user(state.find_program(program), id, IdTable::fingerprint(IdTable::program_hash(program), id));
}

// A user's balances, or a program's books, of one currency: zero where there are none.
Account account_of(const State& state, std::string_view program, const Uuid& id, Currency currency) {
    const UserIndex user = user_index(state, program, id);
    const AccountIndex account = user == kNoIndex ? AccountIndex() : state.find_account(user, currency);
    return account == kNoIndex ? Account{} : state.accounts()[account];
}
Book book_of(const State& state, std::string_view program, Currency currency) {
    const ProgramIndex index = state.find_program(program);
    const BookIndex book = index == kNoIndex ? BookIndex() : state.find_book(index, currency);
    return book == kNoIndex ? Book{} : state.books()[book];
}

// ---- The model ----

std::string entry_text(const Entry& entry, const State& state) {
    std::string text = fmt::format("{}, clock {}", outcome_name(entry.outcome), entry.clock_us);
    if (!entry.accepted()) return text;
    text +=
        fmt::format(", plan {}, left before {}, maturity {}:", entry.plan, entry.remaining_before, entry.maturity_us);
    for (const Posting& p : entry.posted())
        text += fmt::format(
            " [{} {} {} {}]", account_name(p.account), role_name(p.role),
            is_user_account(p.account) ? to_string(state.users()[state.user_by_sequence(p.user)].id) : "", p.amount);
    return text;
}

std::string result_text(const MoneyModel::Result& result) {
    std::string text = fmt::format("{}, clock {}", result.outcome, result.clock_us);
    if (result.outcome != "accepted") return text;
    text += fmt::format(", plan {}, left before {}, maturity {}:", result.plan, result.remaining_before,
                        result.maturity_us.value_or(kNoMaturity));
    for (const MoneyModel::Posting& p : result.postings)
        text += fmt::format(" [{} {} {} {}]", p.account, p.role, p.user.is_nil() ? "" : to_string(p.user), p.amount);
    return text;
}

// The root by the words of RFC 6962, section 2.1.
Hash root_by_definition(std::span<const std::vector<std::byte>> leaves) {
    if (leaves.size() == 1) return sha256(std::array{std::byte{0}}, leaves[0]);
    if (leaves.empty()) return sha256({});
    size_t split = 1;
    while (split * 2 < leaves.size()) split *= 2;
    return sha256(std::array{std::byte{1}}, root_by_definition(leaves.first(split)),
                  root_by_definition(leaves.subspan(split)));
}

bool same(const Closing& closing, const MoneyModel::Closed& expected) {
    if (closing.balances != expected.balances.size() || closing.books.size() != expected.currencies.size())
        return false;
    for (size_t i = 0; i < closing.books.size(); ++i) {
        const auto& [currency, sum, books] = expected.currencies[i];
        const ClosedBook right{currency,
                               sum.pending,
                               sum.available,
                               sum.reserved,
                               sum.paid,
                               static_cast<int64_t>(books.sales),
                               static_cast<int64_t>(books.tax),
                               static_cast<int64_t>(books.house)};
        if (closing.books[i] != right) return false;
        if (sum.pending + sum.available + sum.reserved + sum.paid + books.sales + books.tax + books.house != 0)
            return false;
    }
    std::vector<std::vector<std::byte>> leaves;
    for (const auto& [user, currency, one] : expected.balances) {
        std::vector<std::byte>& leaf = leaves.emplace_back();
        for (const uint8_t byte : user.bytes) leaf.push_back(static_cast<std::byte>(byte));
        for (const char letter : currency.code) leaf.push_back(static_cast<std::byte>(letter));
        for (const Int128 amount : {one.pending, one.available, one.reserved, one.paid})
            for (unsigned byte = 0; byte < 8; ++byte)
                leaf.push_back(static_cast<std::byte>(static_cast<uint64_t>(amount) >> (8 * byte)));
    }
    return closing.root == root_by_definition(leaves);
}

bool same(const Entry& entry, const MoneyModel::Result& result, const State& state) {
    if (outcome_name(entry.outcome) != result.outcome || entry.clock_us != result.clock_us) return false;
    if (entry.plan != result.plan || entry.remaining_before != result.remaining_before) return false;
    if (entry.posting_count != result.postings.size()) return false;
    if (entry.posting_count == 0) return true;
    if (entry.currency != result.currency) return false;
    if (entry.maturity_us != result.maturity_us.value_or(kNoMaturity)) return false;
    for (size_t i = 0; i < entry.posting_count; ++i) {
        const Posting& actual = entry.postings[i];
        const MoneyModel::Posting& expected = result.postings[i];
        if (account_name(actual.account) != expected.account || role_name(actual.role) != expected.role) return false;
        if (actual.amount != expected.amount || is_user_account(actual.account) == expected.user.is_nil()) return false;
        if (!is_user_account(actual.account)) continue;
        const UserIndex index = state.user_by_sequence(actual.user);
        if (index == kNoIndex || state.users()[index].id != expected.user) return false;
        if (state.programs()[state.users()[index].program].name() != entry.program) return false;
    }
    return true;
}

// The core and the model side by side.
class SideBySide {
  public:
    explicit SideBySide(ShardIdentity identity)
        : shard_(identity), model_(identity.partition, identity.partition_count, 2) {}

    MemoryShard& shard() { return shard_; }
    MoneyModel& model() { return model_; }

    // What they do not agree on after one more event; empty if nothing. Without `moves_matured`, what has matured may
    // still be counted as pending.
    std::string apply(const Input& input, bool moves_matured) {
        const MoneyModel::Result expected = model_.apply(input.record, input.append_time_ms);
        shard_.apply(only(input));
        if (moves_matured) shard_.mature();
        Entry entry;
        shard_.last(entry);
        const State& state = shard_.state();
        if (!same(entry, expected, state) || state.clock_us() != model_.clock_us())
            return fmt::format("the core says {}\nthe model   {}", entry_text(entry, state), result_text(expected));
        if (!entry.accepted()) return "";
        if (expected.closes_books && !same(entry.closing, model_.closed(std::string(entry.program))))
            return "the closing is not that of the model's balances";
        if (std::string wrong = wrong_ref(entry, input.record.event); !wrong.empty()) return wrong;
        for (const MoneyModel::Posting& posting : expected.postings) {
            const std::string program(entry.program);
            if (std::string wrong = wrong_balance(program, expected.currency, posting.user, moves_matured);
                !wrong.empty())
                return wrong;
        }
        return "";
    }

    // What the one who asks for a payout has before the event.
    Int128 available(const Event& event, const PayoutRequested& request) const {
        return model_.balance(std::string(event.program), request.user.id, request.currency, model_.clock_us())
            .available;
    }

    // The same of every balance there is.
    std::string wrong_balances() {
        shard_.mature();
        std::string wrong;
        std::set<std::tuple<std::string, Currency, Uuid>> all;
        model_.for_each_account([&](const std::string& program, Currency currency, const Uuid& user) {
            all.emplace(program, currency, user);
        });
        const State& state = shard_.state();
        for (size_t i = 0; i < state.accounts().size(); ++i) {
            const User user = state.users()[state.accounts()[i].user];
            all.emplace(state.programs()[user.program].name(), state.accounts()[i].currency, user.id);
        }
        for (size_t i = 0; i < state.books().size(); ++i)
            all.emplace(state.programs()[state.books()[i].program].name(), state.books()[i].currency, Uuid{});
        for (const auto& [program, currency, user] : all)
            if (wrong.empty()) wrong = wrong_balance(program, currency, user, true);
        return wrong;
    }

  private:
    std::string wrong_ref(const Entry& entry, const Event& event) const {
        std::string wrong;
        size_t next = 0;
        for_each_ref(event.payload, [&](const auto& ref) {
            const Sequence actual = entry.refs[next++];
            const auto expected = model_.sequence_of({std::string(event.program), ref.id});
            if (actual != expected.value_or(kNoSequence)) wrong = fmt::format("reference {} is wrong", next - 1);
        });
        return wrong;
    }

    std::string wrong_balance(const std::string& program, Currency currency, const Uuid& user, bool moves_matured) {
        if (user.is_nil()) {
            const Book actual = book_of(shard_.state(), program, currency);
            const MoneyModel::Books expected = model_.books(program, currency);
            if (actual.sales == expected.sales && actual.tax == expected.tax && actual.house == expected.house)
                return "";
            return fmt::format("{} {}: sales {} tax {} house {}, expected {} {} {}", program, currency.text(),
                               actual.sales, actual.tax, actual.house, expected.sales, expected.tax, expected.house);
        }
        const Account actual = account_of(shard_.state(), program, user, currency);
        const MoneyModel::Balance expected = model_.balance(program, user, currency, model_.clock_us());
        // Before what has matured is moved, available may be past the end of int64 by as much; only modulo 2^64 is it
        // known then.
        const bool is_same =
            actual.reserved == expected.reserved && actual.paid == expected.paid &&
            static_cast<uint64_t>(actual.pending) + static_cast<uint64_t>(actual.available) ==
                static_cast<uint64_t>(expected.pending + expected.available) &&
            (!moves_matured || (actual.pending == expected.pending && actual.available == expected.available));
        if (is_same) return "";
        return fmt::format("{}/{} {}: pending {} available {} reserved {} paid {}, expected {} {} {} {}", program,
                           to_string(user), currency.text(), actual.pending, actual.available, actual.reserved,
                           actual.paid, expected.pending, expected.available, expected.reserved, expected.paid);
    }

    MemoryShard shard_;
    MoneyModel model_;
};

// How often something was met in the runs, which are worth something only if they reach everything.
class Seen {
  public:
    void count(const Entry& entry) {
        ++counts_[fmt::format("outcome {}", outcome_name(entry.outcome))];
        if (entry.outcome == Outcome::kOutOfRange)
            ++counts_[fmt::format("out of range {}", event_type_name(static_cast<EventType>(entry.type)))];
        if (!entry.accepted()) return;
        ++counts_[fmt::format("accepted {}", event_type_name(static_cast<EventType>(entry.type)))];
        for (const Posting& p : entry.posted())
            ++counts_[fmt::format("posting {} {}", account_name(p.account), role_name(p.role))];
    }
    void count(const std::string& what) { ++counts_[what]; }
    void expect(const std::string& what, uint64_t least) const {
        const auto found = counts_.find(what);
        EXPECT_GE(found == counts_.end() ? 0 : found->second, least) << what;
    }

  private:
    std::map<std::string, uint64_t> counts_;
};

void count_versions(const Entry& entry, std::map<Sequence, uint16_t>& sold_under, Seen& seen) {
    if (std::holds_alternative<TransactionRecorded>(entry.payload)) sold_under[entry.sequence] = entry.rules_version;
    if (std::holds_alternative<TransactionRefunded>(entry.payload))
        seen.count(fmt::format("a refund under version {} of a sale under {}", entry.rules_version,
                               sold_under.at(entry.refs[0])));
    else if (!entry.posted().empty())
        seen.count(fmt::format("money under version {}", entry.rules_version));
}

TEST(Laws, TheModelAgreesWithTheCoreOnEveryStep) {
    Seen seen;
    const Law law = [&seen](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) {
        SideBySide both(identity);
        const bool moves_matured = seed % 2 == 0;
        std::map<Sequence, uint16_t> sold_under;
        for (size_t i = 0; i < inputs.size(); ++i) {
            const Event& event = inputs[i].record.event;
            const auto* request = std::get_if<PayoutRequested>(&event.payload);
            const Int128 available = request ? both.available(event, *request) : 0;
            if (std::string wrong = both.apply(inputs[i], moves_matured); !wrong.empty()) return wrong;
            Entry entry;
            both.shard().last(entry);
            seen.count(entry);
            if (entry.accepted() && request && available < request->amount.value)
                seen.count("a payout of what matures with it");
            if (entry.accepted() && std::holds_alternative<TransactionRefunded>(event.payload))
                seen.count(entry.mature_at_once() ? "a refund of what is mature" : "a refund of what is held");
            if (entry.accepted()) count_versions(entry, sold_under, seen);
            if (both.shard().state().holds().all().size() > 1) seen.count("several holds at once");
            if ((i + 1) % 50 != 0 && i + 1 != inputs.size()) continue;
            if (std::string wrong = both.wrong_balances(); !wrong.empty()) return wrong;
        }
        return std::string();
    };
    ASSERT_NO_FATAL_FAILURE(expect_law(test_runs(), law));
    if (test_runs() < kTellingRuns) return;
    const uint64_t least = test_runs() / 50;
    for (uint8_t outcome = 0; outcome <= kLastOutcome; ++outcome) {
        if (static_cast<Outcome>(outcome) == Outcome::kOutOfRange) continue;  // has a law of its own
        seen.expect(fmt::format("outcome {}", outcome_name(static_cast<Outcome>(outcome))), least);
    }
    for (uint8_t type = 1; type <= kLastEventType; ++type)
        seen.expect(fmt::format("accepted {}", event_type_name(static_cast<EventType>(type))), least);
    for (const char* posting : {"sales ", "tax ", "house ", "earned ", "reserved ", "paid ", "earned creator",
                                "earned website", "earned adjustment", "earned level_1", "earned level_7"})
        seen.expect(fmt::format("posting {}", posting), least);
    for (const char* moment :
         {"a payout of what matures with it", "a refund of what is mature", "a refund of what is held",
          "several holds at once", "money under version 2", "a refund under version 2 of a sale under 1",
          "a refund under version 2 of a sale under 2"})
        seen.expect(moment, least);
}

// ---- What is full ----

// Events of log_of_few until everybody has an account, and there are sales and payouts.
constexpr size_t kBegun = 15;

// A program of a few users with every kind of event, in amounts up to a size of the run's own.
MoneyLog log_of_few(uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto below = [&random](int64_t bound) {
        return static_cast<int64_t>(random() % static_cast<uint64_t>(bound));
    };
    MoneyLog log;
    RecordWriter writer;
    int64_t time_us = 1'700'000'000'000'000;
    uint8_t next = 1;
    const auto id_of = [](uint8_t number) { return Uuid{{number, 1}}; };
    const auto add = [&](const auto& facts) {
        Event event;
        event.id = id_of(next++);
        event.type = static_cast<uint8_t>(facts.kType);
        event.occurred_at_us = time_us;
        event.payload = facts;
        const auto bytes = writer.encode(event);
        log.inputs.push_back(read_input(log.records.emplace_back(bytes.begin(), bytes.end()), INT64_MAX / 1000));
    };
    static constexpr uint8_t kUsers = 4;
    for (uint8_t user = 1; user <= kUsers; ++user) add(UserSignedUp{{user == 1 ? Uuid{} : id_of(user - 1)}, {}});
    static constexpr int32_t kRates[] = {3000, 1000};
    PlanPublished plan;
    plan.level_rates = kRates;
    plan.creator_share = {2500};
    plan.hold_days = {static_cast<int32_t>(below(3))};
    add(plan);
    const Currency currency = *parse_currency("USD");
    for (uint8_t user = 1; user <= kUsers; ++user) add(AdjustmentPosted{{id_of(user)}, {1}, currency, "to begin with"});
    const int64_t sizes[] = {5, 40, 4000, kAmountCap};
    const int64_t size = sizes[below(4)];
    std::vector<Uuid> sales;
    std::vector<Uuid> payouts;
    const auto one_of = [&](const std::vector<Uuid>& ids) { return ids[static_cast<size_t>(below(std::ssize(ids)))]; };
    const auto user = [&] { return UserRef{id_of(static_cast<uint8_t>(1 + below(kUsers)))}; };
    const auto sell = [&] {
        TransactionRecorded sale;
        sale.buyer = user();
        sale.amount.value = 1 + below(size);
        sale.tax.value = below(2) == 0 ? below(sale.amount.value) : 0;
        sale.currency = currency;
        if (below(2) == 0) sale.creator = user();
        sales.push_back(id_of(next));
        add(sale);
    };
    const auto request = [&](int64_t amount) {
        payouts.push_back(id_of(next));
        add(PayoutRequested{user(), {amount}, currency, "bank"});
    };
    for (int i = 0; i < 4; ++i) sell();
    for (int i = 0; i < 2; ++i) request(1);
    UPLINE_CHECK(log.inputs.size() == kBegun, "all that comes before the accounts are filled");
    for (int i = 0; i < 40; ++i) {
        if (below(3) == 0) time_us += kUsPerDay * below(2) + below(2);
        switch (below(7)) {
            case 0:
            case 1: sell(); break;
            case 2: {
                const int64_t part = 1 + below(below(2) == 0 ? size : 1 + size / 3);
                add(TransactionRefunded{{one_of(sales)}, {part}, currency, {}});
                break;
            }
            case 3: request(1 + below(size)); break;
            case 4: add(PayoutSettled{{one_of(payouts)}, {}}); break;
            case 5: add(PayoutFailed{{one_of(payouts)}, "closed"}); break;
            default: {
                const int64_t amount = 1 + below(size);
                add(AdjustmentPosted{user(), {below(2) == 0 ? amount : -amount}, currency, "more"});
            }
        }
    }
    return log;
}

// Fills accounts and books to within a few units of their ends, in both: what is more than events have made was never
// held, or is held for ever.
void fill_up(SideBySide& both, std::mt19937_64& random) {
    const auto below = [&random](int64_t bound) {
        return static_cast<int64_t>(random() % static_cast<uint64_t>(bound));
    };
    const int64_t sizes[] = {5, 40, 4000, kAmountCap};
    const int64_t size = sizes[below(4)];
    const auto near_end = [&](bool may_be_negative) -> int64_t {
        switch (below(may_be_negative ? 4 : 3)) {
            case 0: return 0;
            case 1: return below(INT64_MAX);
            case 2: return INT64_MAX - below(size);
            default: return INT64_MIN + below(size);
        }
    };
    both.shard().mature();
    StateStorage::Arrays arrays = StateStorage(both.shard().state()).arrays();
    const auto keep = [&](ProgramIndex program, Currency currency, std::string_view account, const Uuid& user,
                          int64_t to, int64_t& amount, std::optional<int64_t> maturity) {
        const std::string name(arrays.programs[program].name());
        both.model().keep(name, currency, {account, "", user, Int128{to} - amount}, maturity);
        amount = to;
    };
    for (size_t i = 0; i < arrays.accounts.size(); ++i) {
        arrays.accounts.change(i, [&](Account& account) {
            const User user = arrays.users[account.user];
            const auto set = [&](std::string_view kind, int64_t to, int64_t& amount, std::optional<int64_t> maturity) {
                keep(user.program, account.currency, kind, user.id, to, amount, maturity);
            };
            int64_t available = near_end(true);
            int64_t pending = std::max(account.pending, near_end(false));
            if (available > 0 && pending > INT64_MAX - available) {
                // Both together at the end, each far from it.
                pending = account.pending + below(INT64_MAX - account.pending);
                available = INT64_MAX - pending - std::min(below(size), INT64_MAX - pending);
            }
            set("earned", available, account.available, std::nullopt);
            set("earned", pending, account.pending, INT64_MAX);
            set("reserved", near_end(false), account.reserved, std::nullopt);
            set("paid", near_end(true), account.paid, std::nullopt);
        });
    }
    for (size_t i = 0; i < arrays.books.size(); ++i) {
        Book& book = arrays.books.change(i);
        const auto set = [&](std::string_view kind, int64_t to, int64_t& amount) {
            if (below(2) == 0) keep(book.program, book.currency, kind, Uuid{}, to, amount, std::nullopt);
        };
        set("sales", near_end(true), book.sales);
        set("tax", near_end(true), book.tax);
        set("house", near_end(true), book.house);
    }
}

TEST(Laws, WhatWouldLeaveInt64IsOutOfRangeAndNothingElseIs) {
    Seen seen;
    const Law law = [&seen](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) {
        SideBySide both(identity);
        std::mt19937_64 random(seed);
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (i == kBegun) fill_up(both, random);
            if (std::string wrong = both.apply(inputs[i], random() % 2 == 0); !wrong.empty()) return wrong;
            if (std::string wrong = both.wrong_balances(); !wrong.empty()) return wrong;
            Entry entry;
            both.shard().last(entry);
            seen.count(entry);
        }
        return std::string();
    };
    const uint64_t runs = test_runs() / 4;
    ASSERT_NO_FATAL_FAILURE(expect_law(runs, law, log_of_few));
    if (runs < kTellingRuns) return;
    for (const char* type : {"TransactionRecorded", "TransactionRefunded", "PayoutRequested", "PayoutSettled",
                             "PayoutFailed", "AdjustmentPosted"}) {
        seen.expect(fmt::format("accepted {}", type), runs / 50);
        seen.expect(fmt::format("out of range {}", type), runs / 50);
    }
}

// ---- Postings and balances ----

TEST(Laws, PostingsOfAnEntrySumToZeroAndBalancesAreTheSumOfPostings) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t) -> std::string {
        MemoryShard shard(identity);
        shard.apply(inputs);
        shard.mature();
        const State& state = shard.state();
        std::map<std::tuple<std::string, Sequence, Currency>, Account> accounts;
        std::map<std::tuple<std::string, Currency>, Book> books;
        Entry entry;
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            const std::string program(entry.program);
            Int128 sum = 0;
            for (const Posting& posting : entry.posted()) {
                sum += posting.amount;
                Book& book = books[{program, entry.currency}];
                if (posting.account == AccountKind::kSales) book.sales += posting.amount;
                if (posting.account == AccountKind::kTax) book.tax += posting.amount;
                if (posting.account == AccountKind::kHouse) book.house += posting.amount;
                if (!is_user_account(posting.account)) continue;
                Account& account = accounts[{program, posting.user, entry.currency}];
                if (posting.account == AccountKind::kReserved) account.reserved += posting.amount;
                if (posting.account == AccountKind::kPaid) account.paid += posting.amount;
                if (posting.account != AccountKind::kEarned) continue;
                (entry.maturity_us <= state.clock_us() ? account.available : account.pending) += posting.amount;
            }
            if (sum != 0) return fmt::format("the postings of entry {} sum to {}", i, sum);
        }
        if (accounts.size() != state.accounts().size() || books.size() != state.books().size())
            return "there are accounts that nothing was posted to, or none of what was";
        for (const auto& [name, sum] : accounts) {
            const auto& [program, sequence, currency] = name;
            const User user = state.users()[state.user_by_sequence(sequence)];
            const Account account = account_of(state, program, user.id, currency);
            if (std::tuple(account.pending, account.available, account.reserved, account.paid) !=
                std::tuple(sum.pending, sum.available, sum.reserved, sum.paid))
                return fmt::format("the balances of {} are not the sum of postings", to_string(user.id));
        }
        for (const auto& [name, sum] : books) {
            const Book book = book_of(state, std::get<0>(name), std::get<1>(name));
            if (std::tuple(book.sales, book.tax, book.house) != std::tuple(sum.sales, sum.tax, sum.house))
                return fmt::format("the books of {} are not the sum of postings", std::get<0>(name));
        }
        return "";
    };
    expect_law(test_runs() / 4, law);
}

// Whether or not anything matures meanwhile.
TEST(Laws, WhatAUserHasMovesOnlyAsThePostingsSay) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) -> std::string {
        MemoryShard shard(identity);
        std::mt19937_64 random(seed);
        const State& state = shard.state();
        using Sums = std::array<Int128, 3>;  // earned, reserved, paid
        std::map<std::pair<Sequence, Currency>, Sums> expected;
        for (size_t event = 0; event < inputs.size(); ++event) {
            shard.apply(only(inputs[event]));
            shard.mature(random() % 4);
            Entry entry;
            shard.last(entry);
            for (const Posting& posting : entry.posted()) {
                if (!is_user_account(posting.account)) continue;
                constexpr auto kFirst = static_cast<size_t>(AccountKind::kEarned);
                expected[{posting.user, entry.currency}][static_cast<size_t>(posting.account) - kFirst] +=
                    posting.amount;
            }
            std::map<std::pair<Sequence, Currency>, Sums> actual;
            for (size_t i = 0; i < state.accounts().size(); ++i) {
                const Account account = state.accounts()[i];
                actual[{state.users()[account.user].sequence, account.currency}] = {
                    Int128{account.pending} + account.available, account.reserved, account.paid};
            }
            if (actual != expected)
                return fmt::format("after event {} somebody has more or less than was posted", event);
        }
        return "";
    };
    expect_law(test_runs() / 4, law);
}

TEST(Laws, ASaleRefundedInAnyPartsEndsAtZeroForEveryRole) {
    uint64_t sales = 0;
    uint64_t refunds = 0;
    const Law law = [&](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) -> std::string {
        MemoryShard shard(identity);
        shard.apply(inputs);
        std::mt19937_64 random(seed);
        std::deque<std::vector<std::byte>> records;
        RecordWriter writer;
        // What each sale has come to, by role; refunds follow that leave nothing of it.
        std::map<Sequence, std::map<std::tuple<AccountKind, Role, Sequence>, Int128>> sums;
        const auto add = [&sums](const Entry& entry) {
            if (!entry.accepted()) return;
            const bool is_sale = std::holds_alternative<TransactionRecorded>(entry.payload);
            if (!is_sale && !std::holds_alternative<TransactionRefunded>(entry.payload)) return;
            for (const Posting& posting : entry.posted())
                sums[is_sale ? entry.sequence : entry.refs[0]][{posting.account, posting.role, posting.user}] +=
                    posting.amount;
        };
        Entry entry;
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            add(entry);
        }
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
            if (!entry.accepted() || sale == nullptr) continue;
            ++sales;
            const std::string program(entry.program);  // the shard's memory moves as it grows
            TransactionRefunded refund{{entry.id}, {}, sale->currency, {}};
            int64_t left = shard.state().left_of(entry.sequence, sale->amount.value);
            while (left > 0) {
                const auto part = static_cast<int64_t>(random() % static_cast<uint64_t>(left) + 1);
                refund.amount.value = random() % 3 == 0 ? left : std::max<int64_t>(part, left / 16);
                left -= refund.amount.value;
                Event event;
                event.id.bytes = {1, 2, 3};
                for (size_t k = 8; k < 16; ++k) event.id.bytes[k] = static_cast<uint8_t>(random());
                event.type = static_cast<uint8_t>(EventType::kTransactionRefunded);
                event.program = program;
                // Now and then the clock moves, so that some of it comes before the maturity and some after.
                event.occurred_at_us = shard.state().clock_us() + (random() % 4 == 0 ? 11 * kUsPerDay : 0);
                event.payload = refund;
                const auto bytes = writer.encode(event);
                const auto& record = records.emplace_back(bytes.begin(), bytes.end());
                const Input input = read_input(record, event.occurred_at_us / 1000);
                shard.apply(only(input));
                Entry refunded;
                shard.last(refunded);
                if (!refunded.accepted())
                    return fmt::format("a refund of {} is {}", refund.amount.value, outcome_name(refunded.outcome));
                add(refunded);
                ++refunds;
            }
        }
        for (const auto& [sequence, parts] : sums)
            for (const auto& [part, sum] : parts)
                if (sum != 0)
                    return fmt::format("of the sale of entry {} there stays {} with {} {}", sequence, sum,
                                       account_name(std::get<0>(part)), role_name(std::get<1>(part)));
        return "";
    };
    const uint64_t runs = test_runs() / 4;
    expect_law(runs, law);
    if (runs < kTellingRuns) return;
    EXPECT_GT(sales, runs);
    EXPECT_GT(refunds, sales) << "several refunds of a sale";
}

TEST(Laws, EveryPayoutWasFundedAndStandsWhereItsLastResultSays) {
    uint64_t payouts_seen = 0;
    const Law law = [&](ShardIdentity identity, std::span<const Input> inputs, uint64_t) -> std::string {
        MemoryShard shard(identity);
        shard.apply(inputs);
        struct Earned {
            Int128 amount;
            int64_t maturity_us;
        };
        struct Request {
            std::pair<Sequence, Currency> account;
            int64_t amount;
            uint8_t last_result;  // a type of event
        };
        std::map<std::pair<Sequence, Currency>, std::vector<Earned>> earned;
        std::map<Sequence, Request> requests;
        Entry entry;
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            if (!entry.accepted()) continue;
            if (const auto* request = std::get_if<PayoutRequested>(&entry.payload)) {
                const std::pair account(entry.refs[0], request->currency);
                Int128 available = 0;
                for (const Earned& e : earned[account])
                    if (e.maturity_us <= entry.clock_us) available += e.amount;
                if (available < request->amount.value)
                    return fmt::format("entry {} pays out {} of {}", i, request->amount.value, available);
                requests[i] = {account, request->amount.value, entry.type};
                ++payouts_seen;
            }
            if (std::holds_alternative<PayoutSettled>(entry.payload) ||
                std::holds_alternative<PayoutFailed>(entry.payload))
                requests.at(entry.refs[0]).last_result = entry.type;
            for (const Posting& posting : entry.posted())
                if (posting.account == AccountKind::kEarned)
                    earned[{posting.user, entry.currency}].push_back({posting.amount, entry.maturity_us});
        }
        std::map<std::pair<Sequence, Currency>, std::pair<Int128, Int128>> expected;  // reserved, paid
        for (const auto& [sequence, request] : requests) {
            auto& [reserved, paid] = expected[request.account];
            if (request.last_result == static_cast<uint8_t>(EventType::kPayoutRequested)) reserved += request.amount;
            if (request.last_result == static_cast<uint8_t>(EventType::kPayoutSettled)) paid += request.amount;
        }
        const State& state = shard.state();
        for (size_t i = 0; i < state.accounts().size(); ++i) {
            const Account account = state.accounts()[i];
            const auto [reserved, paid] = expected[{state.users()[account.user].sequence, account.currency}];
            if (account.reserved != reserved || account.paid != paid)
                return fmt::format("account {} has {} reserved and {} paid, its payouts {} and {}", i, account.reserved,
                                   account.paid, reserved, paid);
        }
        return "";
    };
    const uint64_t runs = test_runs() / 4;
    expect_law(runs, law);
    if (runs < kTellingRuns) return;
    EXPECT_GT(payouts_seen, runs / 2);
}

// ---- What must change nothing ----

TEST(Laws, NothingNotAcceptedChangesTheStateBeyondItsSize) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t) -> std::string {
        MemoryShard shard(identity);
        for (size_t i = 0; i < inputs.size(); ++i) {
            const std::string before = dump(shard.state());
            const int64_t clock_us = shard.state().clock_us();
            shard.apply(only(inputs[i]));
            Entry entry;
            shard.last(entry);
            if (!entry.accepted()) {
                if (entry.clock_us != clock_us || entry.posting_count != 0)
                    return fmt::format("entry {} does something", i);
                // The size stands first.
                if (dump(shard.state()).substr(8) != before.substr(8))
                    return fmt::format("event {} changed the state", i);
            }
            shard.mature();
        }
        return "";
    };
    expect_law(test_runs() / 4, law);
}

// A program's entries and balances are the same to the byte when all that other programs do is replaced: what was
// accepted by a signup elsewhere at the same time, for the clock is what a shard's programs do share, and the rest by
// nothing readable.
TEST(Laws, ProgramsNeverTouchEachOther) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t) -> std::string {
        std::string quiet = "quiet";
        while (partition_of(quiet, identity.partition_count) != identity.partition) quiet += "-";
        MemoryShard all(identity);
        all.apply(inputs);
        all.mature();
        std::set<std::string> programs;
        for (const Input& input : inputs)
            if (input.record.malformed == nullptr) programs.emplace(input.record.event.program);
        for (const std::string& program : programs) {
            const auto is_own = [&](const Input& input) {
                return input.record.malformed == nullptr && input.record.event.program == program;
            };
            std::deque<std::vector<std::byte>> records;
            RecordWriter writer;
            std::vector<Input> alone_inputs;
            Entry entry;
            for (size_t i = 0; i < inputs.size(); ++i) {
                if (is_own(inputs[i])) {
                    alone_inputs.push_back(inputs[i]);
                    continue;
                }
                if (!decode_entry(all.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
                if (entry.accepted() && std::holds_alternative<RulesActivated>(entry.payload)) {
                    alone_inputs.push_back(inputs[i]);  // it is of the partition, whatever program it names
                    continue;
                }
                auto& record = records.emplace_back();
                if (entry.accepted()) {
                    Event signup;
                    signup.id.bytes = {9, static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)};
                    signup.type = static_cast<uint8_t>(EventType::kUserSignedUp);
                    signup.program = quiet;
                    signup.occurred_at_us = entry.occurred_at_us;
                    signup.payload = UserSignedUp{};
                    const auto bytes = writer.encode(signup);
                    record.assign(bytes.begin(), bytes.end());
                }
                alone_inputs.push_back(read_input(record, inputs[i].append_time_ms));
            }
            MemoryShard alone(identity);
            alone.apply(alone_inputs);
            alone.mature();
            for (size_t i = 0; i < inputs.size(); ++i)
                if (is_own(inputs[i]) && !std::ranges::equal(all.entries()[i], alone.entries()[i]))
                    return fmt::format("entry {} of {} depends on other programs", i, program);
            const auto balances = [&program](const State& state) {
                std::vector<std::tuple<Uuid, Currency, int64_t, int64_t, int64_t, int64_t>> rows;
                for (size_t i = 0; i < state.accounts().size(); ++i) {
                    const Account a = state.accounts()[i];
                    const User user = state.users()[a.user];
                    if (state.programs()[user.program].name() == program)
                        rows.emplace_back(user.id, a.currency, a.pending, a.available, a.reserved, a.paid);
                }
                for (size_t i = 0; i < state.books().size(); ++i) {
                    const Book& b = state.books()[i];
                    if (state.programs()[b.program].name() == program)
                        rows.emplace_back(Uuid{}, b.currency, b.sales, b.tax, b.house, 0);
                }
                return rows;
            };
            if (balances(all.state()) != balances(alone.state()))
                return fmt::format("balances of {} depend on other programs", program);
        }
        return "";
    };
    expect_law(test_runs() / 4, law);
}

// ---- Time ----

TEST(Laws, TheClockMovesInOneStepOrInAThousandToTheSameBalances) {
    uint64_t matured = 0;
    const Law law = [&matured](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) -> std::string {
        std::mt19937_64 random(seed);
        MemoryShard one(identity);
        one.apply(inputs);
        MemoryShard many(identity);
        many.apply(inputs);
        std::string quiet = "quiet";
        while (partition_of(quiet, identity.partition_count) != identity.partition) quiet += "-";
        std::deque<std::vector<std::byte>> records;
        RecordWriter writer;
        uint64_t signups = 0;
        const auto move_to = [&](MemoryShard& shard, int64_t clock_us) {
            Event signup;
            ++signups;
            signup.id.bytes = {9, static_cast<uint8_t>(signups), static_cast<uint8_t>(signups >> 8)};
            signup.type = static_cast<uint8_t>(EventType::kUserSignedUp);
            signup.program = quiet;
            signup.occurred_at_us = clock_us;
            signup.payload = UserSignedUp{};
            const auto bytes = writer.encode(signup);
            const Input input = read_input(records.emplace_back(bytes.begin(), bytes.end()), clock_us / 1000);
            shard.apply(only(input));
        };
        const int64_t days[] = {1, 5, 31, 40, 3651};
        const int64_t start_us = one.state().clock_us();
        const int64_t end_us = std::min(kMaxTimeUs, start_us + days[random() % 5] * kUsPerDay);
        one.mature();
        const auto held_before = one.state().holds().all();
        move_to(one, end_us);
        one.mature();
        if (one.state().holds().all() != held_before) ++matured;
        const int64_t steps = seed % 10 == 0 ? 1000 : 1 + static_cast<int64_t>(random() % 50);
        for (int64_t step = 1; step <= steps; ++step) {
            move_to(many, start_us + static_cast<int64_t>(Int128{end_us - start_us} * step / steps));
            many.mature(random() % 2 == 0 ? UINT64_MAX : random() % 5);
        }
        many.mature();
        const State& a = one.state();
        const State& b = many.state();
        if (a.clock_us() != b.clock_us()) return "the clocks differ";
        if (a.holds().all() != b.holds().all()) return "what is held differs";
        const auto same_bytes = [](const auto& x, const auto& y) {
            for (size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
                if (i >= x.size() || i >= y.size()) return false;
                const auto& one_record = x[i];
                const auto& other_record = y[i];
                if (std::memcmp(&one_record, &other_record, sizeof one_record) != 0) return false;
            }
            return true;
        };
        return same_bytes(a.accounts(), b.accounts()) && same_bytes(a.books(), b.books()) ? "" : "balances differ";
    };
    const uint64_t runs = test_runs() / 4;
    expect_law(runs, law);
    if (runs < kTellingRuns) return;
    EXPECT_GT(matured, runs / 10);
}

TEST(Laws, WhenMaturedMoneyIsMovedChangesNoEntryAndNoStateInTheEnd) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) -> std::string {
        std::mt19937_64 random(seed);
        MemoryShard always(identity);
        MemoryShard never(identity);
        MemoryShard slowly(identity);
        for (const Input& input : inputs) {
            always.apply(only(input));
            always.mature();
            never.apply(only(input));
            slowly.apply(only(input));
            slowly.mature(random() % 5);
        }
        never.mature();
        for (size_t i = 0; i < inputs.size() * 6; ++i) slowly.mature(1);
        if (never.entries().bytes() != always.entries().bytes()) return "never: the entries differ";
        if (slowly.entries().bytes() != always.entries().bytes()) return "slowly: the entries differ";
        if (dump(never.state()) != dump(always.state())) return "never: the states differ";
        slowly.mature();
        if (dump(slowly.state()) != dump(always.state())) return "slowly: the states differ";
        return "";
    };
    expect_law(test_runs() / 4, law);
}

// ---- Batches and folding ----

std::string first_difference(ShardIdentity identity, std::span<const Input> inputs, std::span<const size_t> sizes) {
    MemoryShard one(identity);
    one.apply_in_batches(inputs, 1);
    for (const size_t size : sizes) {
        MemoryShard shard(identity);
        shard.apply_in_batches(inputs, size);
        if (shard.entries().size() != inputs.size()) return fmt::format("in batches of {} entries are missing", size);
        if (shard.entries().bytes() != one.entries().bytes())
            return fmt::format("in batches of {} entries differ", size);
        if (dump(shard.state()) != dump(one.state())) return fmt::format("in batches of {} the state differs", size);
    }
    return "";
}

TEST(Laws, BatchesOfAnySizeGiveTheSameEntries) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) {
        std::mt19937_64 random(seed);
        const size_t sizes[] = {2 + random() % 9, 11 + random() % 90, 1000};
        return first_difference(identity, inputs, sizes);
    };
    expect_law(test_runs() / 4, law);
}

// Batches of the size that a busy shard has, over a log with all that happened in a thousand short ones.
TEST(Laws, BatchesOfAnySizeGiveTheSameEntriesOfALongLog) {
    const MakeLog make_log = [](uint64_t seed) {
        MoneyLog all;
        int64_t time_us = 1'700'000'000'000'000;
        for (uint64_t part = 0; all.inputs.size() < 70'000; ++part) {
            MoneyLog log = RandomMoney::log(seed + part, 100, time_us);
            for (const Input& input : log.inputs)
                if (input.record.malformed == nullptr && input.record.event.occurred_at_us < time_us + 60 * kUsPerDay)
                    time_us = std::max(time_us, input.record.event.occurred_at_us);
            all.inputs.insert(all.inputs.end(), log.inputs.begin(), log.inputs.end());
            for (auto& record : log.records) all.records.push_back(std::move(record));
        }
        return all;
    };
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t) {
        const size_t sizes[] = {7, 64, 1000, 65'536};
        return first_difference(identity, inputs, sizes);
    };
    const uint64_t seed = number_from_environment("UPLINE_TEST_SEED", std::random_device{}());
    const MoneyLog log = make_log(seed);
    // Not shrunk: the law before this one does that.
    EXPECT_EQ(law(log.identity, log.inputs, seed), "") << "seed " << seed;
}

std::string fold(testing::MemoryEntries& entries, size_t first, State& state) {
    Entry entry;
    for (size_t i = first; i < entries.size(); ++i) {
        if (!decode_entry(entries[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
        if (const Status folded = state.fold(entry); !folded.ok()) return folded.error().message;
    }
    return "";
}

TEST(Laws, AStateFoldedFromEntriesIsTheLiveStateWhereverTheFoldStarts) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) -> std::string {
        std::mt19937_64 random(seed);
        MemoryShard live(identity);
        const size_t start = inputs.empty() ? 0 : random() % inputs.size();
        live.apply(inputs.first(start));
        live.mature(random() % 3 == 0 ? UINT64_MAX : random() % 10);
        State from_start = live.state();
        live.apply_in_batches(inputs.subspan(start), 1 + random() % 20);
        live.mature();
        State from_zero(kTwoSplits);
        for (auto [state, first] : {std::pair(&from_zero, size_t{0}), std::pair(&from_start, start)}) {
            if (std::string wrong = fold(live.entries(), first, *state); !wrong.empty()) return wrong;
            if (!Core(*state, identity, live.entries(), live.entries()).mature().ok()) return "cannot mature";
            if (dump(*state) != dump(live.state())) return fmt::format("folded from {}, the state differs", first);
        }
        // They also know all ids, sales and plans: the same records again do to them what they do to the live one.
        testing::MemoryEntries entries = live.entries();
        std::vector<Input> again;
        for (const Input& input : inputs) {
            const auto* rules = std::get_if<RulesActivated>(&input.record.event.payload);
            if (!rules || rules->version <= kTwoSplits.size()) again.push_back(input);
        }
        live.apply(again);
        for (State* state : {&from_zero, &from_start}) {
            Core core(*state, identity, entries, entries);
            EntryBatch batch;
            if (!core.apply(again, batch).ok()) return "cannot go on";
            fill_closings(batch);
            for (size_t i = 0; i < again.size(); ++i)
                if (!std::ranges::equal(batch[i], live.entries()[inputs.size() + i]))
                    return fmt::format("after a fold, entry {} is another", i);
        }
        return "";
    };
    expect_law(test_runs() / 4, law);
}

}  // namespace
}  // namespace upline
