// SPDX-License-Identifier: Apache-2.0
// The core against a second, obvious statement of the rules, step by step over random logs.
#include "tests/ledger/core/laws.h"

namespace upline::laws {
namespace {

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
        sale.source = Source::kPlatform;
        sale.stream = Stream::kSubscriptionTiers;
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
                add(TransactionRefunded{{one_of(sales)}, {part}, currency, RefundReason::kRefund});
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

}  // namespace
}  // namespace upline::laws
