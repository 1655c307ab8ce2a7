// SPDX-License-Identifier: Apache-2.0
// Verify on ledgers with refunds, payouts, plans, suspensions and adjustments: the real sample of a whole life, and the
// edge cases, in which every type and outcome occurs.
#include <functional>

#include "ledger/core/state_storage.h"
#include "tests/tools/audit/ledger_to_harm.h"
#include "tools/audit/commands.h"
#include "tools/reports/commands.h"

namespace upline {
namespace {

constexpr uint64_t kEvents = 15'832;

const Ledger& life_sample() {
    static const Ledger ledger(lines_of(read_file(test_data("cdnow-sample.lifecycle.jsonl.gz"))));
    return ledger;
}
// Until some refunded sales are still held.
const Ledger& young_sample() {
    static const Ledger ledger([] {
        std::vector<std::string> lines = lines_of(read_file(test_data("cdnow-sample.lifecycle.jsonl.gz")));
        lines.resize(4000);
        for (const std::string& line : lines_of(read_file(test_data("edge.jsonl")))) lines.push_back(line);
        // A held sale of which a part was taken back.
        lines.push_back(
            R"({"id": "00000000-0000-4000-8000-000000000001", "type": "TransactionRecorded", "occurred_at": )"
            R"("2026-01-25T00:00:00Z", "program": "shop", "buyer": "74e2eedf-5d5d-598d-b23e-d754e3acde48", "amount": )"
            R"("100.00", "currency": "USD", "source": "platform", "stream": "subscription_tiers"})");
        lines.push_back(
            R"({"id": "00000000-0000-4000-8000-000000000002", "type": "TransactionRefunded", "occurred_at": )"
            R"("2026-01-25T00:00:00Z", "program": "shop", "transaction": "00000000-0000-4000-8000-000000000001", )"
            R"("amount": "33.33", "currency": "USD", "reason": "refund"})");
        return lines;
    }());
    return ledger;
}
const Ledger& edge_sample() {
    static const Ledger ledger(lines_of(read_file(test_data("edge.jsonl"))));
    return ledger;
}

class VerifyLife : public LedgerToHarm {
  protected:
    void SetUp() override { use_ledger(life_sample().data, life_sample().log); }
    Sequence find_type(EventType type, Sequence from = 0) {
        return find_entry_where(
            [type](const Entry& entry) { return entry.accepted() && entry.type == static_cast<uint8_t>(type); }, from);
    }
    // Does it to the entry, expects what must be found first, and puts the entry back.
    template <class F>
    void expect_found_after(Sequence sequence, F&& change, const std::string& what) {
        const std::string before = entry_bytes(sequence);
        change_and_rehash(sequence, change);
        const std::string first = texts_of(audit_without_log()).at(0);
        EXPECT_EQ(first.substr(0, what.size()), what) << "without the log: " << first;
        EXPECT_EQ(audit_with_log().findings.at(0).entry, sequence) << what << ", with the log";
        replace_entry(sequence, before);
        rebuild_tree();
    }
};

TEST_F(VerifyLife, SaysOkOfTheRealSampleAndOfTheEdgeCases) {
    for (const Ledger* ledger : {&life_sample(), &young_sample(), &edge_sample()}) {
        use_ledger(ledger->data, ledger->log);
        for (const bool with_log : {false, true}) {
            const AuditReport report = with_log ? audit_with_log() : audit_without_log();
            EXPECT_EQ(texts_of(report), std::vector<std::string>{});
            EXPECT_EQ(report.root, take(open_ledger().position()).root);
            EXPECT_EQ(report.read_models, names_of_models());
        }
    }
    use_ledger(life_sample().data, life_sample().log);
    EXPECT_EQ(audit_with_log().size, kEvents);
}

TEST_F(VerifyLife, FindsPostingsThatDoNotSumInEveryTypeThatPosts) {
    for (const EventType type :
         {EventType::kTransactionRecorded, EventType::kTransactionRefunded, EventType::kPayoutRequested,
          EventType::kPayoutSettled, EventType::kPayoutFailed, EventType::kAdjustmentPosted}) {
        const Sequence sequence = find_type(type);
        expect_found_after(
            sequence, [](Entry& entry) { entry.postings[0].amount += 1; },
            fmt::format("entry {}: its postings sum to 1 and not to zero", sequence));
    }
}

TEST_F(VerifyLife, FindsAmountsThatSumAndAreWrongInEveryTypeThatPosts) {
    for (const EventType type :
         {EventType::kTransactionRecorded, EventType::kTransactionRefunded, EventType::kPayoutRequested,
          EventType::kPayoutSettled, EventType::kPayoutFailed, EventType::kAdjustmentPosted}) {
        const Sequence sequence = find_type(type);
        expect_found_after(
            sequence,
            [](Entry& entry) {
                entry.postings[0].amount += 1;
                entry.postings[entry.posting_count - 1U].amount -= 1;
            },
            fmt::format("entry {}: its postings are ", sequence));
    }
}

TEST_F(VerifyLife, FindsMoneyPostedToSomebodyElse) {
    for (const EventType type : {EventType::kTransactionRefunded, EventType::kPayoutRequested,
                                 EventType::kPayoutSettled, EventType::kAdjustmentPosted}) {
        const Sequence sequence = find_entry_where([type](const Entry& entry) {
            return entry.accepted() && entry.type == static_cast<uint8_t>(type) &&
                   std::ranges::any_of(entry.posted(), [](const Posting& p) { return is_user_account(p.account); });
        });
        expect_found_after(
            sequence,
            [](Entry& entry) {
                for (size_t i = 0; i < entry.posting_count; ++i)
                    if (is_user_account(entry.postings[i].account)) entry.postings[i].user ^= 2;  // both signed up
            },
            fmt::format("entry {}: its postings are ", sequence));
    }
}

// The provider's second word made its first again.
TEST_F(VerifyLife, FindsAPayoutSettledTwiceWithoutAFailureBetween) {
    use_ledger(edge_sample().data, edge_sample().log);
    const Sequence settled = find_type(EventType::kPayoutSettled);
    Sequence payout = 0;
    const Sequence failed = find_entry_where(
        [&](const Entry& entry) {
            payout = entry.refs[0];
            return entry.accepted() && std::holds_alternative<PayoutFailed>(entry.payload);
        },
        settled);
    expect_found_after(
        failed,
        [](Entry& entry) {
            entry.type = static_cast<uint8_t>(EventType::kPayoutSettled);
            entry.payload = PayoutSettled{};
            entry.postings[0].account = AccountKind::kReserved;
            entry.postings[1].account = AccountKind::kPaid;
        },
        fmt::format("entry {}: the payout of entry {} is settled already", failed, payout));
}

TEST_F(VerifyLife, FindsAMaturityMovedByADay) {
    constexpr int64_t kDayUs = 86'400'000'000;
    for (const EventType type : {EventType::kTransactionRecorded, EventType::kTransactionRefunded}) {
        const Sequence sequence = find_type(type, 5000);
        for (const int64_t moved : {-kDayUs, kDayUs})
            expect_found_after(
                sequence, [moved](Entry& entry) { entry.maturity_us += moved; },
                fmt::format("entry {}: maturity is ", sequence));
    }
}

TEST_F(VerifyLife, FindsAPlanOrAnAmountLeftThatIsAnother) {
    const Sequence refund = find_type(EventType::kTransactionRefunded);
    expect_found_after(
        refund, [](Entry& entry) { entry.remaining_before += 1; }, fmt::format("entry {}: it says that ", refund));
    const Sequence published = find_type(EventType::kPlanPublished);
    for (const EventType type : {EventType::kTransactionRecorded, EventType::kPayoutRequested}) {
        const Sequence sequence = find_type(type, published);
        expect_found_after(
            sequence, [](Entry& entry) { entry.plan = 0; },
            fmt::format("entry {}: it names plan 0, it falls under plan {}", sequence, published + 1));
    }
}

TEST_F(VerifyLife, FindsASaleOfNothingThatIsTaxedAndDividesByNothing) {
    use_ledger(young_sample().data, young_sample().log);
    for (const auto& [amount, tax] : std::vector<std::pair<int64_t, int64_t>>{{0, 5}, {-1, 0}, {INT64_MAX, 1}, {5, 6}})
        for (const bool refunded : {false, true}) {
            Sequence sale = find_type(EventType::kTransactionRecorded);
            find_entry_where([&](const Entry& entry) {
                if (refunded && std::holds_alternative<TransactionRefunded>(entry.payload)) sale = entry.refs[0];
                return entry.accepted() && std::holds_alternative<TransactionRefunded>(entry.payload);
            });
            expect_found_after(
                sale,
                [amount = amount, tax = tax](Entry& entry) {
                    auto& facts = std::get<TransactionRecorded>(entry.payload);
                    facts.amount.value = amount;
                    facts.tax.value = tax;
                },
                fmt::format("entry {}: it names what no earlier entry made, or an amount no sale may have", sale));
        }
}

TEST_F(VerifyLife, FindsARefundOrResultOfWhatIsNoSaleOrPayout) {
    const Sequence refund = find_type(EventType::kTransactionRefunded);
    expect_found_after(
        refund, [](Entry& entry) { entry.refs[0] = 0; },
        fmt::format("entry {}: it refunds entry 0, which is no sale", refund));
    const Sequence settled = find_type(EventType::kPayoutSettled);
    expect_found_after(
        settled, [](Entry& entry) { entry.refs[0] = 0; },
        fmt::format("entry {}: entry 0 requested no payout", settled));
}

TEST_F(VerifyLife, FindsABalanceAPlanAPayoutAndARefundOfTheStoredStateOffByOne) {
    const StateRows good = state_rows(open_ledger());
    const auto change = [&](auto&& harm, const std::string& first) {
        change_stored_state(open_ledger(), harm);
        const std::string text = texts_of(audit_without_log()).at(0);
        EXPECT_EQ(text.substr(0, first.size()), first) << text;
        put_state_rows(open_ledger(), good);
    };
    using Arrays = StateStorage::Arrays;
    for (const auto field : {&Account::pending, &Account::available, &Account::reserved, &Account::paid})
        change([&](Arrays arrays) { arrays.accounts.change(0, [&](Account& account) { ++(account.*field); }); },
               "balance of user ");
    change([](Arrays arrays) { ++arrays.plans.change(0).plan.hold_days.value; },
           "stored state: plan 0 is not what the entries give");
    change([](Arrays arrays) { ++arrays.payouts.change(0).amount; },
           "stored state: payout 0 is not what the entries give");
    change([](Arrays arrays) { ++arrays.refunded_sales.change(0).left; },
           "stored state: refunded sale 0 is not what the entries give");
    change([](Arrays arrays) { ++arrays.refunded_sales.change(0).held_remaining; },
           "stored state: refunded sale 0 is not what the entries give");
    change([](Arrays arrays) { arrays.users.change_cold(0).suspended ^= 1; },
           "stored state: user 0 is not what the entries give");
    EXPECT_EQ(texts_of(audit_with_log()), std::vector<std::string>{}) << "all is as it was";
}

// A second page, which look-ups find and the walk does not, tells of a sale to somebody who is nobody.
TEST_F(VerifyLife, FindsASaleToNobodyInAPageBesideTheOthers) {
    use_ledger(edge_sample().data, edge_sample().log);
    const Sequence refund = find_type(EventType::kTransactionRefunded);
    Sequence sale = 0;
    find_entry_where([&](const Entry& entry) {
        sale = entry.refs[0];
        return entry.sequence == refund;
    });
    const auto to_nobody = [&](Entry& entry) {
        for (size_t i = 0; i < entry.posting_count; ++i)
            if (is_user_account(entry.postings[i].account)) entry.postings[i].user = sale;
    };
    const std::string bytes = entry_bytes(sale);
    Entry entry;
    take(decode_entry(std::as_bytes(std::span(bytes)), entry));
    to_nobody(entry);
    std::vector<std::byte> changed;
    append_entry(entry, changed);
    change_and_rehash(refund, to_nobody);
    std::string page(8, '\0');
    put_number(page, 0, uint32_t{1});
    put_number(page, 4, static_cast<uint32_t>(changed.size()));
    page.append(reinterpret_cast<const char*>(changed.data()), changed.size());
    tamper("entries", big_endian(sale), page);
    EXPECT_FALSE(audit_without_log().findings.empty());
    EXPECT_FALSE(audit_with_log().findings.empty());
}

// Whatever the database says, commands answer and do not abort.
TEST_F(VerifyLife, CommandsSurviveTimesAndTypesThatAreNone) {
    const std::string sale_id = "e5250f8a-cff3-5447-9537-a0f3c4bdd9ce";
    const std::string user_id = "6507d976-006e-58ed-b3f9-2e23cb4719e8";
    const auto ask_all = [&](const std::string& what) {
        audit_without_log();  // closes it
        for (const bool json : {false, true}) {
            testing::internal::CaptureStdout();
            testing::internal::CaptureStderr();
            for (const int code : {show({.what = "head", .id = "", .data = data().string(), .json = json}),
                                   show({.what = "transaction", .id = sale_id, .data = data().string(), .json = json}),
                                   show({.what = "user", .id = user_id, .data = data().string(), .json = json}),
                                   explain({.transaction = sale_id, .data = data().string(), .json = json}),
                                   statement({.user = user_id, .data = data().string(), .json = json}),
                                   balances({.as_of = "2026-01-10", .data = data().string()})}) {
                EXPECT_GE(code, 0) << what;
                EXPECT_LE(code, 2) << what;
            }
            testing::internal::GetCapturedStdout();
            testing::internal::GetCapturedStderr();
        }
    };
    const auto harmed = [&](const std::string& what, const std::function<void()>& harm) {
        use_ledger(edge_sample().data, edge_sample().log);
        harm();
        ask_all(what);
    };
    use_ledger(edge_sample().data, edge_sample().log);
    const Sequence sale = find_entry_where([&](const Entry& entry) { return to_string(entry.id) == sale_id; });
    const Sequence refund = find_type(EventType::kTransactionRefunded);
    for (const int64_t time : {INT64_MIN, int64_t{-1}, INT64_MAX}) {
        harmed("the head's clock", [&] {
            std::string position = raw("default", "position");
            put_number(position, kPositionClock, time);
            tamper("default", "position", position);
        });
        for (const Sequence sequence : {sale, refund, Sequence{90}})
            harmed("a clock", [&] { change_and_rehash(sequence, [&](Entry& entry) { entry.clock_us = time; }); });
        harmed("a maturity", [&] {
            change_and_rehash(sale, [&](Entry& entry) { entry.maturity_us = std::max(time, kNoMaturity); });
        });
    }
    harmed("a type", [&] {
        change_and_rehash(sale, [&](Entry& entry) {
            entry.outcome = Outcome::kUnknownType;
            entry.type = 200;
        });
    });
    for (const int64_t amount : {int64_t{0}, int64_t{-5}, INT64_MAX})
        harmed("an amount", [&] {
            change_and_rehash(
                sale, [&](Entry& entry) { std::get<TransactionRecorded>(entry.payload).amount.value = amount; });
        });
}

TEST_F(VerifyLife, FindsAChangedARemovedAndAnAddedRowOfEveryKindOfEachReadModel) {
    use_ledger(young_sample().data, young_sample().log);
    std::set<std::string> kinds;
    expect_each_row_kind_found(&kinds);
    EXPECT_EQ(kinds,
              (std::set<std::string>{"outcomes: program",      "outcomes: refusal",      "outcomes: refused id",
                                     "outcomes: counts",       "payouts: refunds",       "payouts: USD",
                                     "payouts: JPY",           "payouts: KWD",           "sites: activity",
                                     "sites: sales in USD",    "revenue: program",       "revenue: adjustments",
                                     "revenue: platform",      "revenue: website",       "revenue: referral",
                                     "references: referral",   "references: website",    "references: website status",
                                     "references: refund",     "references: payout",     "references: payout result",
                                     "references: suspension", "references: adjustment", "references: plan",
                                     "references: program"}));
}

TEST_F(VerifyLife, FindsOneFlippedBitAtEveryByteOfAnEntryOfEachTypeAndOutcome) {
    use_ledger(edge_sample().data, edge_sample().log);
    const std::map<std::string, Sequence> kinds = kinds_of_entries();
    ASSERT_EQ(kinds.size(), 38U);
    expect_each_flipped_byte_found(kinds);
}

}  // namespace
}  // namespace upline
