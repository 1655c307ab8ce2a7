// SPDX-License-Identifier: Apache-2.0
#include "projectors/models/revenue.h"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <vector>

#include "events/base/check.h"
#include "events/values/time.h"
#include "projectors/models/program_rows.h"

namespace upline {
namespace {

// Stored orders: see layout().
enum Number : uint32_t {
    kSales,
    kRefunds,
    kGross,
    kRefunded,
    kTax,
    kLevels,
    kCreator = kLevels + kMaxLevels,
    kWebsite,
    kUnfilled,
    kRounding,
    kMargin,
    kAdjustments,
    kCounters,
};

constexpr uint64_t kRevenueRow = 1;
constexpr uint64_t kProgramRow = ProgramRows::kKind;
constexpr uint8_t kNone = 255;
constexpr uint64_t kMaxDay = (uint64_t{1} << 24) - 1;

struct Key {
    Sequence program = 0;
    uint64_t day = 0;
    Currency currency{};
    uint8_t stream = kNone;
    uint8_t source = kNone;

    RowKey row() const {
        UPLINE_CHECK(program <= kMaxKeySequence && day <= kMaxDay, "a program and a day that fit a key");
        return {.high = kRevenueRow << 56 | program << 16 | day >> 8,
                .low = (day & 0xff) << 56 | static_cast<uint64_t>(currency.packed()) << 32 |
                       static_cast<uint64_t>(stream) << 24 | static_cast<uint64_t>(source) << 16};
    }
    static Key of(const RowKey& row) {
        Key key;
        key.program = row.high >> 16 & kMaxKeySequence;
        key.day = (row.high & 0xffff) << 8 | row.low >> 56;
        key.currency.code = {static_cast<char>(row.low >> 48), static_cast<char>(row.low >> 40),
                             static_cast<char>(row.low >> 32)};
        key.stream = static_cast<uint8_t>(row.low >> 24);
        key.source = static_cast<uint8_t>(row.low >> 16);
        return key;
    }
    bool valid() const {
        if (!parse_currency(currency.text())) return false;
        if (stream == kNone && source == kNone) return true;
        return is_enum_value<Stream>(stream) && is_enum_value<Source>(source);
    }
};

std::string number_name(uint32_t number) {
    static constexpr std::array<std::string_view, kLevels> kFirst = {"sales", "refunds", "gross", "refunded", "tax"};
    static constexpr std::array<std::string_view, kCounters - kCreator> kLast = {"creator",  "website", "unfilled",
                                                                                 "rounding", "margin",  "adjustments"};
    if (number < kLevels) return std::string(kFirst[number]);
    if (number < kCreator) return std::string(role_name(level_role(number - kLevels + 1)));
    return number < kCounters ? std::string(kLast[number - kCreator]) : fmt::format("counter {}", number);
}

// What the house's part of a sale is made of, less what it was made of when more was left.
HouseParts parts_since(const SaleTerms& terms, int64_t left, int64_t remaining_before) {
    HouseParts parts = terms.house_parts(left);
    const HouseParts before = terms.house_parts(remaining_before);
    parts.unfilled -= before.unfilled;
    parts.rounding -= before.rounding;
    parts.margin -= before.margin;
    return parts;
}

class RevenueModel final : public Model {
  public:
    std::string_view name() const override { return "revenue"; }
    uint32_t layout() const override { return 1; }
    // As sites: a page for each program and day, which has 24 bits here.
    size_t page_bits() const override { return kKindAndSequenceBits + 24; }

    Status resume(Table& table, EntryCache& earlier, std::span<const uint64_t> progress) override {
        if (!progress.empty()) return Error{ErrorCode::kCorrupt, "its position is too long"};
        return programs_.resume(table, earlier);
    }

    Status fold(const Entry& entry, EntryCache& earlier, Deltas& deltas) override {
        if (!entry.accepted()) return ok_status();
        if (const auto* recorded = std::get_if<TransactionRecorded>(&entry.payload)) {
            const int64_t amount = recorded->amount.value;
            UPLINE_TRY_ASSIGN(const SaleTerms terms, earlier.terms_of(entry, amount));
            const std::span<int64_t> row = touch(entry, recorded->stream, recorded->source, deltas);
            wrapping_add(row[kSales], 1);
            wrapping_add(row[kGross], amount);
            add_postings(entry, row);
            add_parts(terms.house_parts(amount), row);
        }
        if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload)) {
            UPLINE_TRY_ASSIGN(const Entry* found, earlier.sale(entry.refs[0]));
            const auto& recorded = std::get<TransactionRecorded>(found->payload);
            const int64_t left = entry.remaining_before;
            UPLINE_TRY_ASSIGN(const SaleTerms terms, earlier.terms_of(*found, left));
            if (refund->amount.value < 0 || refund->amount.value > left)
                return Error{ErrorCode::kCorrupt, fmt::format("entry {}: refunds more than is left", entry.sequence)};
            const std::span<int64_t> row = touch(entry, recorded.stream, recorded.source, deltas);
            wrapping_add(row[kRefunds], 1);
            wrapping_add(row[kRefunded], refund->amount.value);
            add_postings(entry, row);
            add_parts(parts_since(terms, left - refund->amount.value, left), row);
        }
        if (const auto* adjustment = std::get_if<AdjustmentPosted>(&entry.payload))
            wrapping_add(touch(entry, std::nullopt, std::nullopt, deltas)[kAdjustments], adjustment->amount.value);
        return ok_status();
    }

    std::string describe(const RowKey& row) const override {
        const Key key = Key::of(row);
        if (row.high >> 56 == kProgramRow) return fmt::format("program of entry {}", key.program);
        std::string text = fmt::format("program of entry {}, {}, {}", key.program,
                                       format_day(static_cast<int64_t>(key.day)), key.currency.text());
        if (key.stream == kNone || !key.valid()) return text + ", adjustments";
        return text + fmt::format(", {}, {}", enum_name(static_cast<Stream>(key.stream)),
                                  enum_name(static_cast<Source>(key.source)));
    }
    std::string counter_name(const RowKey& row, uint32_t number) const override {
        return row.high >> 56 == kProgramRow ? "known" : number_name(number);
    }

  private:
    std::span<int64_t> touch(const Entry& entry, std::optional<Stream> stream, std::optional<Source> source,
                             Deltas& deltas) {
        const Key key{.program = programs_.add(entry, deltas),
                      .day = static_cast<uint64_t>(entry.occurred_at_us / kUsPerDay),
                      .currency = entry.currency,
                      .stream = stream ? static_cast<uint8_t>(*stream) : kNone,
                      .source = source ? static_cast<uint8_t>(*source) : kNone};
        return deltas.touch(key.row(), kCounters);
    }
    static void add_postings(const Entry& entry, std::span<int64_t> row) {
        for (const Posting& posting : entry.posted()) {
            if (posting.account == AccountKind::kTax) wrapping_add(row[kTax], posting.amount);
            if (posting.account != AccountKind::kEarned) continue;
            if (is_level(posting.role))
                wrapping_add(row[kLevels + static_cast<size_t>(posting.role) - 1], posting.amount);
            if (posting.role == Role::kCreator) wrapping_add(row[kCreator], posting.amount);
            if (posting.role == Role::kWebsite) wrapping_add(row[kWebsite], posting.amount);
        }
    }
    static void add_parts(const HouseParts& parts, std::span<int64_t> row) {
        wrapping_add(row[kUnfilled], parts.unfilled);
        wrapping_add(row[kRounding], parts.rounding);
        wrapping_add(row[kMargin], parts.margin);
    }

    ProgramRows programs_;
};

bool read_row(std::string_view value, Revenue& revenue) {
    std::vector<Counter> counters;
    if (!decode_counters(value, counters) || counters.back().number >= kCounters) return false;
    std::array<int64_t, kCounters> all{};
    for (const Counter& counter : counters) all[counter.number] = counter.amount;
    revenue = {.sales = all[kSales],
               .refunds = all[kRefunds],
               .gross = all[kGross],
               .refunded = all[kRefunded],
               .tax = all[kTax],
               .creator = all[kCreator],
               .website = all[kWebsite],
               .unfilled = all[kUnfilled],
               .rounding = all[kRounding],
               .margin = all[kMargin],
               .adjustments = all[kAdjustments]};
    for (size_t level = 0; level < kMaxLevels; ++level) revenue.levels[level] = all[kLevels + level];
    return true;
}

}  // namespace

std::unique_ptr<Model> revenue_model() {
    return std::make_unique<RevenueModel>();
}

int64_t Revenue::house() const {
    int64_t sum = unfilled;
    wrapping_add(sum, rounding);
    wrapping_add(sum, margin);
    return sum;
}

void Revenue::add(const Revenue& other) {
    for (int64_t Revenue::*field :
         {&Revenue::sales, &Revenue::refunds, &Revenue::gross, &Revenue::refunded, &Revenue::tax, &Revenue::creator,
          &Revenue::website, &Revenue::unfilled, &Revenue::rounding, &Revenue::margin, &Revenue::adjustments})
        wrapping_add(this->*field, other.*field);
    for (size_t level = 0; level < kMaxLevels; ++level) wrapping_add(levels[level], other.levels[level]);
}

Status read_revenue(Table& table, const std::function<bool(const RevenueRow&)>& row) {
    bool readable = true;
    std::string unreadable;
    RevenueRow out;
    UPLINE_TRY(table.scan(Key{}.row().bytes().substr(0, 1), [&](std::string_view bytes, std::string_view value) {
        const auto parsed = RowKey::parse(bytes);
        if (parsed && parsed->high >> 56 == kProgramRow) return false;
        const Key key = Key::of(parsed.value_or(RowKey()));
        readable = parsed && key.valid() && read_row(value, out.revenue);
        if (!readable) {
            unreadable = RevenueModel().describe(parsed.value_or(RowKey()));
            return false;
        }
        out.program = key.program;
        out.day = static_cast<int64_t>(key.day);
        out.currency = key.currency;
        out.stream = key.stream == kNone ? std::nullopt : std::optional(static_cast<Stream>(key.stream));
        out.source = key.source == kNone ? std::nullopt : std::optional(static_cast<Source>(key.source));
        return row(out);
    }));
    if (!readable)
        return Error{ErrorCode::kCorrupt, fmt::format("read model revenue: the row \"{}\" cannot be read", unreadable)};
    return ok_status();
}

}  // namespace upline
