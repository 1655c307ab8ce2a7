// SPDX-License-Identifier: Apache-2.0
#include "projectors/models/outcomes.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "events/base/check.h"
#include "events/values/time.h"
#include "ledger/containers/id_table.h"
#include "projectors/models/program_rows.h"

namespace upline {
namespace {

enum class RowKind : uint8_t { kCounts = 1, kProgram = ProgramRows::kKind, kRefusal = 3, kRefusedId = 4 };

// In the place of a program: of malformed records, and of programs of which nothing was accepted before. Names of those
// are not kept: whoever may write to the log can make up any number of them.
constexpr Sequence kNoProgram = kMaxKeySequence;
constexpr Sequence kUnknownProgram = kMaxKeySequence - 1;
constexpr unsigned kHashBits = 48;
constexpr uint64_t kMaxDay = (1 << 24) - 1;

RowKind kind_of(const RowKey& row) {
    return static_cast<RowKind>(row.high >> 56);
}
Sequence sequence_of(const RowKey& row) {
    return row.high >> 16 & kMaxKeySequence;
}

std::string name_of_program(Sequence program) {
    if (program == kNoProgram) return "malformed records";
    if (program == kUnknownProgram) return "programs with nothing accepted yet";
    return fmt::format("program of entry {}", program);
}

struct CountsKey {
    Sequence program = kNoProgram;
    uint64_t day = 0;
    uint8_t type = 0;

    RowKey row() const {
        UPLINE_CHECK(program <= kMaxKeySequence, "an entry that fits a key");
        return {.high = static_cast<uint64_t>(RowKind::kCounts) << 56 | program << 16 | day >> 8,
                .low = (day & 0xff) << 56 | uint64_t{type} << 48};
    }
    static CountsKey of(const RowKey& row) {
        return {sequence_of(row), (row.high & 0xffff) << 8 | row.low >> 56, static_cast<uint8_t>(row.low >> 48)};
    }
    friend bool operator==(const CountsKey&, const CountsKey&) = default;
};

// Zeros stand before the entry so that 4096 entries in a row share a page.
struct RefusalKey {
    Sequence entry = 0;

    RowKey row() const {
        UPLINE_CHECK(entry <= kMaxKeySequence, "an entry that fits a key");
        return {.high = static_cast<uint64_t>(RowKind::kRefusal) << 56 | entry >> 20, .low = (entry & 0xfffff) << 44};
    }
    static RefusalKey of(const RowKey& row) { return {(row.high & 0xfffff) << 20 | row.low >> 44}; }
};

struct RefusedIdKey {
    uint64_t hash = 0;  // kHashBits of it
    Sequence entry = 0;

    RowKey row() const {
        UPLINE_CHECK(entry <= kMaxKeySequence, "an entry that fits a key");
        return {.high = static_cast<uint64_t>(RowKind::kRefusedId) << 56 | hash << 8 | entry >> 32,
                .low = (entry & 0xffffffff) << 32};
    }
    static RefusedIdKey of(const RowKey& row) {
        return {row.high >> 8 & ((uint64_t{1} << kHashBits) - 1), (row.high & 0xff) << 32 | row.low >> 32};
    }
};

uint64_t hash_of(std::string_view program, const Uuid& id) {
    return IdTable::fingerprint(IdTable::program_hash(program), id) >> (64 - kHashBits);
}

class OutcomesModel final : public Model {
  public:
    std::string_view name() const override { return "outcomes"; }
    uint32_t layout() const override { return 1; }
    // As revenue: a page for each program and day, which has 24 bits here.
    size_t page_bits() const override { return kKindAndSequenceBits + 24; }

    Status resume(Table& table, EntryCache& earlier, std::span<const uint64_t> progress) override {
        if (!progress.empty()) return Error{ErrorCode::kCorrupt, "its position is too long"};
        run_key_ = {};
        run_.fill(0);
        return programs_.resume(table, earlier);
    }

    // Entries of one kind come in runs, so a run is summed here and touches its row once.
    Status fold(const Entry& entry, EntryCache& /*earlier*/, Deltas& deltas) override {
        const auto day = static_cast<uint64_t>(entry.clock_us / kUsPerDay);
        if (day > kMaxDay) return Error{ErrorCode::kCorrupt, fmt::format("entry {}: no such day", entry.sequence)};
        const CountsKey key{program_of(entry, deltas), day, entry.type};
        if (key != run_key_) {
            add_run(deltas);
            run_key_ = key;
        }
        ++run_[static_cast<size_t>(entry.outcome)];
        if (is_refusal(entry.outcome)) add_refusal(entry, deltas);
        return ok_status();
    }
    Status finish_at(EntrySource& /*entries*/, EntryCache& /*earlier*/, const ModelPosition& /*at*/,
                     Deltas& deltas) override {
        add_run(deltas);
        return ok_status();
    }

    std::string describe(const RowKey& row) const override {
        switch (kind_of(row)) {
            case RowKind::kCounts: {
                const CountsKey key = CountsKey::of(row);
                return fmt::format("{}, {}, type {}, counts", name_of_program(key.program),
                                   format_day(static_cast<int64_t>(key.day)), key.type);
            }
            case RowKind::kProgram: return fmt::format("program of entry {}", sequence_of(row));
            case RowKind::kRefusal: return fmt::format("refusal of entry {}", RefusalKey::of(row).entry);
            case RowKind::kRefusedId: return fmt::format("refused id of entry {}", RefusedIdKey::of(row).entry);
        }
        return "a row of no kind";
    }
    std::string counter_name(const RowKey& row, uint32_t number) const override {
        const RowKind kind = kind_of(row);
        if (kind == RowKind::kCounts && number <= kLastOutcome)
            return std::string(outcome_name(static_cast<Outcome>(number)));
        if (kind == RowKind::kRefusal && number < 2) return number == 0 ? "outcome" : "type";
        return number == 0 ? "known" : fmt::format("counter {}", number);
    }

  private:
    Sequence program_of(const Entry& entry, Deltas& deltas) {
        if (entry.outcome == Outcome::kMalformed) return kNoProgram;
        if (entry.accepted()) return programs_.add(entry, deltas);
        return programs_.find(entry.program).value_or(kUnknownProgram);
    }
    void add_run(Deltas& deltas) {
        if (run_ == OutcomeCounts{}) return;
        const std::span<int64_t> row = deltas.touch(run_key_.row(), run_.size());
        for (size_t i = 0; i < run_.size(); ++i) wrapping_add(row[i], run_[i]);
        run_.fill(0);
    }
    static void add_refusal(const Entry& entry, Deltas& deltas) {
        const std::span<int64_t> refusal = deltas.touch(RefusalKey{entry.sequence}.row(), 2);
        refusal[0] = static_cast<int64_t>(entry.outcome);
        refusal[1] = entry.type;
        if (entry.outcome == Outcome::kMalformed) return;
        deltas.touch(RefusedIdKey{hash_of(entry.program, entry.id), entry.sequence}.row(), 1)[0] = 1;
    }

    ProgramRows programs_;
    CountsKey run_key_;  // of the entries that are not in a row yet
    OutcomeCounts run_{};
};

Error unreadable(std::string_view key) {
    return {ErrorCode::kCorrupt, fmt::format("read model outcomes: the row \"{}\" cannot be read; run `upline verify`",
                                             OutcomesModel().describe(RowKey::parse(key).value_or(RowKey())))};
}

// Calls row(key, counters) for each row of a kind, from `first` on, until it returns false.
Status scan_rows(Table& table, const RowKey& first,
                 const std::function<Result<bool>(const RowKey&, const std::vector<Counter>&)>& row) {
    Status status = ok_status();
    std::vector<Counter> counters;
    UPLINE_TRY(table.scan(first.bytes(), [&](std::string_view bytes, std::string_view value) {
        const std::optional<RowKey> key = RowKey::parse(bytes);
        if (key && kind_of(*key) != kind_of(first)) return false;
        if (!key || !decode_counters(value, counters)) {
            status = unreadable(bytes);
            return false;
        }
        const Result<bool> more = row(*key, counters);
        if (!more.ok()) status = more.error();
        return more.ok() && *more;
    }));
    return status;
}

}  // namespace

std::unique_ptr<Model> outcomes_model() {
    return std::make_unique<OutcomesModel>();
}

Status read_outcomes(Table& table, const std::function<bool(const OutcomeRow&)>& row) {
    return scan_rows(table, CountsKey{.program = 0}.row(),
                     [&](const RowKey& key, const std::vector<Counter>& counters) -> Result<bool> {
                         const CountsKey counts = CountsKey::of(key);
                         OutcomeRow out{.program = counts.program >= kUnknownProgram ? kNoSequence : counts.program,
                                        .day = static_cast<int64_t>(counts.day),
                                        .type = counts.type};
                         if (key != counts.row() || counters.back().number > kLastOutcome)
                             return unreadable(key.bytes());
                         for (const Counter& counter : counters) out.counts[counter.number] = counter.amount;
                         return row(out);
                     });
}

Status read_refusals(Table& table, Sequence first, const std::function<bool(const Refusal&)>& row) {
    if (first > kMaxKeySequence) return ok_status();
    return scan_rows(table, RefusalKey{first}.row(),
                     [&](const RowKey& key, const std::vector<Counter>& counters) -> Result<bool> {
                         Refusal refusal{.entry = RefusalKey::of(key).entry};
                         for (const Counter& counter : counters) {
                             if (counter.number == 0 && counter.amount >= 0 && counter.amount <= kLastOutcome)
                                 refusal.outcome = static_cast<Outcome>(counter.amount);
                             if (counter.number == 1 && counter.amount >= 0 && counter.amount <= UINT8_MAX)
                                 refusal.type = static_cast<uint8_t>(counter.amount);
                         }
                         if (key != RefusalKey{refusal.entry}.row() || !is_refusal(refusal.outcome))
                             return unreadable(key.bytes());
                         return row(refusal);
                     });
}

Result<std::vector<Sequence>> refusals_of(Table& table, EntrySource& entries, std::string_view program,
                                          const Uuid& id) {
    const uint64_t hash = hash_of(program, id);
    std::vector<Sequence> candidates;
    UPLINE_TRY(scan_rows(table, RefusedIdKey{.hash = hash}.row(),
                         [&](const RowKey& key, const std::vector<Counter>&) -> Result<bool> {
                             const RefusedIdKey refused = RefusedIdKey::of(key);
                             if (refused.hash != hash) return false;
                             candidates.push_back(refused.entry);
                             return true;
                         }));
    std::vector<Sequence> refusals;
    Entry entry;
    for (const Sequence candidate : candidates) {
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries.entry(candidate));
        UPLINE_TRY(decode_entry(bytes, entry));
        if (entry.program == program && entry.id == id) refusals.push_back(candidate);
    }
    return refusals;
}

}  // namespace upline
