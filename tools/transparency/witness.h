// SPDX-License-Identifier: Apache-2.0
// A witness of other logs (C2SP tlog-witness): it cosigns a checkpoint only if that extends the last one it cosigned of
// that log. So a log cannot show different pasts to those who ask for the cosignature.
//
// A folder keeps the last cosigned checkpoint of each log in a file, which is synced before the answer is given.
// Thread-safe; one process at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "events/base/file_system.h"
#include "ledger/proof/note.h"

namespace upline {

class Witness {
  public:
    // The logs' keys: each speaks for the origin of its name. kConflict if another process has the folder.
    static Result<std::unique_ptr<Witness>> open(const std::filesystem::path& folder, note::SigningKey key,
                                                 std::vector<note::VerifierKey> logs,
                                                 std::function<uint64_t()> unix_time,
                                                 FileSystem& files = FileSystem::real());

    // The answer to add-checkpoint, as the specification has it: an HTTP status and a body.
    struct Answer {
        int status = 0;
        std::string body;
        const char* content_type = "text/plain; charset=utf-8";
    };
    Answer add_checkpoint(std::string_view request);

  private:
    Witness(std::filesystem::path folder, Fd lock, note::SigningKey key, std::vector<note::VerifierKey> logs,
            std::function<uint64_t()> unix_time, FileSystem& files)
        : folder_(std::move(folder)),
          lock_(std::move(lock)),
          key_(std::move(key)),
          logs_(std::move(logs)),
          unix_time_(std::move(unix_time)),
          files_(files) {}
    std::filesystem::path file_of(const std::string& origin) const;

    std::filesystem::path folder_;
    Fd lock_;
    note::SigningKey key_;
    std::vector<note::VerifierKey> logs_;
    std::function<uint64_t()> unix_time_;
    FileSystem& files_;
    std::mutex mutex_;  // held from reading the last checkpoint to keeping the new one
};

}  // namespace upline
