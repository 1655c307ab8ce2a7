// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ledger/proof/base64.h"

namespace upline {

std::optional<uint64_t> parse_whole_number(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || (text.size() > 1 && text[0] == '0'))
        return std::nullopt;
    return number;
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
    return fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.size, to_base64(checkpoint.root));
}

Result<Checkpoint> parse_checkpoint_text(std::string_view text) {
    const auto wrong = [](const char* expected) {
        return Error{ErrorCode::kInvalid, fmt::format("a checkpoint: expected {}", expected)};
    };
    const auto line = [&text] {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view first = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return first;
    };
    Checkpoint checkpoint;
    checkpoint.origin = line();
    if (checkpoint.origin.empty()) return wrong("the log's origin in its first line");
    const auto size = parse_whole_number(line());
    if (!size) return wrong("the tree's size in its second line");
    checkpoint.size = *size;
    const auto root = from_base64(line());
    if (!root || root->size() != checkpoint.root.size()) return wrong("the base64 of a root hash in its third line");
    std::ranges::copy(*root, checkpoint.root.begin());
    while (!text.empty())
        if (line().empty()) return wrong("no empty line among its extension lines");
    return checkpoint;
}

Result<SignedCheckpoint> parse_checkpoint(std::string_view bytes) {
    SignedCheckpoint parsed;
    UPLINE_TRY_ASSIGN(parsed.note, note::parse_note(bytes));
    UPLINE_TRY_ASSIGN(parsed.checkpoint, parse_checkpoint_text(parsed.note.text));
    return parsed;
}

}  // namespace upline
