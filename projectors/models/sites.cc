// SPDX-License-Identifier: Apache-2.0
#include "projectors/models/sites.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "events/base/check.h"
#include "events/base/int128.h"
#include "events/values/time.h"
#include "projectors/visitors.h"

namespace upline {
namespace {

static_assert(kWidgets == index_of(Widget::kEarningsCalculator) + 1);
static_assert(kActivityKinds == index_of(ActivityKind::kShare) + 1);

// Stored orders: see layout().
enum SalesNumber : uint32_t { kSales, kRevenue, kTax, kCommission, kBonus, kRefunds, kRefunded, kSalesCounters };
constexpr std::array<std::string_view, kSalesCounters> kSalesNames = {
    "sales", "revenue", "tax", "commission", "website bonus", "refunds", "refunded"};
constexpr size_t kActivityCounters = kWidgets * kActivityKinds;

constexpr uint8_t kActivityRow = 0;
constexpr uint8_t kSalesRow = 1;
constexpr uint8_t kVisitorsRow = 2;

constexpr uint32_t kTotal = 0;

struct Key {
    Sequence website = 0;
    uint32_t day = kTotal;  // since 1970, + 1
    uint8_t kind = kActivityRow;
    Currency currency{};

    RowKey row() const {
        UPLINE_CHECK(website <= kMaxKeySequence, "a website that fits a key");
        return {.high = uint64_t{1} << 56 | website << 16 | day >> 16,
                .low = static_cast<uint64_t>(day & 0xffff) << 48 | static_cast<uint64_t>(kind) << 40 |
                       static_cast<uint64_t>(currency.packed()) << 16};
    }
    static Key of(const RowKey& row) {
        Key key;
        key.website = row.high >> 16 & kMaxKeySequence;
        key.day = static_cast<uint32_t>(row.high & 0xffff) << 16 | static_cast<uint32_t>(row.low >> 48);
        key.kind = static_cast<uint8_t>(row.low >> 40);
        key.currency.code = {static_cast<char>(row.low >> 32), static_cast<char>(row.low >> 24),
                             static_cast<char>(row.low >> 16)};
        return key;
    }
};

uint32_t key_day_of(int64_t us) {
    return static_cast<uint32_t>(us / kUsPerDay) + 1;
}

class SitesModel final : public Model {
  public:
    std::string_view name() const override { return "sites"; }
    uint32_t layout() const override { return 2; }
    // A website gains rows with every day, and today's are touched: a page for each website and day.
    size_t page_bits() const override { return kKindAndSequenceBits + 32; }

    Status fold(const Entry& entry, EntryCache& earlier, Deltas& deltas) override {
        constexpr size_t kWebsite = 1;  // of a sale; the buyer is the first reference
        if (!entry.accepted()) return ok_status();
        if (const auto* activity = std::get_if<WebsiteActivity>(&entry.payload)) add_activity(entry, *activity, deltas);
        const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
        if (sale && entry.refs[kWebsite] != kNoSequence)
            add_sale(entry, entry.refs[kWebsite], {{{kSales, 1}, {kRevenue, sale->amount.value}}}, deltas);
        if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload)) {
            UPLINE_TRY_ASSIGN(const Entry* refunded, earlier.sale(entry.refs[0]));
            add_sale(entry, refunded->refs[kWebsite], {{{kRefunds, 1}, {kRefunded, refund->amount.value}}}, deltas);
        }
        return ok_status();
    }

    bool holds_visitors(const RowKey& row) const override { return Key::of(row).kind == kVisitorsRow; }
    std::string counter_name(const RowKey& row, uint32_t number) const override {
        const uint8_t kind = Key::of(row).kind;
        if (kind == kActivityRow && number < kActivityCounters)
            return fmt::format("{} of widget {}", enum_names<ActivityKind>()[number % kActivityKinds],
                               enum_names<Widget>()[number / kActivityKinds]);
        if (kind == kSalesRow && number < kSalesCounters) return std::string(kSalesNames[number]);
        return fmt::format("counter {}", number);
    }
    std::string describe(const RowKey& row) const override {
        const Key key = Key::of(row);
        std::string text = fmt::format("website of entry {}, {}", key.website,
                                       key.day == kTotal ? "total" : format_day(int64_t{key.day} - 1));
        switch (key.kind) {
            case kActivityRow: return text + ", activity";
            case kSalesRow: return text + fmt::format(", sales in {}", key.currency.text());
            default: return text + ", visitors";
        }
    }

  private:
    static void add_activity(const Entry& entry, const WebsiteActivity& activity, Deltas& deltas) {
        constexpr size_t kWebsite = 0;
        const Sequence website = entry.refs[kWebsite];
        const uint32_t day = key_day_of(entry.occurred_at_us);
        const size_t counter = index_of(activity.widget) * kActivityKinds + index_of(activity.kind);
        for (const uint32_t when : {kTotal, day}) {
            const Key key{.website = website, .day = when};
            wrapping_add(deltas.touch(key.row(), kActivityCounters)[counter], activity.count);
        }
        if (activity.visitor)
            deltas.add_visitor(Key{.website = website, .day = day, .kind = kVisitorsRow}.row(),
                               activity.visitor->value);
    }

    // A sale or a refund of one: what its postings say, and counters of its own.
    static void add_sale(const Entry& entry, Sequence website, std::array<Counter, 2> own, Deltas& deltas) {
        if (website == kNoSequence) return;
        int64_t tax = 0;
        int64_t commission = 0;
        int64_t bonus = 0;
        for (const Posting& posting : entry.posted()) {
            if (posting.account == AccountKind::kTax) wrapping_add(tax, posting.amount);
            if (posting.account == AccountKind::kEarned) wrapping_add(commission, posting.amount);
            if (posting.role == Role::kWebsite) wrapping_add(bonus, posting.amount);
        }
        for (const uint32_t when : {kTotal, key_day_of(entry.occurred_at_us)}) {
            const Key key{.website = website, .day = when, .kind = kSalesRow, .currency = entry.currency};
            const std::span<int64_t> row = deltas.touch(key.row(), kSalesCounters);
            for (const Counter& counter : own) wrapping_add(row[counter.number], counter.amount);
            wrapping_add(row[kTax], tax);
            wrapping_add(row[kCommission], commission);
            wrapping_add(row[kBonus], bonus);
        }
    }
};

// The counters of a row that has so many; false if it has another.
template <size_t N>
bool read_counters(std::string_view value, std::array<int64_t, N>& out) {
    std::vector<Counter> counters;
    if (!decode_counters(value, counters) || counters.back().number >= N) return false;
    for (const Counter& counter : counters) out[counter.number] = counter.amount;
    return true;
}

bool read_activity(std::string_view value, SiteStats& stats) {
    std::array<int64_t, kActivityCounters> counters{};
    if (!read_counters(value, counters)) return false;
    for (size_t widget = 0; widget < kWidgets; ++widget)
        for (size_t kind = 0; kind < kActivityKinds; ++kind)
            stats.activity[widget][kind] = counters[widget * kActivityKinds + kind];
    return true;
}

bool read_sales(std::string_view value, Currency currency, SiteStats& stats) {
    std::array<int64_t, kSalesCounters> counters{};
    if (!read_counters(value, counters)) return false;
    stats.sales.push_back({.currency = currency,
                           .sales = counters[kSales],
                           .refunds = counters[kRefunds],
                           .revenue = counters[kRevenue],
                           .refunded = counters[kRefunded],
                           .tax = counters[kTax],
                           .commission = counters[kCommission],
                           .website_bonus = counters[kBonus]});
    return true;
}

bool read_visitors(std::string_view value, SiteStats& stats) {
    const auto set = VisitorSet::decode(value);
    if (!set) return false;
    stats.visitors = static_cast<int64_t>(set->count());
    stats.visitors_exact = set->exact();
    return true;
}

std::optional<int64_t> basis_points(int64_t part, int64_t whole) {
    if (whole <= 0) return std::nullopt;
    return static_cast<int64_t>(Int128{part} * 10'000 / whole);
}

}  // namespace

std::unique_ptr<Model> sites_model() {
    return std::make_unique<SitesModel>();
}

int64_t SiteStats::count(ActivityKind kind) const {
    int64_t sum = 0;
    for (const auto& widget : activity) wrapping_add(sum, widget[index_of(kind)]);
    return sum;
}

std::optional<int64_t> SiteStats::click_through_bp(Widget widget) const {
    const auto& counts = activity[index_of(widget)];
    return basis_points(counts[index_of(ActivityKind::kClick)], counts[index_of(ActivityKind::kImpression)]);
}

std::optional<int64_t> SiteStats::conversion_bp() const {
    int64_t count = 0;
    for (const SiteSales& in_currency : sales) wrapping_add(count, in_currency.sales);
    return basis_points(count, visitors);
}

Status read_sites(Table& table, std::optional<Sequence> website, const std::function<bool(const Site&)>& row) {
    if (website && *website > kMaxKeySequence) return ok_status();
    Site site;  // of the rows read last; given when another's begin
    bool more = true;
    std::optional<Error> error;
    const auto take_row = [&](std::string_view bytes, std::string_view value) {
        const auto parsed = RowKey::parse(bytes);
        const Key key = Key::of(parsed.value_or(RowKey()));
        if (parsed && website && key.website != *website) return false;
        if (!parsed || key.kind > kVisitorsRow) {
            error = Error{ErrorCode::kCorrupt, "read model sites: a key that cannot be read"};
            return false;
        }
        if (key.website != site.website) {
            if (site.website != kNoSequence) more = row(site);
            site = {.website = key.website, .total = {}, .days = {}};
            if (!more) return false;
        }
        const int64_t day = int64_t{key.day} - 1;
        if (key.day != kTotal && (site.days.empty() || site.days.back().day != day))
            site.days.push_back({.day = day, .stats = {}});
        SiteStats& stats = key.day == kTotal ? site.total : site.days.back().stats;
        const bool read = key.kind == kActivityRow ? read_activity(value, stats)
                          : key.kind == kSalesRow  ? read_sales(value, key.currency, stats)
                                                   : read_visitors(value, stats);
        if (!read) {
            error = Error{ErrorCode::kCorrupt, fmt::format("read model sites: the row \"{}\" cannot be read",
                                                           SitesModel().describe(*parsed))};
            return false;
        }
        if (key.kind == kVisitorsRow && key.day != kTotal) {
            site.total.visitors += stats.visitors;
            site.total.visitors_exact &= stats.visitors_exact;
        }
        return true;
    };
    UPLINE_TRY(table.scan(Key{.website = website.value_or(0)}.row().bytes(), take_row));
    if (error) return *error;
    if (more && site.website != kNoSequence) row(site);
    return ok_status();
}

}  // namespace upline
