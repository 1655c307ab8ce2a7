// SPDX-License-Identifier: Apache-2.0
// What changes no entry and no balance: events that are not accepted, other programs, when money matures, the size of
// batches, where folding starts.
#include "tests/ledger/core/laws.h"

namespace upline::laws {
namespace {

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
}  // namespace upline::laws
