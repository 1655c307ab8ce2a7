// SPDX-License-Identifier: Apache-2.0
#include "events/base/byte_reader.h"

#include <fmt/format.h>

namespace upline {

Status ByteReader::status(const char* end) {
    expect(position_ == bytes_.size(), end);
    if (!fault_) return ok_status();
    return Error{ErrorCode::kCorrupt, fmt::format("at byte {} of {}: expected {}", fault_at_, bytes_.size(), fault_)};
}

}  // namespace upline
