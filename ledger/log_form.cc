// SPDX-License-Identifier: Apache-2.0
// The form: rocksdb/db/log_format.h. Blocks of 32 KiB; in each, records of a header (u32 checksum, u16 little-endian
// length, u8 type) and so many bytes; less than a header at a block's end is padding.
#include "ledger/log_form.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace upline {
namespace {

constexpr off_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr uint8_t kFirstRecycled = 5;
constexpr uint8_t kLastRecycled = 8;

Status check_file(const std::filesystem::path& path) {
    const auto cannot = [&path](int failure) {
        return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", path.native(), std::strerror(failure))};
    };
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return ok_status();
    if (fd < 0) return cannot(errno);
    Status status = ok_status();
    for (off_t at = 0;;) {
        if (kBlockBytes - at % kBlockBytes < static_cast<off_t>(kHeaderBytes)) at += kBlockBytes - at % kBlockBytes;
        std::array<uint8_t, kHeaderBytes> header{};
        const ssize_t got = ::pread(fd, header.data(), header.size(), at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) status = cannot(errno);
        if (got < static_cast<ssize_t>(header.size())) break;
        const uint8_t type = header[6];
        if (type >= kFirstRecycled && type <= kLastRecycled) {
            status = Error{ErrorCode::kCorrupt,
                           fmt::format("{}: byte {} is damaged, a record of type {}", path.native(), at + 6, type)};
            break;
        }
        at += static_cast<off_t>(kHeaderBytes) + header[4] + 256 * header[5];
    }
    ::close(fd);
    return status;
}

}  // namespace

Status check_log_form(const std::filesystem::path& database) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(database, error), end; !error && it != end; it.increment(error)) {
        const std::filesystem::path& path = it->path();
        if (path.extension() == ".log" || path.filename().native().starts_with("MANIFEST-"))
            UPLINE_TRY(check_file(path));
    }
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", database.native(), error.message())};
    return ok_status();
}

}  // namespace upline
