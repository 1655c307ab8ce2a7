// SPDX-License-Identifier: Apache-2.0
#include "projectors/models/payouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "events/base/check.h"
#include "events/values/time.h"
#include "ledger/core/maturity.h"

namespace upline {
namespace {

static_assert(kSources == index_of(Source::kReferral) + 1);
static_assert(kStreams == index_of(Stream::kValueAddedServices) + 1);

// The numbers of a row's counters. They are stored: see layout().
enum Number : uint32_t {
    kPending,
    kAvailable,
    kReserved,
    kPaid,
    kSales,
    kLevels,
    kCreator = kLevels + kMaxLevels,
    kWebsite,
    kBySource,
    kByStream = kBySource + kSources,
    kAdjusted = kByStream + kStreams,
    kNamed,
    kMaturing = 64,  // + day
};
static_assert(kNamed <= CounterSums::kLow && CounterSums::kLow <= kMaturing);

constexpr uint64_t kHeldRefundRow = 2;

// The row of a sale of which something was refunded while it was held.
RowKey held_refund_row(Sequence sale) {
    UPLINE_CHECK(sale <= kMaxKeySequence, "a sale that fits a key");
    return {.high = kHeldRefundRow << 56 | sale << 16, .low = 0};
}
bool is_held_refund(const RowKey& row) {
    return row.high >> 56 == kHeldRefundRow;
}

struct Key {
    Sequence user = 0;
    Currency currency{};

    RowKey row() const {
        UPLINE_CHECK(user <= kMaxKeySequence, "a user that fits a key");
        return {.high = uint64_t{1} << 56 | user << 16 | currency.packed() >> 8,
                .low = static_cast<uint64_t>(currency.packed() & 0xff) << 56};
    }
    static Key of(const RowKey& row) {
        Key key;
        key.user = row.high >> 16 & kMaxKeySequence;
        key.currency.code = {static_cast<char>(row.high >> 8), static_cast<char>(row.high),
                             static_cast<char>(row.low >> 56)};
        return key;
    }
};

// All of int64 in microseconds is fewer than 2^27 days.
uint32_t maturing_number(int64_t maturity_us) {
    return kMaturing + static_cast<uint32_t>(maturity_us / kUsPerDay);
}

std::string number_name(uint32_t number) {
    static constexpr std::array<std::string_view, kLevels> kFirst = {"pending", "available", "reserved", "paid",
                                                                     "sales"};
    if (number < kLevels) return std::string(kFirst[number]);
    if (number < kCreator) return std::string(role_name(level_role(number - kLevels + 1)));
    if (number == kCreator) return std::string(role_name(Role::kCreator));
    if (number == kWebsite) return std::string(role_name(Role::kWebsite));
    if (number < kByStream) return fmt::format("source {}", enum_names<Source>()[number - kBySource]);
    if (number < kAdjusted) return fmt::format("stream {}", enum_names<Stream>()[number - kByStream]);
    if (number == kAdjusted) return "adjusted";
    if (number < kMaturing) return fmt::format("counter {}", number);
    return fmt::format("maturing on {}", format_day(int64_t{number} - kMaturing));
}

class PayoutsModel final : public Model {
  public:
    std::string_view name() const override { return "payouts"; }
    uint32_t layout() const override { return 2; }
    // A user has few rows, and a batch of sales touches most users: 64 neighbours share a page.
    size_t page_bits() const override { return kKindAndSequenceBits - 6; }

    Status resume(Table& table, EntryCache& /*earlier*/, std::span<const uint64_t> progress) override {
        constexpr size_t kNumbersOfHold = 4;
        held_refunds_.clear();
        std::vector<Hold> holds;
        for (; progress.size() >= kNumbersOfHold; progress = progress.subspan(kNumbersOfHold))
            holds.push_back(
                {static_cast<int64_t>(progress[0]), progress[1], progress[2], static_cast<int64_t>(progress[3])});
        if (!progress.empty() || !holds_.restore(std::move(holds), kMaxKeySequence))
            return Error{ErrorCode::kCorrupt, "the holds in its position cannot be"};
        bool readable = true;
        UPLINE_TRY(table.scan(held_refund_row(0).bytes(), [&](std::string_view key, std::string_view value) {
            const auto row = RowKey::parse(key);
            std::vector<Counter> counters;
            readable = row && is_held_refund(*row) && decode_counters(value, counters) && counters.size() == 1 &&
                       counters[0].number == 0;
            if (readable) held_refunds_.emplace(row->high >> 16 & kMaxKeySequence, counters[0].amount);
            return readable;
        }));
        if (!readable) return Error{ErrorCode::kCorrupt, "the row of a refund cannot be read"};
        return ok_status();
    }

    Status fold(const Entry& entry, EntryCache& earlier, Deltas& deltas) override {
        if (!entry.accepted()) return ok_status();
        holds_.add(entry);
        const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
        const bool recorded = sale != nullptr;
        if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload)) {
            UPLINE_TRY_ASSIGN(const Entry* refunded, earlier.sale(entry.refs[0]));
            sale = &std::get<TransactionRecorded>(refunded->payload);
            if (!entry.mature_at_once()) hold_back(entry.refs[0], refund->amount.value, deltas);
        }
        if (entry.posting_count == 0) return ok_status();
        const uint32_t first_effect = effects_of(entry, sale, deltas);
        const auto postings = entry.posted();
        for (size_t i = 0; i < postings.size(); ++i) {
            const Posting& posting = postings[i];
            if (!is_user_account(posting.account)) continue;
            const bool counts = recorded && first_of_user(postings, i);
            deltas.add(first_effect + effect_number(posting, counts), posting.user, posting.amount);
        }
        return ok_status();
    }

    Status finish_at(EntrySource& entries, EntryCache& earlier, const ModelPosition& at, Deltas& deltas) override {
        return holds_.advance(entries, at.clock_us, UINT64_MAX, [&](const Entry& entry) -> Status {
            const auto refunded = held_refunds_.find(entry.sequence);
            Split left;
            if (refunded != held_refunds_.end()) {
                int64_t amount_left = std::get<TransactionRecorded>(entry.payload).amount.value;
                wrapping_add(amount_left, -refunded->second);
                UPLINE_TRY_ASSIGN(const SaleTerms terms, earlier.terms_of(entry, amount_left));
                left = terms.entitled(amount_left);
            }
            for (const Posting& posting : entry.posted()) {
                if (posting.account != AccountKind::kEarned) continue;
                const int64_t amount = refunded == held_refunds_.end() ? posting.amount : part_of(left, posting.role);
                const uint32_t effects = maturing_effects(entry, deltas);
                deltas.add(effects, posting.user, -amount);
                deltas.add(effects + 1, posting.user, amount);
            }
            if (refunded != held_refunds_.end()) {
                wrapping_add(deltas.touch(held_refund_row(entry.sequence), 1)[0], -refunded->second);
                held_refunds_.erase(refunded);
            }
            return ok_status();
        });
    }

    std::vector<uint64_t> progress() const override {
        std::vector<uint64_t> numbers;
        for (const Hold& hold : holds_.all())
            numbers.insert(numbers.end(), {static_cast<uint64_t>(hold.hold_us), hold.first, hold.last,
                                           static_cast<uint64_t>(hold.due_us)});
        return numbers;
    }

    std::string describe(const RowKey& row) const override {
        const Key key = Key::of(row);
        if (is_held_refund(row)) return fmt::format("refunds of the held sale of entry {}", key.user);
        return fmt::format("user of entry {}, {}", key.user, key.currency.text());
    }
    std::string counter_name(const RowKey& key, uint32_t number) const override {
        return is_held_refund(key) ? "refunded" : number_name(number);
    }

  private:
    // What postings to `earned` change, by role, each as the first of a user's in a sale and as another; then those to
    // `reserved` and `paid`.
    static constexpr uint32_t kRoles = kLastRole + 1;
    enum EffectNumber : uint32_t { kEarnedEffect, kReservedEffect = 2 * kRoles, kPaidEffect, kEffects };
    static uint32_t effect_number(const Posting& posting, bool counts) {
        if (posting.account == AccountKind::kReserved) return kReservedEffect;
        if (posting.account == AccountKind::kPaid) return kPaidEffect;
        return kEarnedEffect + 2 * static_cast<uint32_t>(posting.role) + (counts ? 1 : 0);
    }
    static uint32_t effects_of(const Entry& entry, const TransactionRecorded* sale, Deltas& deltas) {
        const uint32_t maturing = entry.mature_at_once() ? 0 : maturing_number(entry.maturity_us);
        const uint64_t of_sale =
            sale ? 1 + static_cast<uint64_t>(sale->stream) * kSources + static_cast<uint64_t>(sale->source) : 0;
        return deltas.effects(effects_name(entry.currency, maturing, of_sale), [&] {
            std::array<Deltas::Effect, kEffects> effects;
            const RowKey row = Key{0, entry.currency}.row();
            for (uint32_t i = 0; i < kReservedEffect; ++i) {
                Deltas::Effect& effect = effects[i];
                effect.row = row;
                effect.counters[0] = maturing == 0 ? kAvailable : kPending;
                effect.high = maturing;
                if (const auto counter = counter_of(static_cast<Role>(i / 2))) effect.counters[1] = *counter;
                if (sale) {
                    effect.counters[2] = static_cast<uint8_t>(kBySource + index_of(sale->source));
                    effect.counters[3] = static_cast<uint8_t>(kByStream + index_of(sale->stream));
                }
                if (i % 2 == 1) effect.count = kSales;
            }
            effects[kReservedEffect] = {.row = row, .counters = only(kReserved)};
            effects[kPaidEffect] = {.row = row, .counters = only(kPaid)};
            return effects;
        });
    }
    // Out of pending, and into available.
    static uint32_t maturing_effects(const Entry& entry, Deltas& deltas) {
        constexpr uint64_t kMatured = 127;
        const uint32_t maturing = maturing_number(entry.maturity_us);
        return deltas.effects(effects_name(entry.currency, maturing, kMatured), [&] {
            const RowKey row = Key{0, entry.currency}.row();
            return std::array{Deltas::Effect{.row = row, .counters = only(kPending), .high = maturing},
                              Deltas::Effect{.row = row, .counters = only(kAvailable)}};
        });
    }
    static uint64_t effects_name(Currency currency, uint32_t maturing, uint64_t of_sale) {
        static_assert(kSources * kStreams < 127);
        return uint64_t{maturing} << 32 | uint64_t{currency.packed()} << 8 | of_sale;
    }
    static std::array<uint8_t, 4> only(Number number) {
        std::array<uint8_t, 4> counters;
        counters.fill(Deltas::Effect::kNoCounter);
        counters[0] = static_cast<uint8_t>(number);
        return counters;
    }
    static std::optional<uint8_t> counter_of(Role role) {
        if (is_level(role)) return static_cast<uint8_t>(kLevels + static_cast<uint32_t>(role) - 1);
        if (role == Role::kCreator) return kCreator;
        if (role == Role::kWebsite) return kWebsite;
        if (role == Role::kAdjustment) return kAdjusted;
        return std::nullopt;
    }
    void hold_back(Sequence sale, int64_t amount, Deltas& deltas) {
        wrapping_add(held_refunds_[sale], amount);
        wrapping_add(deltas.touch(held_refund_row(sale), 1)[0], amount);
    }
    // A user may hold several roles in a sale.
    static bool first_of_user(std::span<const Posting> postings, size_t i) {
        return std::ranges::none_of(postings.first(i), [&](const Posting& earlier) {
            return earlier.account == AccountKind::kEarned && earlier.user == postings[i].user;
        });
    }

    MaturityCursors holds_;
    std::map<Sequence, int64_t> held_refunds_;  // what of held sales was refunded
};

// False for a row that is no row of payouts.
bool read_row(std::string_view bytes, std::string_view value, std::vector<Counter>& counters, Payouts& payouts) {
    const auto parsed = RowKey::parse(bytes);
    if (!parsed || !decode_counters(value, counters)) return false;
    const Key key = Key::of(*parsed);
    payouts = {.user = key.user, .currency = key.currency};
    const auto field = [&payouts](uint32_t number) -> int64_t* {
        switch (number) {
            case kPending: return &payouts.pending;
            case kAvailable: return &payouts.available;
            case kReserved: return &payouts.reserved;
            case kPaid: return &payouts.paid;
            case kSales: return &payouts.sales;
            case kCreator: return &payouts.as_creator;
            case kWebsite: return &payouts.as_website_owner;
            case kAdjusted: return &payouts.adjusted;
            default:
                if (number < kCreator) return &payouts.by_level[number - kLevels];
                if (number < kByStream) return &payouts.by_source[number - kBySource];
                return number < kAdjusted ? &payouts.by_stream[number - kByStream] : nullptr;
        }
    };
    for (const auto& [number, amount] : counters) {
        if (number >= kMaturing)
            payouts.maturing.push_back({int64_t{number} - kMaturing, amount});
        else if (int64_t* named = field(number))
            *named = amount;
        else
            return false;
    }
    return true;
}

}  // namespace

std::unique_ptr<Model> payouts_model() {
    return std::make_unique<PayoutsModel>();
}

Status read_payouts(Table& table, std::optional<Sequence> user, const std::function<bool(const Payouts&)>& row) {
    if (user && *user > kMaxKeySequence) return ok_status();
    Payouts payouts;
    std::vector<Counter> counters;
    std::optional<Error> error;
    UPLINE_TRY(
        table.scan(Key{.user = user.value_or(0)}.row().bytes(), [&](std::string_view key, std::string_view value) {
            if (const auto parsed = RowKey::parse(key); parsed && is_held_refund(*parsed)) return false;
            if (!read_row(key, value, counters, payouts)) {
                error = Error{ErrorCode::kCorrupt,
                              fmt::format("read model payouts: the row \"{}\" cannot be read",
                                          PayoutsModel().describe(RowKey::parse(key).value_or(RowKey())))};
                return false;
            }
            return (!user || payouts.user == *user) && row(payouts);
        }));
    if (error) return *error;
    return ok_status();
}

}  // namespace upline
