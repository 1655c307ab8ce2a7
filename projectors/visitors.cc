// SPDX-License-Identifier: Apache-2.0
#include "projectors/visitors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

namespace upline {
namespace {

static_assert(std::endian::native == std::endian::little, "tokens are written as they lie in memory");

constexpr char kExactForm = 0;
constexpr char kRegisterForm = 1;
constexpr unsigned kRankBits = 64 - VisitorSet::kRegisterBits;
constexpr unsigned kMaxRank = kRankBits + 1;

// The two series of the estimator below. Both stop when another term changes nothing.
double sigma(double x) {
    double power = 1;
    double sum = x;
    for (double before = -1; sum != before;) {
        x *= x;
        before = sum;
        sum += x * power;
        power += power;
    }
    return sum;
}

double tau(double x) {
    if (x == 0 || x == 1) return 0;
    double power = 1;
    double sum = 1 - x;
    for (double before = -1; sum != before;) {
        x = std::sqrt(x);
        before = sum;
        power *= 0.5;
        sum -= (1 - x) * (1 - x) * power;
    }
    return sum / 3;
}

}  // namespace

uint64_t mix_token(uint64_t token) {
    token += 0x9e3779b97f4a7c15;
    token = (token ^ token >> 30) * 0xbf58476d1ce4e5b9;
    token = (token ^ token >> 27) * 0x94d049bb133111eb;
    return token ^ token >> 31;
}

std::optional<VisitorSet> VisitorSet::decode(std::string_view value) {
    if (value.empty()) return std::nullopt;
    const char form = value.front();
    value.remove_prefix(1);
    VisitorSet set;
    if (form == kExactForm) {
        if (value.size() % 8 != 0 || value.size() / 8 > kMaxExact) return std::nullopt;
        set.tokens_.resize(value.size() / 8);
        if (!value.empty()) std::memcpy(set.tokens_.data(), value.data(), value.size());
        if (std::ranges::adjacent_find(set.tokens_, std::greater_equal<>{}) != set.tokens_.end()) return std::nullopt;
        return set;
    }
    if (form != kRegisterForm || value.size() != kRegisters) return std::nullopt;
    set.registers_.assign(value.begin(), value.end());
    if (std::ranges::any_of(set.registers_, [](uint8_t rank) { return rank > kMaxRank; })) return std::nullopt;
    return set;
}

std::string VisitorSet::encode() const {
    std::string out(1, exact() ? kExactForm : kRegisterForm);
    if (exact())
        out.append(reinterpret_cast<const char*>(tokens_.data()), tokens_.size() * 8);
    else
        out.append(registers_.begin(), registers_.end());
    return out;
}

void VisitorSet::unite(std::span<const uint64_t> tokens) {
    if (!exact()) {
        for (const uint64_t token : tokens) register_token(token);
        return;
    }
    std::vector<uint64_t> both;
    both.reserve(tokens_.size() + tokens.size());
    std::ranges::set_union(tokens_, tokens, std::back_inserter(both));
    tokens_ = std::move(both);
    if (tokens_.size() > kMaxExact) leave_exact();
}

void VisitorSet::unite(const VisitorSet& other) {
    if (other.exact()) return unite(other.tokens_);
    if (exact()) leave_exact();
    for (size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

void VisitorSet::leave_exact() {
    registers_.resize(kRegisters);
    for (const uint64_t token : tokens_) register_token(token);
    tokens_.clear();
}

void VisitorSet::register_token(uint64_t token) {
    const uint64_t mixed = mix_token(token);
    // The bit below the last of the rank's ends the run of zeros.
    const uint64_t rest = mixed << kRegisterBits | uint64_t{1} << (kRegisterBits - 1);
    uint8_t& rank = registers_[mixed >> kRankBits];
    rank = std::max(rank, static_cast<uint8_t>(std::countl_zero(rest) + 1));
}

// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6. Unlike the first
// estimator it needs neither a table of corrections nor a switch to another formula for small sets: sigma of the share
// of empty registers is what linear counting would do.
uint64_t VisitorSet::count() const {
    if (exact()) return tokens_.size();
    std::array<unsigned, kMaxRank + 1> registers_of_rank{};
    for (const uint8_t rank : registers_) ++registers_of_rank[rank];
    constexpr auto kAll = static_cast<double>(kRegisters);
    double z = kAll * tau(1 - registers_of_rank[kMaxRank] / kAll);
    for (unsigned rank = kMaxRank - 1; rank >= 1; --rank) z = (z + registers_of_rank[rank]) / 2;
    if (registers_of_rank[0] == kRegisters) return 0;
    z += kAll * sigma(registers_of_rank[0] / kAll);
    return static_cast<uint64_t>(std::llround(kAll * kAll / (2 * std::numbers::ln2 * z)));
}

}  // namespace upline
