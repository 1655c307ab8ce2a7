// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof/base64.h"

#include <openssl/evp.h>

#include <algorithm>

#include "events/base/check.h"

namespace upline {

std::string to_base64(std::span<const std::byte> bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(size));
    return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
    if (text.size() % 4 != 0 || text.size() > (1U << 30)) return std::nullopt;
    std::vector<std::byte> bytes(text.size() / 4 * 3);
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    // It decodes padding as zeroes, and takes spaces and stray bits.
    const auto padding = text.empty() ? 0 : std::ranges::count(text.substr(text.size() - 2), '=');
    bytes.resize(static_cast<size_t>(size) - static_cast<size_t>(std::min<ptrdiff_t>(padding, size)));
    if (to_base64(bytes) != text) return std::nullopt;
    return bytes;
}

}  // namespace upline
