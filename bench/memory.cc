// SPDX-License-Identifier: Apache-2.0
// One shard with very many users and websites: peak memory, and how fast sales are with so much to find their way in.
//
// Signups and websites are not kept in a log file, which would take more disk than the ledger: a log of our own gives
// them as if they stood before the records of an embedded log, which the sales are in.
#include <algorithm>

#include "bench/upline_bench.h"
#include "events/record_writer.h"

namespace upline::bench {
namespace {

constexpr int64_t kAppendTimeMs = 4'000'000'000'000;

class Prelude final : public EventLog {
  public:
    Prelude(const Community& community, uint64_t websites, std::unique_ptr<EventLog> rest)
        : community_(community), size_(static_cast<Offset>(community.users() + websites)), rest_(std::move(rest)) {}
    uint32_t partition_count() const override { return 1; }
    std::string identity() const override { return rest_->identity(); }
    Result<std::unique_ptr<LogReader>> open_reader(uint32_t partition, std::optional<LogPosition> after) override {
        const Offset next = after ? after->offset + 1 : 0;
        if (next > size_)
            after->offset -= size_;
        else
            after.reset();
        UPLINE_TRY_ASSIGN(std::unique_ptr<LogReader> rest, rest_->open_reader(partition, after));
        return std::unique_ptr<LogReader>(new Reader(community_, size_, next, std::move(rest)));
    }
    Result<std::unique_ptr<LogWriter>> open_writer() override { return rest_->open_writer(); }

  private:
    class Reader final : public LogReader {
      public:
        Reader(const Community& community, Offset size, Offset next, std::unique_ptr<LogReader> rest)
            : community_(community), size_(size), next_(next), rest_(std::move(rest)) {}
        Status read(size_t max_records, size_t max_bytes, int timeout_ms, RecordBatch& batch) override {
            batch.clear();
            if (next_ >= size_) {
                UPLINE_TRY(rest_->read(max_records, max_bytes, timeout_ms, moved_));
                for (const Record& record : moved_.records())
                    batch.append(record.offset + size_, record.append_time_ms, record.value);
                return ok_status();
            }
            for (; next_ < size_ && batch.size() < max_records; ++next_) {
                const auto number = static_cast<uint64_t>(next_);
                const Event event = number < community_.users() ? community_.signup(static_cast<uint32_t>(number))
                                                                : community_.website(number - community_.users());
                batch.append(next_, kAppendTimeMs, writer_.encode(event));
            }
            return ok_status();
        }
        Result<bool> at_end() override { return next_ < size_ ? Result<bool>(false) : rest_->at_end(); }
        Result<Offset> end() override {
            UPLINE_TRY_ASSIGN(const Offset rest, rest_->end());
            return size_ + rest;
        }
        void note_progress(Offset /*next*/) override {}

      private:
        const Community& community_;
        Offset size_;
        Offset next_;
        std::unique_ptr<LogReader> rest_;
        RecordBatch moved_;
        RecordWriter writer_;
    };

    const Community& community_;
    Offset size_;
    std::unique_ptr<EventLog> rest_;
};

}  // namespace

void measure_memory(const MemoryArgs& args, const fs::path& folder, Figures& figures) {
    const Community community(args.users);
    Prelude log(community, args.websites, new_embedded_log(folder / "log"));
    const Fed people = feed_once(log, folder / "data");
    const auto start_us = community.website_end_us(args.websites);
    const auto feed_sales = [&](uint64_t first, uint64_t sales, bool from_websites) {
        append_all(log, sales, [&](uint64_t i) {
            Event event = community.sale_at(first + i, start_us + static_cast<int64_t>(first + i) * 100);
            if (from_websites) {
                auto& sale = std::get<TransactionRecorded>(event.payload);
                sale.source = Source::kWebsite;
                sale.website.id = community.website(mix(first + i) % args.websites).id;
            }
            return event;
        });
        return feed_once(log, folder / "data");
    };
    const Fed sales = feed_sales(0, args.sales, false);
    const double sales_peak_mib = peak_memory_mib();
    const Fed website_sales = feed_sales(args.sales, args.website_sales, true);
    const auto count = static_cast<double>(args.sales);
    const std::string with =
        fmt::format("{} users and {} websites", with_commas(args.users), with_commas(args.websites));
    figures.add("memory.peak_gib", fmt::format("peak memory, {}", with), peak_memory_mib() / 1024, "GiB");
    figures.add("memory.sales_peak_gib", "  before the sales from websites", sales_peak_mib / 1024, "GiB");
    figures.add("memory.people_per_s", "  signups and websites",
                static_cast<double>(args.users + args.websites) / people.seconds, "/s");
    figures.add("memory.open_s", "  opened again, nothing to fold", website_sales.open_seconds, "s");
    figures.add("memory.sales_per_s", "  sales", count / sales.seconds, "/s");
    figures.add("memory.sale_cpu_us", "  processor time of a sale, all threads", sales.cpu_seconds * 1e6 / count, "us");
    figures.add("memory.website_sales_per_s", "  sales, each from a website of its own",
                static_cast<double>(args.website_sales) / website_sales.seconds, "/s");
}

}  // namespace upline::bench
