// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof/proof_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/proof/base64.h"
#include "ledger/proof/checkpoint.h"

namespace upline {
namespace {

constexpr std::string_view kTlogProof = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kBalanceProof = "upline.balance-proof@v1";

std::string hash_lines(const std::vector<Hash>& hashes) {
    std::string lines;
    for (const Hash& hash : hashes) lines += to_base64(hash) + "\n";
    return lines;
}

class Lines {
  public:
    explicit Lines(std::string_view bytes) : rest_(bytes) {}

    bool at_end() const { return rest_.empty(); }
    std::string_view peek() const { return rest_.substr(0, std::min(rest_.find('\n'), rest_.size())); }
    std::string_view next() {
        const std::string_view line = peek();
        rest_.remove_prefix(std::min(line.size() + 1, rest_.size()));
        ++number_;
        return line;
    }
    std::string_view rest() const { return rest_; }
    // What is left before the next line that is `until`.
    std::string_view take_before(std::string_view until) {
        const size_t at = rest_.find(fmt::format("\n{}\n", until));
        const std::string_view taken = rest_.substr(0, at == std::string_view::npos ? rest_.size() : at + 1);
        rest_.remove_prefix(taken.size());
        number_ += static_cast<size_t>(std::ranges::count(taken, '\n'));
        return taken;
    }
    Error wrong(std::string_view expected) const {
        return {ErrorCode::kInvalid, fmt::format("line {}: expected {}", number_, expected)};
    }

    // "WORD VALUE"
    std::optional<std::string_view> value_of(std::string_view word) {
        std::string_view line = peek();
        if (!line.starts_with(word) || line.size() <= word.size() || line[word.size()] != ' ') return std::nullopt;
        line.remove_prefix(word.size() + 1);
        next();
        return line;
    }
    Result<uint64_t> number(std::string_view word) {
        const auto text = value_of(word);
        const auto value = text ? parse_whole_number(*text) : std::nullopt;
        if (!value) return wrong(fmt::format("\"{}\" and a number", word));
        return *value;
    }
    // Up to and with the empty line.
    Result<std::vector<Hash>> hashes() {
        std::vector<Hash> hashes;
        for (;;) {
            if (at_end()) return wrong("an empty line after the hashes");
            const std::string_view line = next();
            if (line.empty()) return hashes;
            const auto bytes = from_base64(line);
            if (!bytes || bytes->size() != sizeof(Hash)) return wrong("the base64 of a hash, or an empty line");
            if (hashes.size() == kMaxProofHashes) return wrong(fmt::format("at most {} hashes", kMaxProofHashes));
            std::ranges::copy(*bytes, hashes.emplace_back().begin());
        }
    }

  private:
    std::string_view rest_;
    size_t number_ = 0;
};

Result<TlogProof> parse_tlog_proof(Lines& lines) {
    TlogProof proof;
    if (lines.next() != kTlogProof) return lines.wrong(fmt::format("\"{}\"", kTlogProof));
    if (const auto extra = lines.value_of("extra")) {
        const auto bytes = from_base64(*extra);
        if (!bytes) return lines.wrong("base64 after \"extra\"");
        proof.extra = *bytes;
    }
    UPLINE_TRY_ASSIGN(proof.index, lines.number("index"));
    UPLINE_TRY_ASSIGN(proof.hashes, lines.hashes());
    proof.checkpoint = lines.take_before(kTlogProof);
    if (proof.checkpoint.empty()) return lines.wrong("a checkpoint");
    return proof;
}

Status check_size(std::string_view bytes) {
    if (bytes.size() <= kMaxProofBytes) return ok_status();
    return Error{ErrorCode::kInvalid, fmt::format("more than {} bytes: no proof is as long", kMaxProofBytes)};
}

}  // namespace

std::string to_string(const TlogProof& proof) {
    return fmt::format("{}\n{}index {}\n{}\n{}", kTlogProof,
                       proof.extra.empty() ? "" : fmt::format("extra {}\n", to_base64(proof.extra)), proof.index,
                       hash_lines(proof.hashes), proof.checkpoint);
}

std::string to_string(const BalanceProof& proof) {
    return fmt::format("{}\nleaf {}\nindex {}\n{}\n", kBalanceProof, to_base64(proof.leaf), proof.index,
                       hash_lines(proof.hashes));
}

Result<ProofFile> parse_proof_file(std::string_view bytes) {
    UPLINE_TRY(check_size(bytes));
    ProofFile file;
    Lines lines(bytes);
    if (lines.peek() == kBalanceProof) {
        lines.next();
        BalanceProof& balance = file.balance.emplace();
        const auto leaf = lines.value_of("leaf");
        const auto leaf_bytes = leaf ? from_base64(*leaf) : std::nullopt;
        if (!leaf_bytes) return lines.wrong("\"leaf\" and base64");
        balance.leaf = *leaf_bytes;
        UPLINE_TRY_ASSIGN(balance.index, lines.number("index"));
        UPLINE_TRY_ASSIGN(balance.hashes, lines.hashes());
    }
    const size_t most = file.balance ? 1 : 2;
    do {
        if (file.entries.size() == most) return lines.wrong("the end of the file");
        UPLINE_TRY_ASSIGN(TlogProof proof, parse_tlog_proof(lines));
        file.entries.push_back(std::move(proof));
    } while (!lines.at_end());
    return file;
}

std::string to_string(const ConsistencyProof& proof) {
    return fmt::format("old {}\n{}\n{}", proof.old_size, hash_lines(proof.hashes), proof.checkpoint);
}

bool is_consistency_proof(std::string_view bytes) {
    return bytes.starts_with("old ");
}

Result<ConsistencyProof> parse_consistency_proof(std::string_view bytes) {
    UPLINE_TRY(check_size(bytes));
    ConsistencyProof proof;
    Lines lines(bytes);
    UPLINE_TRY_ASSIGN(proof.old_size, lines.number("old"));
    UPLINE_TRY_ASSIGN(proof.hashes, lines.hashes());
    if (proof.hashes.size() > 63) return lines.wrong("at most 63 hashes");
    proof.checkpoint = lines.rest();
    if (proof.checkpoint.empty()) return lines.wrong("a checkpoint");
    return proof;
}

}  // namespace upline
