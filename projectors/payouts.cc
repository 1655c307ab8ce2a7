// SPDX-License-Identifier: Apache-2.0
#include "projectors/payouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "events/check.h"
#include "events/time.h"
#include "ledger/maturity.h"

namespace upline {
namespace {

static_assert(kSources == static_cast<size_t>(Source::kReferral) + 1);
static_assert(kStreams == static_cast<size_t>(Stream::kValueAddedServices) + 1);

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
    kNamed = kByStream + kStreams,
    kMaturing = 64,  // + day
};
static_assert(kNamed <= kMaturing);

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
    if (number < kNamed) return fmt::format("stream {}", enum_names<Stream>()[number - kByStream]);
    if (number < kMaturing) return fmt::format("counter {}", number);
    return fmt::format("maturing on {}", format_day(int64_t{number} - kMaturing));
}

class PayoutsModel final : public Model {
  public:
    std::string_view name() const override { return "payouts"; }
    uint32_t layout() const override { return 1; }

    void fold(const Entry& entry, Deltas& deltas) override {
        if (!entry.accepted()) return;
        const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
        const auto postings = entry.posted();
        for (size_t i = 0; i < postings.size(); ++i) {
            const Posting& posting = postings[i];
            if (!is_user_account(posting.account)) continue;
            const Deltas::Touched row = balances(posting.user, entry.currency, deltas);
            switch (posting.account) {
                case AccountKind::kReserved: add_to(row[kReserved], posting.amount); break;
                case AccountKind::kPaid: add_to(row[kPaid], posting.amount); break;
                default:
                    add_earned(posting, row);
                    if (sale) {
                        add_to(row[kBySource + static_cast<size_t>(sale->source)], posting.amount);
                        add_to(row[kByStream + static_cast<size_t>(sale->stream)], posting.amount);
                        if (first_of_user(postings, i)) add_to(row[kSales], 1);
                    }
                    if (entry.maturity_us == kNoMaturity)
                        add_to(row[kAvailable], posting.amount);
                    else
                        add_pending(entry, posting.amount, row, deltas);
            }
        }
    }

    Status settle(EntrySource& entries, const ModelPosition& at, Deltas& deltas) override {
        const auto move = [&](const Entry& entry) {
            if (entry.accepted() && entry.maturity_us != kNoMaturity) {
                for (const Posting& posting : entry.posted()) {
                    if (posting.account != AccountKind::kEarned) continue;
                    const Deltas::Touched row = balances(posting.user, entry.currency, deltas);
                    add_to(row[kAvailable], posting.amount);
                    add_pending(entry, -posting.amount, row, deltas);
                }
            }
            return ok_status();
        };
        UPLINE_TRY_ASSIGN(matured_to_, for_each_mature(entries, matured_to_, at.size, at.clock_us, UINT64_MAX, move));
        return ok_status();
    }

    std::span<uint64_t> progress() override { return {&matured_to_, 1}; }

    std::string describe(const RowKey& row) const override {
        const Key key = Key::of(row);
        return fmt::format("user of entry {}, {}", key.user, key.currency.text());
    }
    std::string counter_name(const RowKey& /*key*/, uint32_t number) const override { return number_name(number); }

  private:
    static Deltas::Touched balances(Sequence user, Currency currency, Deltas& deltas) {
        return deltas.touch(Key{user, currency}.row(), kNamed);
    }
    static void add_earned(const Posting& posting, const Deltas::Touched& row) {
        if (is_level(posting.role)) add_to(row[kLevels + static_cast<size_t>(posting.role) - 1], posting.amount);
        if (posting.role == Role::kCreator) add_to(row[kCreator], posting.amount);
        if (posting.role == Role::kWebsite) add_to(row[kWebsite], posting.amount);
    }
    static void add_pending(const Entry& entry, int64_t amount, const Deltas::Touched& row, Deltas& deltas) {
        add_to(row[kPending], amount);
        deltas.add_higher(row.place, maturing_number(entry.maturity_us), amount);
    }
    // A user may hold several roles in a sale.
    static bool first_of_user(std::span<const Posting> postings, size_t i) {
        return std::ranges::none_of(postings.first(i), [&](const Posting& earlier) {
            return earlier.account == AccountKind::kEarned && earlier.user == postings[i].user;
        });
    }

    uint64_t matured_to_ = 0;  // earned postings of entries before this one are available
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
            default:
                if (number < kCreator) return &payouts.by_level[number - kLevels];
                if (number < kByStream) return &payouts.by_source[number - kBySource];
                return number < kNamed ? &payouts.by_stream[number - kByStream] : nullptr;
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
