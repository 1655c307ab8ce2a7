// SPDX-License-Identifier: Apache-2.0
// Publishing, signing and opening a data folder while the n-th file operation fails, for every n: a second run succeeds
// and leaves the same bytes as a run that nothing disturbed.
#include <gtest/gtest.h>

#include "ledger/store/data_folder.h"
#include "tests/events/base/faulty_files.h"
#include "tests/tools/ledgers.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/publish.h"

namespace upline {
namespace {

namespace fs = std::filesystem;

// Every file below a folder, and every folder, with its bytes.
using Tree = std::map<std::string, std::string>;
Tree tree_of(const fs::path& folder) {
    Tree tree;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
        tree[fs::relative(entry.path(), folder).string()] = entry.is_directory() ? "a folder" : read_file(entry.path());
    return tree;
}

// A ledger of 200 entries, then of 300: a tile that is partial, then full, and another that begins.
struct Ledger {
    static constexpr int kFirst = 200;
    static constexpr int kAll = 300;
    Ledger() {
        grow(0, kFirst);
        first = sign();
        grow(kFirst, kAll);
        all = sign();
        store = reader();
    }
    void grow(int begin, int end) const {
        std::vector<std::string> lines;
        for (int i = begin; i < end; ++i)
            lines.push_back(fmt::format(R"({{"id": "0190b3a0-0000-7000-8000-{:012x}", "type": "UserSignedUp", )"
                                        R"("occurred_at": "2026-01-02T03:04:05Z"}})",
                                        i));
        append_lines(folder.path() / "log", lines);
        feed_folder(folder.path() / "log", data);
    }
    SignedCheckpoint sign() const { return take(Checkpoints(data, 0).sign(*reader(), key)); }
    std::unique_ptr<Store> reader() const { return take(Store::open(data / "partition-00000", Store::Access::kRead)); }

    const TemporaryFolder folder;
    const fs::path data = folder.path() / "data";
    const note::SigningKey key{origin_of("log.example", 0), note::KeyType::kEd25519, {}};
    SignedCheckpoint first;
    SignedCheckpoint all;
    std::unique_ptr<Store> store;
};
const Ledger& ledger() {
    static const Ledger made;
    return made;
}

// `prepare` makes the folder that each run begins with.
class FileFaults : public ::testing::Test {
  protected:
    using Prepare = std::function<void(const fs::path& folder)>;
    using Run = std::function<Status(const fs::path& folder, FileSystem& files)>;

    void walk(const Prepare& prepare, const Run& run) {
        using Applied = FaultyFileSystem::Applied;
        const Tree expected = after(prepare, run);
        for (const Applied applied : {Applied::kNo, Applied::kYes, Applied::kHalf})
            for (const bool lasting : {false, true})
                for (size_t call = 1;; ++call) {
                    SCOPED_TRACE(
                        fmt::format("call {} fails, applied {}, lasting {}", call, static_cast<int>(applied), lasting));
                    const TemporaryFolder folder;
                    prepare(folder.path());
                    FaultyFileSystem files({.call = call, .applied = applied, .lasting = lasting, .error = EIO});
                    const Status disturbed = run(folder.path(), files);
                    if (disturbed.ok()) {
                        ASSERT_EQ(tree_of(folder.path()), expected);
                    }
                    if (!files.came()) {
                        ASSERT_TRUE(disturbed.ok()) << disturbed.error().message;
                        ASSERT_GT(call, 5U) << "or the run does not use these files";
                        break;
                    }
                    FaultyFileSystem none({});
                    const Status again = run(folder.path(), none);
                    ASSERT_TRUE(again.ok()) << again.error().message;
                    ASSERT_EQ(tree_of(folder.path()), expected);
                }
    }

  private:
    static Tree after(const Prepare& prepare, const Run& run) {
        const TemporaryFolder folder;
        prepare(folder.path());
        FaultyFileSystem none({});
        const Status done = run(folder.path(), none);
        EXPECT_TRUE(done.ok()) << done.error().message;
        return tree_of(folder.path());
    }
};

Status publish(const fs::path& folder, const SignedCheckpoint& checkpoint, bool hashes_only, FileSystem& files) {
    UPLINE_TRY(publish_tiles(*ledger().store, folder, checkpoint, hashes_only, {}, files));
    return ok_status();
}

void publish_first(const fs::path& folder, const SignedCheckpoint& checkpoint, bool hashes_only) {
    FaultyFileSystem none({});
    const Status published = publish(folder, checkpoint, hashes_only, none);
    ASSERT_TRUE(published.ok()) << published.error().message;
}

TEST_F(FileFaults, PublishingIntoANewFolder) {
    walk([](const fs::path&) {},
         [](const fs::path& folder, FileSystem& files) { return publish(folder, ledger().all, false, files); });
}

TEST_F(FileFaults, PublishingMoreWhereAPartialTileBecomesFull) {
    walk([](const fs::path& folder) { publish_first(folder, ledger().first, false); },
         [](const fs::path& folder, FileSystem& files) { return publish(folder, ledger().all, false, files); });
}

TEST_F(FileFaults, PublishingEntriesThatWereLeftOut) {
    walk([](const fs::path& folder) { publish_first(folder, ledger().all, true); },
         [](const fs::path& folder, FileSystem& files) { return publish(folder, ledger().all, false, files); });
}

TEST_F(FileFaults, SigningTheFirstCheckpointAndTheNext) {
    const auto sign = [](const fs::path& folder, FileSystem& files) -> Status {
        UPLINE_TRY(Checkpoints(folder, 0, files).sign(*ledger().store, ledger().key));
        return ok_status();
    };
    walk([](const fs::path&) {}, sign);
    walk(
        [](const fs::path& folder) {
            const fs::path checkpoints = folder / "checkpoints" / "00000";
            fs::create_directories(checkpoints);
            fs::copy(ledger().data / "checkpoints" / "00000" / "200", checkpoints);
        },
        sign);
}

TEST_F(FileFaults, OpeningANewDataFolder) {
    walk([](const fs::path&) {},
         [](const fs::path& folder, FileSystem& files) -> Status {
             UPLINE_TRY(DataFolder::open(folder / "data", DataFolder::Access::kWrite, files));
             return ok_status();
         });
}

}  // namespace
}  // namespace upline
