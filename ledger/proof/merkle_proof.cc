// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof/merkle_proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "events/base/check.h"

namespace upline::merkle {
namespace {

// The largest power of two smaller than n. REQUIRES: n > 1.
uint64_t split_of(uint64_t n) {
    return std::bit_floor(n - 1);
}

}  // namespace

Result<const Tile*> Prover::tile(unsigned level, uint64_t index) {
    const auto known = tiles_.find({level, index});
    if (known != tiles_.end()) return &known->second;
    UPLINE_TRY_ASSIGN(Tile read, read_(level, index));
    if (read.hashes.size() < tile_width(size_, level, index))
        return Error{ErrorCode::kCorrupt,
                     fmt::format("tile {}/{} has {} hashes, a tree of {} entries wants {}", level, index,
                                 read.hashes.size(), size_, tile_width(size_, level, index))};
    return &tiles_.emplace(std::pair(level, index), std::move(read)).first->second;
}

// The perfect subtree of 2^height leaves.
Result<Hash> Prover::subtree(unsigned height, uint64_t index) {
    const unsigned level = std::min(height / kTileHeight, kTileLevels - 1);
    const unsigned above = height - level * kTileHeight;  // the tile's own hashes
    const uint64_t first = index << above;
    UPLINE_TRY_ASSIGN(const Tile* from, tile(level, first / kTileWidth));
    const auto hashes = std::span(from->hashes).subspan(first % kTileWidth, size_t{1} << above);
    return root_of({hashes.begin(), hashes.end()});
}

Result<Hash> Prover::hash_of(uint64_t begin, uint64_t end) {
    const uint64_t count = end - begin;
    if (std::has_single_bit(count)) {
        const auto height = static_cast<unsigned>(std::countr_zero(count));
        return subtree(height, begin >> height);
    }
    const uint64_t middle = begin + split_of(count);
    UPLINE_TRY_ASSIGN(const Hash left, hash_of(begin, middle));
    UPLINE_TRY_ASSIGN(const Hash right, hash_of(middle, end));
    return node_hash(left, right);
}

Result<Hash> Prover::root() {
    if (size_ == 0) return empty_root();
    return hash_of(0, size_);
}

Result<std::vector<Hash>> Prover::inclusion(uint64_t index) {
    UPLINE_CHECK(index < size_, "an entry of the tree");
    std::vector<Hash> path;
    uint64_t begin = 0;
    for (uint64_t end = size_; end - begin > 1;) {
        const uint64_t middle = begin + split_of(end - begin);
        if (index < middle) {
            UPLINE_TRY_ASSIGN(const Hash right, hash_of(middle, end));
            path.push_back(right);
            end = middle;
        } else {
            UPLINE_TRY_ASSIGN(const Hash left, hash_of(begin, middle));
            path.push_back(left);
            begin = middle;
        }
    }
    std::ranges::reverse(path);
    return path;
}

Result<std::vector<Hash>> Prover::consistency(uint64_t old_size) {
    UPLINE_CHECK(old_size <= size_, "a tree no larger than this one");
    std::vector<Hash> proof;
    if (old_size == 0 || old_size == size_) return proof;
    // SUBPROOF(m, D, b): what is left to prove is of D[begin, end), of which the old tree had [begin, old_size).
    uint64_t begin = 0;
    uint64_t end = size_;
    while (old_size != end) {
        const uint64_t middle = begin + split_of(end - begin);
        if (old_size <= middle) {
            UPLINE_TRY_ASSIGN(const Hash right, hash_of(middle, end));
            proof.push_back(right);
            end = middle;
        } else {
            UPLINE_TRY_ASSIGN(const Hash left, hash_of(begin, middle));
            proof.push_back(left);
            begin = middle;
        }
    }
    if (begin != 0) {
        UPLINE_TRY_ASSIGN(const Hash last, hash_of(begin, end));
        proof.push_back(last);
    }
    std::ranges::reverse(proof);
    return proof;
}

bool verify_inclusion(const Hash& leaf, uint64_t index, uint64_t size, std::span<const Hash> proof, const Hash& root) {
    if (index >= size) return false;
    uint64_t fn = index;
    uint64_t sn = size - 1;
    Hash r = leaf;
    for (const Hash& p : proof) {
        if (sn == 0) return false;
        if ((fn & 1) == 1 || fn == sn) {
            r = node_hash(p, r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            r = node_hash(r, p);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && r == root;
}

bool verify_consistency(uint64_t old_size, const Hash& old_root, uint64_t size, const Hash& root,
                        std::span<const Hash> proof) {
    if (old_size > size) return false;
    if (old_size == size) return proof.empty() && old_root == root;
    if (old_size == 0) return proof.empty() && old_root == empty_root();
    std::vector<Hash> path(proof.begin(), proof.end());
    if (std::has_single_bit(old_size)) path.insert(path.begin(), old_root);
    if (path.empty()) return false;
    uint64_t fn = old_size - 1;
    uint64_t sn = size - 1;
    while ((fn & 1) == 1) {
        fn >>= 1;
        sn >>= 1;
    }
    Hash fr = path[0];
    Hash sr = path[0];
    for (const Hash& c : std::span(path).subspan(1)) {
        if (sn == 0) return false;
        if ((fn & 1) == 1 || fn == sn) {
            fr = node_hash(c, fr);
            sr = node_hash(c, sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            sr = node_hash(sr, c);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && fr == old_root && sr == root;
}

std::vector<Hash> path_of(std::vector<Hash> nodes, uint64_t index) {
    UPLINE_CHECK(index < nodes.size(), "a leaf of the tree");
    std::vector<Hash> path;
    for (; nodes.size() > 1; index /= 2) {
        if ((index ^ 1) < nodes.size()) path.push_back(nodes[index ^ 1]);
        go_up(nodes);
    }
    return path;
}

}  // namespace upline::merkle
