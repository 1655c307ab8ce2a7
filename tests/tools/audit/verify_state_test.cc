// SPDX-License-Identifier: Apache-2.0
// What verify says of a stored state that is not what the entries give.
#include <string>
#include <utility>
#include <vector>

#include "events/base/bytes.h"
#include "ledger/core/state_storage.h"
#include "ledger/store/id_segments.h"
#include "ledger/store/state_segments.h"
#include "ledger/store/state_store.h"
#include "tests/ledger/store/store_tampering.h"
#include "tests/tools/audit/verify_sample.h"

namespace upline {
namespace {

TEST_F(Verify, ChecksAStateStoredAsOfAnEarlierEntryThere) {
    const std::vector<std::string> lines = lines_of(sales_sample());
    constexpr size_t kStateAt = 5001;
    const Ledger ledger({lines.begin(), lines.begin() + kStateAt});
    append_lines(ledger.log, {lines.begin() + kStateAt, lines.end()});
    {
        const auto log = take(open_log(file_url(ledger.log)));
        const DataFolder data_folder = take(DataFolder::open(ledger.data, DataFolder::Access::kWrite));
        const auto shard = take(Shard::open(data_folder, {{0, 1}, log->identity()}));
        const auto reader = take(log->open_reader(0, shard->position().last_record));
        RecordBatch records;
        while (shard->position().size < kEvents) {
            take(reader->read(1000, 1 << 20, 100, records));
            std::vector<Input> inputs;
            for (const Record& record : records.records())
                inputs.push_back(read_input(record.value, record.append_time_ms));
            take(shard->apply(inputs, records.records()));
        }
    }
    use_ledger(ledger.data, ledger.log);
    ASSERT_EQ(take(load_state(open_ledger()))->size(), kStateAt);
    for (const bool with_log : {false, true}) {
        const AuditReport report = with_log ? audit_with_log() : audit_without_log();
        EXPECT_EQ(texts_of(report), std::vector<std::string>{});
        EXPECT_EQ(report.root, take(open_ledger().position()).root);
        EXPECT_EQ(report.not_checked.at(0), "read model payouts: it stands for 5001 of 10960 entries so far");
    }

    // The last leaf of a tile that two chunks share, and a balance as of then.
    const std::string tile = raw("tiles", tile_key(0, kStateAt / 256));
    std::string bad = tile;
    flip(bad, (kStateAt % 256 + 3) * sizeof(Hash), 0);
    tamper("tiles", tile_key(0, kStateAt / 256), bad);
    EXPECT_TRUE(texts_of(audit_without_log()).at(0).starts_with("entry 5004: its hash is "));
    tamper("tiles", tile_key(0, kStateAt / 256), tile);
    change_stored_state(open_ledger(), [](StateStorage::Arrays arrays) { ++arrays.accounts.change_hot(0).pending; });
    EXPECT_TRUE(texts_of(audit_without_log()).at(0).starts_with("balance of user "));
    EXPECT_TRUE(texts_of(audit_with_log()).at(0).starts_with("balance of user "));
}

// The last records of each kind of stored state, every byte of them.
TEST_F(VerifySmall, FindsEveryChangedByteOfTheStoredState) {
    constexpr size_t kLast = 300;
    for (const auto& [family, rows] : state_rows(open_ledger())) {
        const auto& [key, good] = *rows.rbegin();
        for (size_t at = good.size() < kLast ? 0 : good.size() - kLast; at < good.size(); ++at) {
            std::string bad = good;
            flip(bad, at, at % 8);
            tamper(family, key, bad);
            const AuditReport report = audit_open();
            EXPECT_FALSE(report.findings.empty()) << family << ", byte " << at;
            for (const std::string& text : texts_of(report)) EXPECT_TRUE(is_printable(text)) << text;
        }
        tamper(family, key, good);
    }
    EXPECT_EQ(texts_of(audit_without_log()), std::vector<std::string>{}) << "all is as it was";
}

TEST_F(Verify, SaysWhatIsWrongWithTheStoredState) {
    const StateRows good = state_rows(open_ledger());
    using Arrays = StateStorage::Arrays;
    const auto change = [&](auto&& harm, const std::string& first) {
        change_stored_state(open_ledger(), harm);
        EXPECT_EQ(texts_of(audit_without_log()).at(0), first);
        EXPECT_EQ(texts_of(audit_with_log()).at(0), first) << "with the log";
        put_state_rows(open_ledger(), good);
    };
    const auto change_position = [&](size_t at, int64_t more, const std::string& first) {
        std::string bad = good.at("state").at("position");
        put_number(bad, at, number_at<int64_t>(bad, at) + more);
        tamper("state", "position", bad);
        expect_found(first);
        put_state_rows(open_ledger(), good);
    };
    std::vector<ReadShard> shards = take(open_for_reading(data()));
    const auto state = take(load_state(*shards.front().store));
    const Account account = state->accounts()[2];
    const User user = state->users()[account.user];
    const std::string balance = fmt::format("balance of user {} (entry {}), USD: ", to_string(user.id), user.sequence);
    const auto is = [&](const char* name, int64_t value) {
        return fmt::format("{}{} is {}, the sum of its postings {}", balance, name, value + 1, value);
    };
    change([](Arrays arrays) { ++arrays.accounts.change_hot(2).pending; }, is("pending", account.pending));
    change([](Arrays arrays) { ++arrays.accounts.change_cold(2).available; }, is("available", account.available));
    change([](Arrays arrays) { ++arrays.accounts.change_cold(2).reserved; }, is("reserved", account.reserved));
    change([](Arrays arrays) { ++arrays.accounts.change_cold(2).paid; }, is("paid", account.paid));
    change([](Arrays arrays) { ++arrays.books.change(0).house; }, "stored state: book 0 is not what the entries give");
    change([](Arrays arrays) { ++arrays.users.change_cold(5).id.bytes[0]; },
           "stored state: user 5 is not what the entries give");
    change([](Arrays arrays) { arrays.websites.change(0).status ^= 1; },
           "stored state: website 0 is not what the entries give");
    change([](Arrays arrays) { arrays.programs.change(0).name_bytes[0] = 'D'; },
           "stored state: program 0 is not what the entries give");
    change_position(16, 1, "stored state: rules version 2 is in force, the entries give 1");
    constexpr size_t kHold = 24 + sizeof(StoredKinds);
    for (const size_t hold : {kHold, kHold + 8, kHold + 16, kHold + 24})  // hold_us, first, last, due_us
        change_position(hold, -1, "stored state: the sales that are held are not those the entries and the clock give");
    change_position(
        8, 1, fmt::format("stored state: clock is {}, the entries give {}", state->clock_us() + 1, state->clock_us()));
    change_position(
        0, 1,
        "stored state is of 10961 entries, but there are only 10960: a part of the database is gone; make the ledger "
        "anew with `upline replay`");
    for (const std::string family : {"ids", "entity_ids"}) {
        const auto& [key, ids] = *good.at(family).rbegin();
        std::string another = ids;
        another[0] ^= 1;  // in the first one's fingerprint
        tamper(family, key, another);
        expect_found(fmt::format("stored state: {} are not what was stored", family));
        put_state_rows(open_ledger(), good);
    }
}

// With the hash of what is there.
TEST_F(Verify, FindsIdsOfUsersThatLeadToOtherEntries) {
    const StateRows rows = state_rows(open_ledger());
    const auto& [key, chunk] = *rows.at("entity_ids").begin();
    std::vector<StoredId> ids;
    const auto segment = load_be<uint64_t>(key.data());
    ASSERT_TRUE(parse_id_chunk(segment, chunk, ids));
    ASSERT_GT(ids.size(), 2U);
    const uint64_t before = hash_of_ids(ids);
    std::swap(ids[0].sequence, ids[1].sequence);
    tamper("entity_ids", key, id_chunks(segment, ids).at(0).bytes);
    std::string position = rows.at("state").at("position");
    constexpr size_t kHashAt = 24 + (kEntityIdsKind + 1) * sizeof(StoredKind) - sizeof(uint64_t);
    put_number(position, kHashAt, number_at<uint64_t>(position, kHashAt) + hash_of_ids(ids) - before);
    tamper("state", "position", position);
    const uint64_t things = number_at<uint64_t>(position, kHashAt - sizeof(uint64_t));
    expect_found(
        fmt::format("stored state: {} ids of users, websites and payouts to look up, 2 of them wrong; the entries "
                    "give {}",
                    things, things));
}

}  // namespace
}  // namespace upline
