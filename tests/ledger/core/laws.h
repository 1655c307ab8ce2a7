// SPDX-License-Identifier: Apache-2.0
// How a law of money is tried over random logs. A failure shows the seed of its run and the shortest log found that
// still fails, as the JSON lines that `produce` takes.
#pragma once

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

namespace upline::laws {

using testing::dump;
using testing::kTwoSplits;
using testing::MoneyLog;
using testing::MoneyModel;
using testing::RandomMoney;

// ---- Running a law ----

inline uint64_t number_from_environment(const char* name, uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

// Runs of the law of the model; the others take a part of that.
inline uint64_t test_runs() {
    return number_from_environment("UPLINE_TEST_RUNS", 10'000);
}

// With as many, what they have met is asked for too.
inline constexpr uint64_t kTellingRuns = 1000;

// What is wrong, in words; empty if the law holds for the log. Whatever is random in it comes from the seed.
using Law = std::function<std::string(ShardIdentity, std::span<const Input>, uint64_t seed)>;
using MakeLog = std::function<MoneyLog(uint64_t seed)>;

// Every other one of two versions of the rules.
inline MoneyLog short_log(uint64_t seed) {
    const auto versions = static_cast<unsigned>(1 + seed / 2 % 2);
    return RandomMoney::log(seed, 20 + std::mt19937_64(seed)() % 101, 1'700'000'000'000'000, versions);
}

// Of a release that knows the second version too; where that is never put in force, it changes nothing.
class MemoryShard : public testing::MemoryShard {
  public:
    explicit MemoryShard(ShardIdentity identity) : testing::MemoryShard(identity, kTwoSplits) {}
};

// The shortest prefix that fails, without each event that it fails without.
inline std::vector<Input> shrunk(const Law& law, const MoneyLog& log, uint64_t seed) {
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

inline std::string readable(std::span<const Input> inputs) {
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

inline void expect_law(uint64_t runs, const Law& law, const MakeLog& make_log = short_log) {
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

inline std::span<const Input> only(const Input& input) {
    return {&input, 1};
}

// ---- Reading a shard ----

inline UserIndex user_index(const State& state, std::string_view program, const Uuid& id) {
    return state.find_user(state.find_program(program), id, IdTable::fingerprint(IdTable::program_hash(program), id));
}

// A user's balances, or a program's books, of one currency: zero where there are none.
inline Account account_of(const State& state, std::string_view program, const Uuid& id, Currency currency) {
    const UserIndex user = user_index(state, program, id);
    const AccountIndex account = user == kNoIndex ? AccountIndex() : state.find_account(user, currency);
    return account == kNoIndex ? Account{} : state.accounts()[account];
}
inline Book book_of(const State& state, std::string_view program, Currency currency) {
    const ProgramIndex index = state.find_program(program);
    const BookIndex book = index == kNoIndex ? BookIndex() : state.find_book(index, currency);
    return book == kNoIndex ? Book{} : state.books()[book];
}

}  // namespace upline::laws
