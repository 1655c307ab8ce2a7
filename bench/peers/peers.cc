// SPDX-License-Identifier: Apache-2.0
// What bench/peers/run needs in C++: the community as CSV for the peers, Upline itself, and the peer that is RocksDB
// alone. All three see the same people and sales.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "bench/community.h"
#include "bench/measure.h"
#include "events/base/bytes.h"
#include "events/log/kafka_topic.h"

namespace upline::bench {
namespace {

// The default plan's, of which bench/peers/postgres.py and the Kafka Streams peer have copies.
constexpr int64_t kRates[] = {2000, 1500, 1000, 800, 500, 300, 200};

// The community with people as numbers, which is what peers are given: it spares them the work of looking ids up.
class Numbered {
  public:
    explicit Numbered(uint32_t users) : community_(users) {
        numbers_.reserve(users);
        for (uint32_t user = 0; user < users; ++user) numbers_.emplace(community_.signup(user).id, user);
    }
    const Community& community() const { return community_; }
    std::optional<uint32_t> referrer(uint32_t user) const {
        const Uuid id = std::get<UserSignedUp>(community_.signup(user).payload).referrer.id;
        if (id.is_nil()) return std::nullopt;
        return numbers_.at(id);
    }
    struct Sale {
        uint32_t buyer;
        int64_t amount;  // in cents
    };
    Sale sale(uint64_t number) const {
        const Event event = community_.sale(number);
        const auto& facts = std::get<TransactionRecorded>(event.payload);
        return {numbers_.at(facts.buyer.id), facts.amount.value};
    }

  private:
    struct Hash {
        size_t operator()(const Uuid& id) const {
            uint64_t low = 0;
            std::memcpy(&low, id.bytes.data() + 8, sizeof low);
            return low;
        }
    };
    Community community_;
    std::unordered_map<Uuid, uint32_t, Hash> numbers_;
};

void print_figures(uint64_t sales, double seconds, double bytes_per_sale) {
    fmt::print("{{\"sales\": {}, \"seconds\": {:.6f}, \"bytes_per_sale\": {:.1f}}}\n", sales, seconds, bytes_per_sale);
}

// users.csv: number, number of the referrer or nothing, id; sales.csv: number, number of the buyer, cents.
void write_data(uint32_t users, uint64_t sales, const fs::path& folder) {
    const Numbered numbered(users);
    std::ofstream people(folder / "users.csv");
    for (uint32_t user = 0; user < users; ++user) {
        const auto referrer = numbered.referrer(user);
        people << fmt::format("{},{},{}\n", user, referrer ? std::to_string(*referrer) : "",
                              to_string(numbered.community().signup(user).id));
    }
    std::ofstream bought(folder / "sales.csv");
    for (uint64_t number = 0; number < sales; ++number) {
        const Numbered::Sale sale = numbered.sale(number);
        bought << fmt::format("{},{},{}\n", number, sale.buyer, sale.amount);
    }
    people.close();
    bought.close();
    if (!people || !bought) {
        fmt::print(stderr, "upline_bench_peers: could not write to {}\n", folder.native());
        std::exit(kExitCouldNot);
    }
}

// The log is filled before the ledger reads it; the time is from its first record of a sale until all is on disk.
void run_upline(uint32_t users, uint64_t sales, const std::string& url, const fs::path& data) {
    const Community community(users);
    const bool kafka = url.starts_with("kafka:");
    if (kafka) must(create_kafka_topic(url, 1));
    const auto log = must(open_log(url, {.properties = {}, .create_with_partitions = kafka ? 0U : 1U}));
    append_signups(*log, community);
    feed_once(*log, data);
    const uint64_t before = bytes_in(data);
    append_all(*log, sales, [&](uint64_t i) { return community.sale(i); });
    const Fed fed = feed_once(*log, data);
    print_figures(sales, fed.seconds, static_cast<double>(bytes_in(data) - before) / static_cast<double>(sales));
}

void check(const rocksdb::Status& status) {
    if (status.ok()) return;
    fmt::print(stderr, "upline_bench_peers: RocksDB: {}\n", status.ToString());
    std::exit(kExitCouldNot);
}

struct Earner {
    uint32_t referrer;  // kNobody for none
    int64_t balance;
};
constexpr uint32_t kNobody = UINT32_MAX;
constexpr size_t kEarnerBytes = sizeof(uint32_t) + sizeof(int64_t);

std::string value_of(const Earner& earner) {
    std::string value(kEarnerBytes, '\0');
    std::memcpy(value.data(), &earner.referrer, sizeof earner.referrer);
    std::memcpy(value.data() + sizeof earner.referrer, &earner.balance, sizeof earner.balance);
    return value;
}

Earner earner_of(const rocksdb::Slice& value) {
    UPLINE_CHECK(value.size() == kEarnerBytes, "what value_of() wrote");
    Earner earner{};
    std::memcpy(&earner.referrer, value.data(), sizeof earner.referrer);
    std::memcpy(&earner.balance, value.data() + sizeof earner.referrer, sizeof earner.balance);
    return earner;
}

// One record a person, with referrer and balance: a sale gets the buyer and each of seven above, and puts the seven in
// one batch. `sync_every`: after so many sales a write is synced, which makes all before it durable too.
void run_rocksdb(uint32_t users, uint64_t sales, uint64_t sync_every, const fs::path& folder,
                 const fs::path& balances) {
    std::vector<Numbered::Sale> bought;
    std::vector<uint32_t> referrers;
    {
        const Numbered numbered(users);
        for (uint64_t number = 0; number < sales; ++number) bought.push_back(numbered.sale(number));
        for (uint32_t user = 0; user < users; ++user) referrers.push_back(numbered.referrer(user).value_or(kNobody));
    }
    rocksdb::Options options;
    options.create_if_missing = true;
    options.IncreaseParallelism(2);
    options.OptimizeForPointLookup(1024);  // MiB of block cache; a hash index in blocks, Bloom filters
    rocksdb::DB* raw = nullptr;
    check(rocksdb::DB::Open(options, folder, &raw));
    const std::unique_ptr<rocksdb::DB> db(raw);
    {
        rocksdb::WriteBatch batch;
        for (uint32_t user = 0; user < users; ++user) {
            check(batch.Put(be_bytes(user), value_of({referrers[user], 0})));
            if (batch.Count() < 10'000 && user + 1 < users) continue;
            check(db->Write({}, &batch));
            batch.Clear();
        }
        check(db->Flush({}));
    }

    const auto get = [&](uint32_t user, rocksdb::PinnableSlice& value) {
        value.Reset();
        check(db->Get({}, db->DefaultColumnFamily(), be_bytes(user), &value));
        return earner_of(value);
    };
    rocksdb::PinnableSlice value;
    rocksdb::WriteBatch batch;
    const auto start = Clock::now();
    for (uint64_t number = 0; number < sales; ++number) {
        batch.Clear();
        uint32_t next = get(bought[number].buyer, value).referrer;
        for (size_t level = 0; level < std::size(kRates) && next != kNobody; ++level) {
            const uint32_t user = next;
            Earner earner = get(user, value);
            earner.balance += bought[number].amount * kRates[level] / 10'000;  // never negative: rounds down
            next = earner.referrer;
            check(batch.Put(be_bytes(user), value_of(earner)));
        }
        rocksdb::WriteOptions write;
        write.sync = (number + 1) % sync_every == 0 || number + 1 == sales;
        check(db->Write(write, &batch));
    }
    const double seconds = seconds_since(start);
    print_figures(sales, seconds, 0);

    std::ofstream out(balances);
    const std::unique_ptr<rocksdb::Iterator> row(db->NewIterator(rocksdb::ReadOptions()));
    uint32_t user = 0;
    for (row->SeekToFirst(); row->Valid(); row->Next(), ++user)
        if (const int64_t balance = earner_of(row->value()).balance; balance != 0)
            out << fmt::format("{},{}\n", user, balance);
    check(row->status());
}

int main_of(int argc, char** argv) {
    CLI::App app("The parts of bench/peers/run that are C++", "upline_bench_peers");
    app.require_subcommand(1);
    uint32_t users = 0;
    uint64_t sales = 0;
    uint64_t sync_every = 1;
    std::string folder;
    std::string log;
    std::string balances;
    const auto subcommand = [&](const char* name, const char* what, const char* folder_is) {
        CLI::App* command = app.add_subcommand(name, what);
        command->add_option("--users", users, "People in the tree")->check(CLI::Range(17U, 100'000'000U))->required();
        command->add_option("--sales", sales, "Sales of seven levels")->check(CLI::PositiveNumber)->required();
        command->add_option("--folder", folder, folder_is)->required();
        return command;
    };
    CLI::App* data = subcommand("data", "Write users.csv and sales.csv", "Where to");
    CLI::App* ledger = subcommand("upline", "Upline from a log that is filled first", "The ledger's");
    ledger->add_option("--log", log, "file:DIR or kafka://HOST:PORT/TOPIC, a new one")->required();
    CLI::App* alone =
        subcommand("rocksdb", "RocksDB alone, a get and a put for each credited person", "The database's");
    alone->add_option("--sync-every", sync_every, "Sales")->check(CLI::PositiveNumber)->required();
    alone->add_option("--balances", balances, "File for number,balance of all who have one")->required();
    CLI11_PARSE(app, argc, argv);
    if (data->parsed()) write_data(users, sales, folder);
    if (ledger->parsed()) run_upline(users, sales, log, folder);
    if (alone->parsed()) run_rocksdb(users, sales, sync_every, folder, balances);
    return kExitDone;
}

}  // namespace
}  // namespace upline::bench

int main(int argc, char** argv) {
    return upline::bench::main_of(argc, argv);
}
