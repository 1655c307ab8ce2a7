// SPDX-License-Identifier: Apache-2.0
// The form: rocksdb/db/log_format.h. Blocks of 32 KiB; in each, records of a header (u32 checksum, u16 little-endian
// length, u8 type) and so many bytes; less than a header at a block's end is padding.
#include "ledger/store/rocksdb_log_guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

namespace upline {
namespace {

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr uint8_t kFirstRecycled = 5;
constexpr uint8_t kLastRecycled = 8;

// Where in a block, of which so much is there, a record is that harms; nullopt: nowhere.
std::optional<size_t> find_harm(std::span<const uint8_t> block) {
    for (size_t at = 0; at + kHeaderBytes <= block.size();) {
        const size_t length = block[at + 4] + size_t{256} * block[at + 5];
        const uint8_t type = block[at + 6];
        if (type >= kFirstRecycled && type <= kLastRecycled) return at;
        if (at + kHeaderBytes + length > kBlockBytes) return at;
        at += kHeaderBytes + length;
    }
    return std::nullopt;
}

Status check_file(const std::filesystem::path& path) {
    const auto cannot = [&path](int failure) {
        return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", path.native(), std::strerror(failure))};
    };
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return ok_status();
    if (fd < 0) return cannot(errno);
    Status status = ok_status();
    std::array<uint8_t, kBlockBytes> block{};
    size_t filled = 0;
    for (size_t begin = 0; status.ok();) {
        const ssize_t got =
            ::pread(fd, block.data() + filled, kBlockBytes - filled, static_cast<off_t>(begin + filled));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) status = cannot(errno);
        if (got > 0) filled += static_cast<size_t>(got);
        if (got > 0 && filled < kBlockBytes) continue;
        if (const auto at = find_harm(std::span(block).first(filled)); at && status.ok())
            status = Error{ErrorCode::kCorrupt,
                           fmt::format("{}: the record at byte {} is damaged", path.native(), begin + *at)};
        if (got <= 0) break;
        begin += kBlockBytes;
        filled = 0;
    }
    ::close(fd);
    return status;
}

}  // namespace

Status check_log_form(const std::filesystem::path& database, LogFiles files) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(database, error), end; !error && it != end; it.increment(error)) {
        const std::filesystem::path& path = it->path();
        const bool is_wanted = path.filename().native().starts_with("MANIFEST-") ||
                               (files == LogFiles::kAll && path.extension() == ".log");
        if (is_wanted) UPLINE_TRY(check_file(path));
    }
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", database.native(), error.message())};
    return ok_status();
}

}  // namespace upline
