// SPDX-License-Identifier: Apache-2.0
// Many messages side by side. One message is bound by the latency of its rounds, each of which waits for the one
// before; so several independent messages go through the rounds together, each in a lane of its own: 16 in the 32-bit
// words of AVX-512's registers, or two through the SHA instructions in turn. A lane whose message has ended takes the
// next one.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "ledger/proof/sha256.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

// GCC 12 raises it falsely on its own AVX-512 header (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"

namespace upline {
namespace {

void one_by_one(Messages messages, std::span<Hash> hashes, std::optional<std::byte> prefix) {
    for (size_t i = 0; i < messages.size(); ++i)
        hashes[i] = prefix ? sha256(std::span(&*prefix, 1), messages[i]) : sha256(messages[i]);
}

#if defined(__x86_64__)

constexpr size_t kBlock = 64;

// FIPS 180-4, section 5.3.3.
constexpr std::array<uint32_t, 8> kInitial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
// Section 4.2.2.
alignas(64) constexpr std::array<uint32_t, 64> kRound = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// A message on its way, block by block.
struct Lane {
    std::span<const std::byte> message;
    Hash* hash = nullptr;  // nullptr: the lane is idle
    size_t prefix = 0;     // bytes before the message: 0 or 1
    size_t at = 0;         // where the block in hand begins, counted from the prefix

    size_t size() const { return prefix + message.size(); }
    // The message is followed by a byte 0x80, zeros, and its length in 64 bits at the end of a block (section 5.1.1).
    bool has_mark() const { return size() >= at && size() < at + kBlock; }
    bool is_last() const { return size() + 1 + sizeof(uint64_t) <= at + kBlock; }
};

// A message longer than this is hashed by itself: it would go on when the other lanes have run dry.
constexpr size_t kLong = 1024;

// All messages through an engine's lanes. An engine hashes from kWorth messages on faster than one after another.
template <class Engine>
void in_lanes(Messages messages, std::span<Hash> hashes, std::optional<std::byte> prefix) {
    const std::byte prefix_byte = prefix.value_or(std::byte{});
    Engine engine;
    std::array<Lane, Engine::kLanes> lanes;
    for (size_t next = 0, busy = 0;;) {
        if (busy == 0 && messages.size() - next < Engine::kWorth)
            return one_by_one(messages.subspan(next), hashes.subspan(next), prefix);
        for (size_t i = 0; i < lanes.size() && next < messages.size(); ++i) {
            if (lanes[i].hash) continue;
            for (; next < messages.size() && messages[next].size() > kLong; ++next)
                one_by_one(messages.subspan(next, 1), hashes.subspan(next, 1), prefix);
            if (next == messages.size()) break;
            lanes[i] = {messages[next], &hashes[next], prefix ? size_t{1} : size_t{0}, 0};
            engine.begin(i);
            ++next;
            ++busy;
        }
        engine.step(lanes, prefix_byte);
        for (size_t i = 0; i < lanes.size(); ++i) {
            Lane& lane = lanes[i];
            if (lane.hash && lane.is_last()) {
                engine.end(i, *lane.hash);
                lane = {};
                --busy;
            } else {
                lane.at += kBlock;
            }
        }
    }
}

#define UPLINE_AVX512 __attribute__((target("avx512f,avx512bw")))
#define UPLINE_AVX512_INLINE UPLINE_AVX512 __attribute__((always_inline)) inline

UPLINE_AVX512_INLINE __m512i xor3(__m512i a, __m512i b, __m512i c) {
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

// The block of a lane as sixteen big-endian words. No byte beside the message is read: masked ones never fault.
UPLINE_AVX512_INLINE __m512i load_block(const Lane& lane, std::byte prefix) {
    const size_t size = lane.size();
    uint64_t mask = size >= lane.at + kBlock ? UINT64_MAX
                    : size <= lane.at        ? 0
                                             : UINT64_MAX >> (lane.at + kBlock - size);
    const bool has_prefix = lane.at < lane.prefix;
    if (has_prefix) mask &= ~uint64_t{1};
    // Not pointer arithmetic, for the block may begin before the message or behind its end.
    const auto from = reinterpret_cast<uintptr_t>(lane.message.data()) + lane.at - lane.prefix;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    __m512i block = _mm512_maskz_loadu_epi8(mask, reinterpret_cast<const void*>(from));
    if (has_prefix) block = _mm512_mask_set1_epi8(block, 1, static_cast<char>(prefix));
    if (lane.has_mark()) block = _mm512_mask_set1_epi8(block, uint64_t{1} << (size - lane.at), static_cast<char>(0x80));
    block = _mm512_shuffle_epi8(block, _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
    // The upper half of the length is zero, for no lane holds a long message.
    if (lane.is_last()) block = _mm512_mask_set1_epi32(block, 1U << 15, static_cast<int>(8 * size));
    return block;
}

// Rows become columns.
UPLINE_AVX512_INLINE void transpose(__m512i (&r)[16]) {
    __m512i t[16];
    for (size_t i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (size_t i = 0; i < 4; ++i) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
        t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
        t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
    }
    for (size_t i = 0; i < 4; ++i) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
        r[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
        r[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
        r[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
    }
}

// Section 6.2.2, step 3. Instead of handing each variable to the next one, the names go round.
template <size_t I>
UPLINE_AVX512_INLINE void round(__m512i (&s)[8], __m512i word, uint32_t constant) {
    const __m512i a = s[(0 - I) % 8];
    const __m512i b = s[(1 - I) % 8];
    const __m512i c = s[(2 - I) % 8];
    const __m512i e = s[(4 - I) % 8];
    const __m512i f = s[(5 - I) % 8];
    const __m512i g = s[(6 - I) % 8];
    __m512i& d = s[(3 - I) % 8];
    __m512i& h = s[(7 - I) % 8];
    const __m512i sum1 = xor3(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25));
    const __m512i choice = _mm512_ternarylogic_epi32(e, f, g, 0xca);
    const __m512i input = _mm512_add_epi32(word, _mm512_set1_epi32(static_cast<int>(constant)));
    const __m512i t1 = _mm512_add_epi32(_mm512_add_epi32(h, input), _mm512_add_epi32(sum1, choice));
    const __m512i sum0 = xor3(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22));
    const __m512i majority = _mm512_ternarylogic_epi32(a, b, c, 0xe8);
    d = _mm512_add_epi32(d, t1);
    h = _mm512_add_epi32(t1, _mm512_add_epi32(sum0, majority));
}

// Step 1: of the words I + 16 on, each in the place of the one sixteen before it.
template <size_t I>
UPLINE_AVX512_INLINE void schedule(__m512i (&w)[16]) {
    const __m512i next = w[(I + 1) % 16];
    const __m512i late = w[(I + 14) % 16];
    const __m512i sigma0 = xor3(_mm512_ror_epi32(next, 7), _mm512_ror_epi32(next, 18), _mm512_srli_epi32(next, 3));
    const __m512i sigma1 = xor3(_mm512_ror_epi32(late, 17), _mm512_ror_epi32(late, 19), _mm512_srli_epi32(late, 10));
    w[I] = _mm512_add_epi32(_mm512_add_epi32(w[I], w[(I + 9) % 16]), _mm512_add_epi32(sigma0, sigma1));
}

template <size_t... I>
UPLINE_AVX512_INLINE void sixteen_rounds(__m512i (&s)[8], const __m512i (&w)[16], const uint32_t* constants,
                                         std::index_sequence<I...>) {
    (round<I>(s, w[I], constants[I]), ...);
}
template <size_t... I>
UPLINE_AVX512_INLINE void sixteen_words(__m512i (&w)[16], std::index_sequence<I...>) {
    (schedule<I>(w), ...);
}

class Avx512 {
  public:
    static constexpr size_t kLanes = 16;
    static constexpr size_t kWorth = 8;
    static bool is_there() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"); }

    void begin(size_t lane) {
        for (size_t i = 0; i < 8; ++i) state_[i][lane] = kInitial[i];
    }
    void end(size_t lane, Hash& hash) const {
        for (size_t i = 0; i < 8; ++i) store_be(state_[i][lane], hash.data() + 4 * i);
    }
    UPLINE_AVX512 void step(const std::array<Lane, kLanes>& lanes, std::byte prefix) {
        __m512i w[16];
        for (size_t i = 0; i < kLanes; ++i) w[i] = load_block(lanes[i], prefix);
        transpose(w);
        __m512i s[8];
        for (size_t i = 0; i < 8; ++i) s[i] = _mm512_load_si512(state_[i].data());
        constexpr auto kSixteen = std::make_index_sequence<16>();
        sixteen_rounds(s, w, kRound.data(), kSixteen);
        for (size_t first = 16; first < 64; first += 16) {
            sixteen_words(w, kSixteen);
            sixteen_rounds(s, w, kRound.data() + first, kSixteen);
        }
        for (size_t i = 0; i < 8; ++i)
            _mm512_store_si512(state_[i].data(), _mm512_add_epi32(s[i], _mm512_load_si512(state_[i].data())));
    }

  private:
    alignas(64) std::array<std::array<uint32_t, kLanes>, 8> state_{};
};

#define UPLINE_SHA __attribute__((target("sha,sse4.1")))
#define UPLINE_SHA_INLINE UPLINE_SHA __attribute__((always_inline)) inline

// Where the block of a lane lies: in the message, or in `room` if it has more than bytes of it.
const std::byte* find_block(const Lane& lane, std::byte prefix, std::array<std::byte, kBlock>& room) {
    const size_t size = lane.size();
    if (lane.at >= lane.prefix && lane.at + kBlock <= size) return lane.message.data() + lane.at - lane.prefix;
    room.fill(std::byte{});
    const size_t first = lane.at < lane.prefix ? 1 : 0;
    if (first != 0) room[0] = prefix;
    if (lane.at + first < size) {
        const auto rest = lane.message.subspan(lane.at + first - lane.prefix);
        std::memcpy(room.data() + first, rest.data(), std::min(rest.size(), kBlock - first));
    }
    if (lane.has_mark()) room[size - lane.at] = std::byte{0x80};
    if (lane.is_last()) store_be(8 * uint64_t{size}, room.data() + kBlock - sizeof(uint64_t));
    return room.data();
}

// Of one message: the variables as the instructions want them, and the next sixteen words.
struct Rounds {
    __m128i abef;
    __m128i cdgh;
    __m128i words[4];
};

// Four rounds, and the four words that stand sixteen behind those they take.
template <size_t I>
UPLINE_SHA_INLINE void four_rounds(Rounds& r) {
    const __m128i words = r.words[I % 4];
    const __m128i input = _mm_add_epi32(words, _mm_load_si128(reinterpret_cast<const __m128i*>(&kRound[4 * I])));
    r.cdgh = _mm_sha256rnds2_epu32(r.cdgh, r.abef, input);
    r.abef = _mm_sha256rnds2_epu32(r.abef, r.cdgh, _mm_shuffle_epi32(input, 0x0e));
    if constexpr (I < 12) {
        const __m128i last = r.words[(I + 3) % 4];
        const __m128i seventh = _mm_alignr_epi8(last, r.words[(I + 2) % 4], 4);
        r.words[I % 4] =
            _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(words, r.words[(I + 1) % 4]), seventh), last);
    }
}
template <size_t... I>
UPLINE_SHA_INLINE void all_rounds(Rounds& first, Rounds& second, std::index_sequence<I...>) {
    ((four_rounds<I>(first), four_rounds<I>(second)), ...);
}

class ShaInstructions {
  public:
    static constexpr size_t kLanes = 2;
    static constexpr size_t kWorth = 2;
    static bool is_there() {
        constexpr unsigned kSha = 1U << 29;  // in EBX of leaf 7
        unsigned a = 0;
        unsigned b = 0;
        unsigned c = 0;
        unsigned d = 0;
        return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kSha) != 0;
    }

    void begin(size_t lane) {
        const auto word = [](size_t i) { return static_cast<int>(kInitial[i]); };
        state_[lane] = {_mm_setr_epi32(word(5), word(4), word(1), word(0)),
                        _mm_setr_epi32(word(7), word(6), word(3), word(2))};
    }
    void end(size_t lane, Hash& hash) const {
        alignas(16) std::array<uint32_t, 8> words;
        _mm_store_si128(reinterpret_cast<__m128i*>(words.data()), state_[lane].abef);
        _mm_store_si128(reinterpret_cast<__m128i*>(words.data() + 4), state_[lane].cdgh);
        constexpr std::array<size_t, 8> kPlaces = {3, 2, 7, 6, 1, 0, 5, 4};
        for (size_t i = 0; i < words.size(); ++i) store_be(words[kPlaces[i]], hash.data() + 4 * i);
    }
    UPLINE_SHA void step(const std::array<Lane, kLanes>& lanes, std::byte prefix) {
        Rounds rounds[kLanes];
        for (size_t i = 0; i < kLanes; ++i) {
            alignas(16) std::array<std::byte, kBlock> room;
            const auto* block = reinterpret_cast<const __m128i*>(find_block(lanes[i], prefix, room));
            rounds[i].abef = state_[i].abef;
            rounds[i].cdgh = state_[i].cdgh;
            const __m128i big_endian = _mm_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
            for (size_t j = 0; j < 4; ++j)
                rounds[i].words[j] = _mm_shuffle_epi8(_mm_loadu_si128(block + j), big_endian);
        }
        all_rounds(rounds[0], rounds[1], std::make_index_sequence<16>());
        for (size_t i = 0; i < kLanes; ++i) {
            state_[i].abef = _mm_add_epi32(state_[i].abef, rounds[i].abef);
            state_[i].cdgh = _mm_add_epi32(state_[i].cdgh, rounds[i].cdgh);
        }
    }

  private:
    struct State {
        __m128i abef;
        __m128i cdgh;
    };
    State state_[kLanes] = {};
};

#endif

std::vector<Sha256Way> ways_of_this_cpu() {
    std::vector<Sha256Way> ways;
#if defined(__x86_64__)
    if (Avx512::is_there()) ways.push_back({"AVX-512", in_lanes<Avx512>});
    if (ShaInstructions::is_there()) ways.push_back({"SHA instructions", in_lanes<ShaInstructions>});
#endif
    ways.push_back({"OpenSSL", one_by_one});
    return ways;
}

}  // namespace

std::span<const Sha256Way> sha256_ways() {
    static const std::vector<Sha256Way> ways = ways_of_this_cpu();
    return ways;
}

void sha256_many(Messages messages, std::span<Hash> hashes, std::optional<std::byte> prefix) {
    UPLINE_CHECK(messages.size() == hashes.size(), "a hash for each message");
    sha256_ways().front().hash(messages, hashes, prefix);
}

}  // namespace upline
