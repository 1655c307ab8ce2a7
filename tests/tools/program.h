// SPDX-License-Identifier: Apache-2.0
// Runs the built `upline`, as a user would, and tells what it said. Nothing it starts outlives a minute.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/tools/ledgers.h"

namespace upline {

struct Ran {
    int code = -1;  // exit code; -1000 - signal if one ended it
    std::string out;
    std::string err;
    long max_memory_kib = 0;
};

// One run of a program, started by the constructor.
class Running {
  public:
    explicit Running(const std::vector<std::string>& words, std::string_view input = {}) {
        const auto file = [this](const char* name) { return (folder_.path() / name).string(); };
        write_file(file("in"), input);
        std::vector<char*> argv;
        argv.reserve(words.size() + 1);
        for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        const int in = ::open(file("in").c_str(), O_RDONLY | O_CLOEXEC);
        const int out = ::open(file("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        const int err = ::open(file("err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(in, STDIN_FILENO);
            ::dup2(out, STDOUT_FILENO);
            ::dup2(err, STDERR_FILENO);
            ::alarm(60);
            ::execvp(argv[0], argv.data());
            ::_exit(127);
        }
        ::close(in);
        ::close(out);
        ::close(err);
    }
    ~Running() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    void signal(int number) const { ::kill(pid_, number); }
    std::string out() const { return read_file(folder_.path() / "out"); }
    std::string err() const { return read_file(folder_.path() / "err"); }
    Ran wait() {
        int status = 0;
        rusage usage{};
        ::wait4(pid_, &status, 0, &usage);
        pid_ = -1;
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1000 - WTERMSIG(status), out(), err(), usage.ru_maxrss};
    }

  private:
    TemporaryFolder folder_;
    pid_t pid_ = -1;
};

inline std::vector<std::string> upline_words(std::vector<std::string> words) {
    words.insert(words.begin(), UPLINE_PROGRAM);
    return words;
}

inline Ran run_upline(std::vector<std::string> words, std::string_view input = {}) {
    return Running(upline_words(std::move(words)), input).wait();
}

// A line for the shell; "$UPLINE" in it is the program.
inline Ran run_shell(const std::string& line) {
    return Running({"/bin/sh", "-c", fmt::format("UPLINE='{}'; {}", UPLINE_PROGRAM, line)}).wait();
}

// Whether `condition` comes true within half a minute.
inline bool comes_true(const std::function<bool()>& condition) {
    for (int i = 0; i < 3000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

}  // namespace upline
