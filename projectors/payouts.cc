// SPDX-License-Identifier: Apache-2.0
#include "projectors/payouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "events/check.h"
#include "events/time.h"
#include "ledger/maturity.h"

namespace upline {
namespace {

static_assert(kSources == static_cast<size_t>(Source::kReferral) + 1);
static_assert(kStreams == static_cast<size_t>(Stream::kValueAddedServices) + 1);

// The counters of a balance row. Their order is stored: see layout().
enum Counter : size_t {
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
    kCounters = kByStream + kStreams,
};
static_assert(kCounters <= kMaxCounters);

constexpr uint8_t kBalanceKind = 0;
constexpr uint8_t kMaturingKind = 1;

struct Key {
    Sequence user = 0;
    Currency currency{};
    uint8_t kind = kBalanceKind;
    uint32_t day = 0;

    RowKey row() const {
        UPLINE_CHECK(user <= kMaxKeySequence, "a user that fits a key");
        return {.high = uint64_t{1} << 56 | user << 16 | currency.packed() >> 8,
                .low = static_cast<uint64_t>(currency.packed() & 0xff) << 56 | static_cast<uint64_t>(kind) << 48 |
                       static_cast<uint64_t>(day) << 16};
    }
    static Key of(const RowKey& row) {
        Key key;
        key.user = row.high >> 16 & kMaxKeySequence;
        key.currency.code = {static_cast<char>(row.high >> 8), static_cast<char>(row.high),
                             static_cast<char>(row.low >> 56)};
        key.kind = static_cast<uint8_t>(row.low >> 48);
        key.day = static_cast<uint32_t>(row.low >> 16);
        return key;
    }
};

// 10^9 days are more than there are in int64 microseconds.
uint32_t day_of(int64_t us) { return static_cast<uint32_t>(us / kUsPerDay); }

const std::vector<std::string_view>& balance_names() {
    static const std::vector<std::string> kTexts = [] {
        std::vector<std::string> texts = {"pending", "available", "reserved", "paid", "sales"};
        for (unsigned level = 1; level <= kMaxLevels; ++level) texts.emplace_back(role_name(level_role(level)));
        texts.emplace_back(role_name(Role::kCreator));
        texts.emplace_back(role_name(Role::kWebsite));
        for (const std::string_view source : enum_names<Source>()) texts.push_back(fmt::format("source {}", source));
        for (const std::string_view stream : enum_names<Stream>()) texts.push_back(fmt::format("stream {}", stream));
        UPLINE_CHECK(texts.size() == kCounters, "a name for each counter");
        return texts;
    }();
    static const std::vector<std::string_view> kNames(kTexts.begin(), kTexts.end());
    return kNames;
}

constexpr std::array<std::string_view, 1> kMaturingNames = {"amount"};

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
            const auto row = balances(posting.user, entry.currency, deltas);
            switch (posting.account) {
                case AccountKind::kReserved: add_to(row[kReserved], posting.amount); break;
                case AccountKind::kPaid: add_to(row[kPaid], posting.amount); break;
                default:
                    add_earned(entry, posting, row);
                    if (sale) {
                        add_to(row[kBySource + static_cast<size_t>(sale->source)], posting.amount);
                        add_to(row[kByStream + static_cast<size_t>(sale->stream)], posting.amount);
                        if (first_of_user(postings, i)) add_to(row[kSales], 1);
                    }
                    if (entry.maturity_us != kNoMaturity) add_maturing(entry, posting.user, posting.amount, deltas);
            }
        }
    }

    Status settle(EntrySource& entries, const ModelPosition& at, Deltas& deltas) override {
        const auto move = [&](const Entry& entry) {
            if (entry.accepted() && entry.maturity_us != kNoMaturity) {
                for (const Posting& posting : entry.posted()) {
                    if (posting.account != AccountKind::kEarned) continue;
                    const auto row = balances(posting.user, entry.currency, deltas);
                    add_to(row[kPending], -posting.amount);
                    add_to(row[kAvailable], posting.amount);
                    add_maturing(entry, posting.user, -posting.amount, deltas);
                }
            }
            return ok_status();
        };
        UPLINE_TRY_ASSIGN(matured_to_, for_each_mature(entries, matured_to_, at.size, at.clock_us, UINT64_MAX, move));
        return ok_status();
    }

    std::span<uint64_t> progress() override { return {&matured_to_, 1}; }

    RowForm form(const RowKey& row) const override {
        if (Key::of(row).kind == kBalanceKind) return {balance_names()};
        return {kMaturingNames};
    }
    std::string describe(const RowKey& row) const override {
        const Key key = Key::of(row);
        std::string text = fmt::format("user of entry {}, {}", key.user, key.currency.text());
        if (key.kind == kMaturingKind) text += fmt::format(", maturing on {}", format_day(key.day));
        return text;
    }

  private:
    static std::span<int64_t> balances(Sequence user, Currency currency, Deltas& deltas) {
        return deltas.counters(Key{.user = user, .currency = currency}.row(), kCounters);
    }
    static void add_earned(const Entry& entry, const Posting& posting, std::span<int64_t> row) {
        add_to(row[entry.maturity_us == kNoMaturity ? kAvailable : kPending], posting.amount);
        if (is_level(posting.role)) add_to(row[kLevels + static_cast<size_t>(posting.role) - 1], posting.amount);
        if (posting.role == Role::kCreator) add_to(row[kCreator], posting.amount);
        if (posting.role == Role::kWebsite) add_to(row[kWebsite], posting.amount);
    }
    static void add_maturing(const Entry& entry, Sequence user, int64_t amount, Deltas& deltas) {
        const Key key{user, entry.currency, kMaturingKind, day_of(entry.maturity_us)};
        add_to(deltas.counters(key.row(), 1)[0], amount);
    }
    // A user may hold several roles in a sale.
    static bool first_of_user(std::span<const Posting> postings, size_t i) {
        return std::ranges::none_of(postings.first(i), [&](const Posting& earlier) {
            return earlier.account == AccountKind::kEarned && earlier.user == postings[i].user;
        });
    }

    uint64_t matured_to_ = 0;  // earned postings of entries before this one are available
};

template <size_t N>
void take(std::span<const int64_t> counters, size_t first, std::array<int64_t, N>& out) {
    std::ranges::copy(counters.subspan(first, N), out.begin());
}

bool read_balances(std::string_view value, Payouts& payouts) {
    std::array<int64_t, kCounters> counters{};
    if (!decode_counters(value, counters)) return false;
    payouts.pending = counters[kPending];
    payouts.available = counters[kAvailable];
    payouts.reserved = counters[kReserved];
    payouts.paid = counters[kPaid];
    payouts.sales = counters[kSales];
    payouts.as_creator = counters[kCreator];
    payouts.as_website_owner = counters[kWebsite];
    take(counters, kLevels, payouts.by_level);
    take(counters, kBySource, payouts.by_source);
    take(counters, kByStream, payouts.by_stream);
    return true;
}

}  // namespace

std::unique_ptr<Model> payouts_model() { return std::make_unique<PayoutsModel>(); }

Status read_payouts(Table& table, std::optional<Sequence> user, const std::function<bool(const Payouts&)>& row) {
    if (user && *user > kMaxKeySequence) return ok_status();
    Payouts payouts;  // of the rows read last; given when another user's or currency's begin
    bool more = true;
    std::optional<Error> error;
    const auto take_row = [&](std::string_view bytes, std::string_view value) {
        const auto parsed = RowKey::parse(bytes);
        const Key key = Key::of(parsed.value_or(RowKey()));
        if (parsed && user && key.user != *user) return false;
        if (!parsed || key.kind > kMaturingKind) {
            error = Error{ErrorCode::kCorrupt, "read model payouts: a key that cannot be read"};
            return false;
        }
        if (key.user != payouts.user || key.currency != payouts.currency) {
            if (payouts.user != kNoSequence) more = row(payouts);
            payouts = {.user = key.user, .currency = key.currency};
            if (!more) return false;
        }
        std::array<int64_t, 1> amount{};
        if (key.kind == kBalanceKind ? !read_balances(value, payouts) : !decode_counters(value, amount)) {
            error = Error{ErrorCode::kCorrupt, fmt::format("read model payouts: the row \"{}\" cannot be read",
                                                           PayoutsModel().describe(*parsed))};
            return false;
        }
        if (key.kind == kMaturingKind) payouts.maturing.push_back({key.day, amount[0]});
        return true;
    };
    UPLINE_TRY(table.scan(Key{.user = user.value_or(0)}.row().bytes(), take_row));
    if (error) return *error;
    if (more && payouts.user != kNoSequence) row(payouts);
    return ok_status();
}

}  // namespace upline
