// SPDX-License-Identifier: Apache-2.0
// Queries give structs of one position, from entries and rows alone.
#include <gtest/gtest.h>

#include "events/json_reader.h"
#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "tests/tools/small_ledger.h"
#include "tools/queries/explain.h"
#include "tools/queries/payout.h"
#include "tools/queries/sale.h"
#include "tools/queries/statement.h"
#include "tools/queries/user.h"
#include "tools/queries/website.h"

namespace upline {
namespace {

class Queries : public testing::Test {
  protected:
    FoundEntry find(const char* name, const char* kind) {
        return take(find_entry(shards_, "default", to_string(id_of(name, kind)), kind));
    }
    // As the ids of small_ledger.h are made.
    static Uuid id_of(const char* name, const char* kind) { return *parse_id(name, kind, IdForm::kUuid5); }

    TemporaryFolder folder_;
    std::vector<ReadShard> shards_ = [this] {
        copy_folder(small_ledger().data, folder_.path() / "data");
        return take(open_for_reading((folder_.path() / "data").string()));
    }();
};

TEST_F(Queries, TellOfUsersWebsitesSalesAndPayouts) {
    LedgerReader ledger = take(LedgerReader::open(shards_.front()));
    EXPECT_EQ(ledger.position().size, kSize);

    const UserAnswer ada = take(query_user(ledger, find("ada", "user").entry()));
    EXPECT_TRUE(ada.suspended);
    EXPECT_EQ(ada.direct_referrals, 1U);
    EXPECT_EQ(ada.first_referrals, std::vector<Uuid>{id_of("ben", "user")});
    EXPECT_TRUE(ada.upline.empty());

    const UserAnswer ben = take(query_user(ledger, find("ben", "user").entry()));
    EXPECT_FALSE(ben.suspended);
    EXPECT_EQ(ben.upline, std::vector<Uuid>{id_of("ada", "user")});
    ASSERT_EQ(ben.balances.size(), 1U);
    EXPECT_EQ(ben.balances.front().balances, (Balances{.available = 500, .paid = 1500}));
    ASSERT_EQ(ben.payouts.size(), 1U);
    EXPECT_EQ(ben.payouts.front().id, id_of("payout", "payout"));
    EXPECT_EQ(ben.payouts.front().status, PayoutStatus::kSettled);

    const WebsiteAnswer site = take(query_website(ledger, find("site", "website").entry()));
    EXPECT_EQ(site.owner, id_of("ada", "user"));
    EXPECT_EQ(site.status, WebsiteStatus::kPublished);
    EXPECT_EQ(take(website_status(ledger, site.entry, site.entry + 1)), WebsiteStatus::kDraft);

    const SaleAnswer sale = take(query_sale(ledger, find("early", "transaction").entry()));
    EXPECT_EQ(sale.amount, 11'900);
    EXPECT_EQ(sale.left, 7'900);
    EXPECT_TRUE(sale.mature);
    const Explanation why = take(query_explanation(ledger, find("early", "transaction").entry()));
    EXPECT_EQ(why.left, sale.left);
    EXPECT_EQ(why.refunds.size(), 1U);

    const PayoutAnswer payout = take(query_payout(ledger, find("payout", "payout").entry()));
    EXPECT_EQ(payout.user, id_of("ben", "user"));
    ASSERT_EQ(payout.results.size(), 1U);
    EXPECT_EQ(payout.results.front().id, id_of("paid", "payout_settled"));
}

// A statement that is held against rows that somebody changed says so.
TEST_F(Queries, AStatementIsHeldAgainstTheLedgersOwnBalances) {
    const StatementQuery query{.user = find("ben", "user").entry().sequence};
    {
        LedgerReader ledger = take(LedgerReader::open(shards_.front()));
        const auto statements = take(query_statement(ledger, query, {}));
        ASSERT_EQ(statements.size(), 1U);
        EXPECT_EQ(statements.begin()->second.closing, (Balances{.available = 500, .paid = 1500}));
    }
    shards_.clear();
    {
        const auto store = take(Store::open(folder_.path() / "data" / "partition-00000", Store::Access::kWrite));
        const auto table = take(open_table(*store, *payouts_model()));
        std::vector<Table::Write> gone;
        take(table->scan("\x01", [&](std::string_view key, std::string_view) {
            if (key.front() == '\x01') gone.push_back({std::string(key), std::nullopt});
            return true;
        }));
        take(table->write(gone));
    }
    shards_ = take(open_for_reading((folder_.path() / "data").string()));
    LedgerReader ledger = take(LedgerReader::open(shards_.front()));
    const auto statements = query_statement(ledger, query, {});
    ASSERT_FALSE(statements.ok());
    EXPECT_EQ(statements.error().code, ErrorCode::kCorrupt);
}

TEST_F(Queries, SayWhatAnIdIsOf) {
    const FoundEntry found = find("early", "transaction");
    const Status is_user = expect_is<UserSignedUp>(found, "the id", "user");
    ASSERT_FALSE(is_user.ok());
    EXPECT_EQ(is_user.error().message, "the id is no user: it is the id of a TransactionRecorded (entry 6)");
    const auto unknown = find_entry(shards_, "default", to_string(Uuid()), "user");
    ASSERT_FALSE(unknown.ok());
    EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace upline
