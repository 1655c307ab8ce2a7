// SPDX-License-Identifier: Apache-2.0
// Signed notes of C2SP signed-note, with Ed25519 signatures (type 0x01) and the timestamped cosignatures of witnesses
// (type 0x04, C2SP tlog-cosignature, "cosignature/v1"). Keys are written as golang.org/x/mod/sumdb/note does:
//
//     verifier line   NAME+HASH+base64(type || 32-byte public key)             HASH: 8 hex digits, the key's id
//     private key     PRIVATE+KEY+NAME+HASH+base64(type || 32-byte seed)
//
// Pure: signing with Ed25519 (RFC 8032) needs no randomness, and the time of a cosignature is given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"

namespace upline::note {

inline constexpr size_t kMaxNoteBytes = 64 << 10;
inline constexpr size_t kMaxSignatures = 64;

enum class KeyType : uint8_t { kEd25519 = 0x01, kCosignature = 0x04 };

using KeyBytes = std::array<std::byte, 32>;

struct VerifierKey {
    std::string name;
    uint32_t id = 0;
    KeyType type{};
    KeyBytes key{};
};
// kInvalid says what is wrong with the line.
Result<VerifierKey> parse_verifier_key(std::string_view line);
std::string to_line(const VerifierKey& key);

struct SigningKey {
    std::string name;
    KeyType type{};
    KeyBytes seed{};
};
Result<SigningKey> parse_signing_key(std::string_view line);
std::string to_line(const SigningKey& key);
VerifierKey verifier_of(const SigningKey& key);

// Neither empty, nor with a space, a plus or a control character.
bool is_key_name(std::string_view name);

struct Signature {
    std::string name;
    uint32_t key_id = 0;
    std::vector<std::byte> bytes;  // of a cosignature: time (u64 big-endian, seconds since 1970) and signature
    friend bool operator==(const Signature&, const Signature&) = default;
};
struct Note {
    std::string text;  // ends with a newline
    std::vector<Signature> signatures;
};
// Form only; at least one signature. kInvalid says at which line what was expected.
Result<Note> parse_note(std::string_view bytes);
// Signature lines alone, as a witness answers with.
Result<std::vector<Signature>> parse_signature_lines(std::string_view bytes);
std::string to_line(const Signature& signature);  // with its newline
std::string to_string(const Note& note);

// REQUIRES: a text that a note may have. Of a cosignature key, `unix_time` is the time it states.
Signature sign(std::string_view text, const SigningKey& key, uint64_t unix_time = 0);

struct Verified {
    const VerifierKey* key = nullptr;
    uint64_t unix_time = 0;  // of a cosignature
};
// Which of the keys have signed the note. kInvalid if none has, or if a signature that claims to be of one of them is
// wrong; signatures of other keys are passed over.
Result<std::vector<Verified>> verify(const Note& note, std::span<const VerifierKey> keys);

}  // namespace upline::note
