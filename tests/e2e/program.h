// SPDX-License-Identifier: Apache-2.0
// For tests: the `upline` program as a process that can be waited for and killed. None outlives the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/events/log/log_harness.h"

namespace upline::testing {

inline std::string read_file(const std::string& path) {
    std::string text;
    if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
        char buffer[1 << 16];
        for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
        (void)std::fclose(file);
    }
    return text;
}

inline void write_file(const std::string& path, const std::vector<std::string>& lines) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    UPLINE_CHECK(file != nullptr, "a file that can be written");
    for (const std::string& line : lines) fmt::print(file, "{}\n", line);
    (void)std::fclose(file);
}

using Arguments = std::vector<std::string>;

class Process {
  public:
    // `environment` holds NAME=VALUE pairs beside those there are.
    explicit Process(const Arguments& arguments, const Arguments& environment = {}) {
        Arguments words = {UPLINE_PROGRAM};
        words.insert(words.end(), arguments.begin(), arguments.end());
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        const std::string out = out_path();
        const std::string err = err_path();
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        UPLINE_CHECK(pid_ >= 0, "a process can be started");
        if (pid_ == 0) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(126);
            for (const std::string& pair : environment) ::putenv(const_cast<char*>(pair.c_str()));
            (void)::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
            (void)::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
            (void)::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
            ::execv(UPLINE_PROGRAM, argv.data());
            ::_exit(127);
        }
    }
    ~Process() { kill(); }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    bool running() {
        if (!status_) {
            int status = 0;
            if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
        }
        return !status_;
    }
    // The exit code; -1 if a signal ended it. Kills what is not done in time.
    int wait(std::chrono::seconds limit = std::chrono::seconds(60)) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (running()) {
            if (std::chrono::steady_clock::now() > deadline) {
                ADD_FAILURE() << "the program is not done in " << limit.count() << " s";
                kill();
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -1;
    }
    // False if it had ended by itself.
    bool kill() {
        if (!running()) return false;
        (void)::kill(pid_, SIGKILL);
        int status = 0;
        (void)::waitpid(pid_, &status, 0);
        status_ = status;
        return WIFSIGNALED(status);
    }
    void interrupt() { (void)::kill(pid_, SIGTERM); }

    std::string out() const { return read_file(out_path()); }
    std::string err() const { return read_file(err_path()); }
    // Whether it says `words` on standard error within `limit`.
    bool says(std::string_view words, std::chrono::seconds limit = std::chrono::seconds(30)) {
        for (const auto deadline = std::chrono::steady_clock::now() + limit;
             std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(std::chrono::milliseconds(10)))
            if (err().find(words) != std::string::npos) return true;
        return false;
    }

  private:
    std::string out_path() const { return files_.path() + "/out"; }
    std::string err_path() const { return files_.path() + "/err"; }

    TemporaryFolder files_;
    pid_t pid_ = -1;
    std::optional<int> status_;
};

struct Ran {
    int exit_code = 0;
    std::string out;
    std::string err;
};

inline Ran run_program(const Arguments& arguments, const Arguments& environment = {}) {
    Process process(arguments, environment);
    Ran ran;
    ran.exit_code = process.wait();
    ran.out = process.out();
    ran.err = process.err();
    return ran;
}

#define ASSERT_RUNS(...)                                                                        \
    do {                                                                                        \
        const ::upline::testing::Ran assert_ran_ = ::upline::testing::run_program(__VA_ARGS__); \
        ASSERT_EQ(assert_ran_.exit_code, 0) << assert_ran_.err << assert_ran_.out;              \
    } while (false)

// Appends lines with the program; the log is made if there is none.
inline Ran produce(const std::string& url, const std::vector<std::string>& lines, unsigned partitions = 1) {
    const TemporaryFolder folder;
    const std::string file = folder.path() + "/lines";
    write_file(file, lines);
    return run_program({"produce", "--log", url, "--partitions", std::to_string(partitions), file});
}

}  // namespace upline::testing
