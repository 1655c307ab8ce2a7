// SPDX-License-Identifier: Apache-2.0
#include "projectors/models/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "ledger/containers/id_table.h"

namespace upline {
namespace {

constexpr std::array<std::string_view, static_cast<size_t>(kLastReferenceKind) + 1> kKindNames = {
    "",           "referral",   "website", "website status", "refund", "payout", "payout result",
    "suspension", "adjustment", "plan",    "program"};

struct Key {
    ReferenceKind kind{};
    Sequence named = 0;
    Sequence by = 0;

    static constexpr unsigned kUnusedBits = 40;  // the last ones of `low`

    RowKey row() const {
        UPLINE_CHECK(named <= kMaxKeySequence && by <= kMaxKeySequence, "entries that fit a key");
        return {.high = static_cast<uint64_t>(kind) << 56 | named << 16 | by >> 24, .low = by << kUnusedBits};
    }
    static Key of(const RowKey& row) {
        return {static_cast<ReferenceKind>(row.high >> 56), row.high >> 16 & kMaxKeySequence,
                (row.high & 0xffff) << 24 | row.low >> kUnusedBits};
    }
};

// The bits of a program's name that a key has in place of a sequence.
Sequence name_bits(std::string_view program) {
    return IdTable::program_hash(program) >> (64 - kSequenceBits);
}

class ReferencesModel final : public Model {
  public:
    std::string_view name() const override { return "references"; }
    uint32_t layout() const override { return 1; }
    // An entry may be named without end, by new entries: a page for each, and for 4096 entries that name it.
    size_t page_bits() const override { return kKindAndSequenceBits + 40 - 12; }

    Status resume(Table& table, EntryCache& earlier, std::span<const uint64_t> progress) override {
        if (!progress.empty()) return Error{ErrorCode::kCorrupt, "its position is too long"};
        programs_.clear();
        std::vector<Sequence> firsts;
        UPLINE_TRY(read_references(table, ReferenceKind::kProgram, std::nullopt, [&](const Reference& program) {
            firsts.push_back(program.by);
            return true;
        }));
        for (const Sequence first : firsts) {
            UPLINE_TRY_ASSIGN(const Entry* entry, earlier.entry(first));
            programs_.emplace(entry->program, first);
        }
        return ok_status();
    }

    Status fold(const Entry& entry, EntryCache& /*earlier*/, Deltas& deltas) override {
        // A program's first entry is neither of these, for they name others.
        const auto type = static_cast<EventType>(entry.type);
        if (!entry.accepted() || type == EventType::kTransactionRecorded || type == EventType::kWebsiteActivity)
            return ok_status();
        auto program = programs_.find(entry.program);
        if (program == programs_.end()) {
            program = programs_.emplace(entry.program, entry.sequence).first;
            add(deltas, ReferenceKind::kProgram, name_bits(entry.program), entry, 1);
        }
        if (type == EventType::kPlanPublished) add(deltas, ReferenceKind::kPlan, program->second, entry, 1);
        if (entry.refs[0] == kNoSequence) return ok_status();
        return fold_reference(entry, deltas);
    }

    std::string describe(const RowKey& row) const override {
        const Key key = Key::of(row);
        const auto kind = static_cast<size_t>(key.kind);
        const std::string_view name = kind < kKindNames.size() ? kKindNames[kind] : "of no kind";
        if (key.kind == ReferenceKind::kProgram) return fmt::format("program of entry {}", key.by);
        return fmt::format("reference of entry {} to entry {}, {}", key.by, key.named, name);
    }
    std::string counter_name(const RowKey& /*row*/, uint32_t number) const override {
        static constexpr std::array<std::string_view, 4> kNames = {"what it says", "currency", "first half of the id",
                                                                   "second half of the id"};
        return number < kNames.size() ? std::string(kNames[number]) : fmt::format("counter {}", number);
    }

  private:
    template <class... Counters>
    static void add(Deltas& deltas, ReferenceKind kind, Sequence named, const Entry& by, Counters... counters) {
        const std::span<int64_t> row =
            deltas.touch(Key{.kind = kind, .named = named, .by = by.sequence}.row(), sizeof...(counters));
        size_t next = 0;
        (wrapping_add(row[next++], counters), ...);
    }

    static Status fold_reference(const Entry& entry, Deltas& deltas) {
        const Sequence named = entry.refs[0];
        switch (static_cast<EventType>(entry.type)) {
            case EventType::kUserSignedUp: add(deltas, ReferenceKind::kReferral, named, entry, 1); break;
            case EventType::kWebsiteCreated: add(deltas, ReferenceKind::kWebsite, named, entry, 1); break;
            case EventType::kWebsiteStatusChanged: {
                const auto status = std::get<WebsiteStatusChanged>(entry.payload).status;
                add(deltas, ReferenceKind::kWebsiteStatus, named, entry, static_cast<int64_t>(status));
                break;
            }
            case EventType::kTransactionRefunded:
                add(deltas, ReferenceKind::kRefund, named, entry,
                    std::get<TransactionRefunded>(entry.payload).amount.value);
                break;
            case EventType::kPayoutRequested: {
                const auto& request = std::get<PayoutRequested>(entry.payload);
                add(deltas, ReferenceKind::kPayout, named, entry, request.amount.value,
                    int64_t{request.currency.packed()}, load_be<int64_t>(entry.id.bytes.data()),
                    load_be<int64_t>(entry.id.bytes.data() + 8));
                break;
            }
            case EventType::kPayoutSettled: add(deltas, ReferenceKind::kPayoutResult, named, entry, 1); break;
            case EventType::kPayoutFailed: add(deltas, ReferenceKind::kPayoutResult, named, entry, 2); break;
            case EventType::kUserSuspended: add(deltas, ReferenceKind::kSuspension, named, entry, 1); break;
            case EventType::kUserReinstated: add(deltas, ReferenceKind::kSuspension, named, entry, 2); break;
            case EventType::kAdjustmentPosted: {
                const auto& adjustment = std::get<AdjustmentPosted>(entry.payload);
                add(deltas, ReferenceKind::kAdjustment, named, entry, adjustment.amount.value,
                    int64_t{adjustment.currency.packed()});
                break;
            }
            default: break;
        }
        return ok_status();
    }

    std::map<std::string, Sequence, std::less<>> programs_;  // and their first entries
};

}  // namespace

std::unique_ptr<Model> references_model() {
    return std::make_unique<ReferencesModel>();
}

Currency Reference::currency() const {
    return {
        {static_cast<char>(counters[1] >> 16), static_cast<char>(counters[1] >> 8), static_cast<char>(counters[1])}};
}

Uuid Reference::payout_id() const {
    Uuid id;
    store_be(counters[2], id.bytes.data());
    store_be(counters[3], id.bytes.data() + 8);
    return id;
}

Status read_references(Table& table, ReferenceKind kind, std::optional<Sequence> named,
                       const std::function<bool(const Reference&)>& row) {
    if (named && *named > kMaxKeySequence) return ok_status();
    std::optional<Error> error;
    std::vector<Counter> counters;
    const Key first{.kind = kind, .named = named.value_or(0)};
    UPLINE_TRY(table.scan(first.row().bytes(), [&](std::string_view bytes, std::string_view value) {
        const std::optional<RowKey> parsed = RowKey::parse(bytes);
        const Key key = Key::of(parsed.value_or(RowKey()));
        if (parsed && (key.kind != kind || (named && key.named != *named))) return false;
        Reference reference{.named = key.named, .by = key.by};
        if (!parsed || *parsed != key.row() || !decode_counters(value, counters) ||
            counters.back().number >= reference.counters.size()) {
            error = Error{ErrorCode::kCorrupt,
                          fmt::format("read model references: the row \"{}\" cannot be read; run `upline verify`",
                                      ReferencesModel().describe(parsed.value_or(RowKey())))};
            return false;
        }
        for (const Counter& counter : counters) reference.counters[counter.number] = counter.amount;
        return row(reference);
    }));
    if (error) return *error;
    return ok_status();
}

Result<std::vector<Reference>> newest_references(Table& table, ReferenceKind kind, Sequence named, size_t most,
                                                 Sequence before) {
    std::deque<Reference> newest;
    UPLINE_TRY(read_references(table, kind, named, [&](const Reference& reference) {
        if (reference.by >= before) return false;
        newest.push_front(reference);
        if (newest.size() > most) newest.pop_back();
        return true;
    }));
    return std::vector<Reference>(newest.begin(), newest.end());
}

Result<std::optional<Sequence>> find_program(Table& table, EntrySource& entries, std::string_view name) {
    std::vector<Sequence> candidates;
    UPLINE_TRY(read_references(table, ReferenceKind::kProgram, name_bits(name), [&](const Reference& program) {
        candidates.push_back(program.by);
        return true;
    }));
    Entry entry;
    for (const Sequence candidate : candidates) {
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries.entry(candidate));
        UPLINE_TRY(decode_entry(bytes, entry));
        if (entry.program == name) return std::optional(candidate);
    }
    return std::optional<Sequence>();
}

}  // namespace upline
