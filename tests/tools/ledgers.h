// SPDX-License-Identifier: Apache-2.0
// What the tests of verify and of the command share: folders that go away again, files, and the real sales sample fed
// into a ledger.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "events/json_reader.h"
#include "events/record_writer.h"
#include "events/values/time.h"
#include "ledger/core/state_storage.h"
#include "ledger/store/raw_iterator.h"
#include "ledger/store/state_segments.h"
#include "ledger/store/state_store.h"
#include "ledger/store/store.h"
#include "tests/events/base/take.h"
#include "tests/ledger/store/store_tampering.h"
#include "tools/node/partition_runner.h"

namespace upline {

#define ASSERT_OK(expression)                                       \
    do {                                                            \
        auto&& assert_ok_ = (expression);                           \
        ASSERT_TRUE(assert_ok_.ok()) << assert_ok_.error().message; \
    } while (false)

// A folder of its own for one test.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "upline-test-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
    gzFile file = gzopen(path.c_str(), "rb");  // which reads plain files too
    UPLINE_CHECK(file != nullptr, "a file that is there");
    std::string text;
    std::vector<char> buffer(1 << 16);
    for (int n; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
        text.append(buffer.data(), static_cast<size_t>(n));
    gzclose(file);
    return text;
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    const bool written = file && (text.empty() || std::fwrite(text.data(), 1, text.size(), file) == text.size());
    UPLINE_CHECK(written && std::fclose(file) == 0, "a file that can be written");
}

inline void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

inline std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

inline std::filesystem::path test_data(std::string_view name) {
    return std::filesystem::path(UPLINE_TEST_DATA) / name;
}

inline std::string sales_sample() {
    return read_file(test_data("cdnow-sample.sales.jsonl.gz"));
}

inline std::string file_url(const std::filesystem::path& folder) {
    return "file:" + folder.string();
}

// All events of a test are appended in one instant, so that two logs of the same lines hold the same records.
inline const int64_t kAppendTimeMs = *parse_time("2026-02-01T00:00:00Z") / 1000;

// Appends events, one a line, to the log in `folder`; makes it if there is none.
inline void append_lines(const std::filesystem::path& folder, const std::vector<std::string>& lines) {
    const auto log = take(open_log(file_url(folder), {.properties = {}, .create_with_partitions = 1}));
    const auto writer = take(log->open_writer());
    EventParser parser;
    RecordWriter records;
    for (const std::string& line : lines) {
        const Event event = take(parser.parse(line));
        take(writer->append(event.program, records.encode(event), kAppendTimeMs));
    }
    take(writer->flush());
}

inline void feed_folder(const std::filesystem::path& log_folder, const std::filesystem::path& data,
                        const ShardOptions& shard = {}) {
    const auto log = take(open_log(file_url(log_folder)));
    const DataFolder folder = take(DataFolder::open(data, DataFolder::Access::kWrite));
    take(run_partitions(*log, folder, {.once = true, .shard = shard}));
}

// The rows of a stored state, by family and key.
using StateRows = std::map<std::string, std::map<std::string, std::string>>;
inline StateRows state_rows(const Store& store) {
    StateRows rows;
    std::vector<std::string> families(kRecordFamilies.begin(), kRecordFamilies.end());
    families.emplace_back("state");
    for (const std::string& family : families) {
        const auto walk = iterate(store, family);
        while (const auto row = take(walk->next())) rows[family].emplace(row->key, row->value);
    }
    return rows;
}
// Puts these families' rows in place of what is stored.
inline void put_state_rows(Store& store, const StateRows& rows) {
    const StateRows before = state_rows(store);
    for (const auto& [family, values] : rows) {
        if (const auto old = before.find(family); old != before.end())
            for (const auto& [key, value] : old->second) take(remove_raw(store, family, key));
        for (const auto& [key, value] : values) take(tamper(store, family, key, value));
    }
}
// Stores the state with what change(arrays) makes of it, as somebody with the database could who knows its form.
template <class F>
void change_stored_state(Store& store, F&& change) {
    const std::unique_ptr<State> state = take(load_state(store));
    change(StateStorage(*state).arrays());
    const StateChanges changes = take_all(*state);
    StateRows rows;
    take(for_each_segment(changes, [&](const StateChanges::Segment& segment) {
        for (const StateChunk& chunk : segment.chunks)
            rows[kRecordFamilies[segment.kind]].emplace(segment_key(changes.size, chunk.number), chunk.bytes);
        return ok_status();
    }));
    rows["state"].emplace("position", changes.position);
    put_state_rows(store, rows);
}

}  // namespace upline
