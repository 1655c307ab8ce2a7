// SPDX-License-Identifier: Apache-2.0
// What the program says and keeps on disks that are full or may not be written to.
#include <sched.h>
#include <sys/mount.h>

#include "tests/tools/command_fixture.h"

namespace upline {
namespace {

// A small disk of its own at a folder, gone with the test's process: mounted where nobody else sees it.
class SmallDisk {
  public:
    static bool permitted() {
        static const bool done = [] {
            const uid_t user = ::getuid();
            const gid_t group = ::getgid();
            if (::unshare(CLONE_NEWNS) != 0) {
                if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
                write_file("/proc/self/setgroups", "deny");
                write_file("/proc/self/uid_map", fmt::format("0 {} 1", user));
                write_file("/proc/self/gid_map", fmt::format("0 {} 1", group));
            }
            return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
        }();
        return done;
    }
    SmallDisk(fs::path path, uint64_t bytes) : path_(std::move(path)) {
        fs::create_directory(path_);
        mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, fmt::format("size={}", bytes).c_str()) == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool mounted() const { return mounted_; }
    bool resize(uint64_t bytes) const {
        return ::mount("none", path_.c_str(), nullptr, MS_REMOUNT, fmt::format("size={}", bytes).c_str()) == 0;
    }
    bool make_read_only() const { return ::mount("none", path_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, "") == 0; }

  private:
    fs::path path_;
    bool mounted_ = false;
};

constexpr uint64_t kMebibyte = 1 << 20;
constexpr const char* kNoMounts = "this needs a disk of its own, and mounting one is not permitted here";

class Disk : public Command {
  protected:
    void SetUp() override {
        if (!SmallDisk::permitted()) GTEST_SKIP() << kNoMounts;
    }
};

TEST_F(Disk, FullUnderTheLedgerIsToldAndNothingIsLost) {
    make_ledger(sales_sample(), "undisturbed");
    const auto root = [&](const std::string& data) {
        return json_rows(run_upline({"show", "head", "--json", "--data", data}).out).at(0).at("root");
    };
    int refused = 0;
    for (const uint64_t size : {kMebibyte / 16, kMebibyte / 2, kMebibyte, 2 * kMebibyte, 3 * kMebibyte, 4 * kMebibyte,
                                5 * kMebibyte, 6 * kMebibyte, 8 * kMebibyte}) {
        const std::string name = fmt::format("disk-{}", size);
        const SmallDisk disk(path(name), size);
        ASSERT_TRUE(disk.mounted());
        const std::string data = path(name + "/data");
        const std::vector<std::string> words = {"run", "--once", "--batch", "500", "--log", url(), "--data", data};
        const Ran ran = run_upline(words);
        if (ran.code != 0) {
            ++refused;
            expect_refused(ran, "No space left on device");
            EXPECT_NE(ran.err.find("make room and run again, nothing is lost"), std::string::npos) << size << ran.err;
        }
        ASSERT_TRUE(disk.resize(256 * kMebibyte));
        const Ran again = run_upline(words);
        ASSERT_EQ(again.code, 0) << size << ": " << again.err;
        EXPECT_EQ(root(data), root(path("undisturbed"))) << size;
        const Ran verified = run_upline({"verify", "--data", data, "--log", url()});
        EXPECT_EQ(verified.code, 0) << size << verified.out;
    }
    EXPECT_GE(refused, 3) << "disks that were too small";
}

TEST_F(Disk, FullUnderTheLogIsToldAndWhatWasConfirmedIsThere) {
    const std::string events = path("events.jsonl");
    write_file(events, sales_sample());
    for (const uint64_t size : {kMebibyte / 16, kMebibyte / 2, kMebibyte, 3 * kMebibyte / 2}) {
        const std::string name = fmt::format("disk-{}", size);
        const SmallDisk disk(path(name), size);
        ASSERT_TRUE(disk.mounted());
        const std::string log = url(name + "/log");
        // A slow pipe, so that a part of it is confirmed before the disk is full.
        const Ran ran =
            run_shell(fmt::format("{{ head -n 500 '{0}'; sleep 0.3; tail -n +501 '{0}'; }} | "
                                  "$UPLINE produce --log '{1}' --json -",
                                  events, log));
        EXPECT_EQ(ran.code, 2);
        EXPECT_NE(ran.err.find("free some space and try again"), std::string::npos) << size << ": " << ran.err;
        EXPECT_NE(ran.err.find("events are confirmed"), std::string::npos) << ran.err;
        const uint64_t confirmed = ran.out.empty() ? 0 : std::stoull(json_rows(ran.out).at(0).at("produced"));

        ASSERT_TRUE(disk.resize(256 * kMebibyte));
        const auto run_once = [&](const std::string& data) {
            return run_upline({"run", "--once", "--log", log, "--data", data, "--json"});
        };
        if (confirmed > 0) {
            const Ran first = run_once(path(name + "-before"));
            ASSERT_EQ(first.code, 0) << first.err;
            EXPECT_GE(std::stoull(json_rows(first.out).at(0).at("size")), confirmed);
        }
        ASSERT_EQ(run_upline({"produce", "--log", log, events}).code, 0);
        ASSERT_EQ(run_once(path(name + "-data")).code, 0);
        auto expected = json_rows(read_file(test_data("cdnow-sample.sales.expected.jsonl")));
        expected.pop_back();  // counts
        EXPECT_EQ(json_rows(run_upline({"export", "balances", "--data", path(name + "-data")}).out), expected)
            << "produced twice in part, applied once";
    }
}

TEST_F(Disk, ReadOnlyIsToldAndReadersStillRead) {
    const SmallDisk disk(path("disk"), 64 * kMebibyte);
    ASSERT_TRUE(disk.mounted());
    const std::string log = url("disk/log");
    const std::string data = path("disk/data");
    ASSERT_EQ(run_upline({"produce", "--log", log, "-"}, story()).code, 0);
    ASSERT_EQ(run_upline({"run", "--once", "--log", log, "--data", data}).code, 0);
    ASSERT_TRUE(disk.make_read_only());
    expect_refused(run_upline({"produce", "--log", log, "-"}, numbered_signup(1)), "Read-only file system");
    expect_refused(run_upline({"run", "--once", "--log", log, "--data", data}), "Read-only file system");
    expect_refused(run_upline({"run", "--once", "--log", log, "--data", path("disk/new")}), "Read-only file system");
    expect_refused(run_upline({"demo", "--keep", path("disk/demo")}), "Read-only file system");
    const Ran verified = run_upline({"verify", "--data", data, "--log", log});
    EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
    EXPECT_EQ(run_upline({"show", "user", kAnn, "--data", data}).code, 0);
    EXPECT_EQ(run_upline({"replay", "--log", log, "--data", path("again"), "--compare", data}).code, 0);
}

}  // namespace
}  // namespace upline
