// SPDX-License-Identifier: Apache-2.0
// Base64 of RFC 4648 section 4, by OpenSSL: one text for each sequence of bytes, nothing else is read.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace upline {

std::string to_base64(std::span<const std::byte> bytes);
// nullopt unless to_base64 writes just this text.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace upline
