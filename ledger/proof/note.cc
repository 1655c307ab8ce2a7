// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof/note.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "events/base/text.h"
#include "ledger/proof/base64.h"
#include "ledger/proof/sha256.h"

namespace upline::note {
namespace {

constexpr std::string_view kPrivate = "PRIVATE+KEY+";
constexpr std::string_view kDash = "\u2014 ";
constexpr size_t kSignatureBytes = 64;
constexpr size_t kTimeBytes = 8;

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* raw(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

Error wrong(std::string message) {
    return {ErrorCode::kInvalid, std::move(message)};
}

// SHA-256(name || "\n" || type || public key), its first four bytes in big-endian order.
uint32_t key_id(std::string_view name, KeyType type, const KeyBytes& key) {
    const std::string head = fmt::format("{}\n{}", name, static_cast<char>(type));
    return load_be<uint32_t>(sha256(bytes_of(head), key).data());
}

KeyBytes public_key(const KeyBytes& seed) {
    const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(seed), seed.size()));
    KeyBytes out;
    size_t size = out.size();
    UPLINE_CHECK(
        key && EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1,
        "OpenSSL makes an Ed25519 key of any seed");
    return out;
}

// What a cosignature signs: C2SP tlog-cosignature, "Ed25519 signed message".
std::string cosigned(std::string_view text, uint64_t unix_time) {
    return fmt::format("cosignature/v1\ntime {}\n{}", unix_time, text);
}

bool is_signed(std::string_view message, std::span<const std::byte> signature, const KeyBytes& key_bytes) {
    const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(key_bytes), key_bytes.size()));
    const Context context(EVP_MD_CTX_new());
    UPLINE_CHECK(key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1,
                 "OpenSSL verifies Ed25519");
    return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(bytes_of(message)), message.size()) ==
           1;
}

uint64_t time_of(const Signature& signature) {
    return load_be<uint64_t>(signature.bytes.data());
}

std::string_view take_until(std::string_view& text, char separator) {
    const size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

// NAME+HASH+base64(type || 32 bytes): the base64 may hold a plus too.
struct KeyLine {
    std::string name;
    uint32_t id = 0;
    KeyType type{};
    KeyBytes bytes{};
};
Result<KeyLine> parse_key_line(std::string_view line) {
    KeyLine parsed;
    parsed.name = take_until(line, '+');
    const std::string_view hash = take_until(line, '+');
    if (!is_key_name(parsed.name)) return wrong("a key is NAME+HASH+BASE64, and a name has no space and no plus");
    const auto id = from_hex(hash);
    if (!id || id->size() != sizeof parsed.id) return wrong("a key's hash is 8 hex digits, in small letters");
    parsed.id = load_be<uint32_t>(id->data());
    const auto data = from_base64(line);
    if (!data || data->size() != 1 + parsed.bytes.size())
        return wrong("a key ends in the base64 of its type and 32 bytes");
    parsed.type = static_cast<KeyType>((*data)[0]);
    if (parsed.type != KeyType::kEd25519 && parsed.type != KeyType::kCosignature)
        return wrong("a key is of type 1 (Ed25519) or 4 (cosignature/v1)");
    std::copy(data->begin() + 1, data->end(), parsed.bytes.begin());
    return parsed;
}

std::string key_line(std::string_view name, uint32_t id, KeyType type, const KeyBytes& key) {
    std::vector<std::byte> data{static_cast<std::byte>(type)};
    data.insert(data.end(), key.begin(), key.end());
    return fmt::format("{}+{:08x}+{}", name, id, to_base64(data));
}

Result<Signature> parse_signature_line(std::string_view line) {
    if (!line.starts_with(kDash)) return wrong("a signature line begins with an em dash and a space");
    line.remove_prefix(kDash.size());
    Signature signature;
    signature.name = take_until(line, ' ');
    if (!is_key_name(signature.name)) return wrong("a signature line has a key's name after the dash");
    const auto data = from_base64(line);
    if (!data || data->size() <= 4) return wrong("a signature line ends in the base64 of a key id and a signature");
    signature.key_id = load_be<uint32_t>(data->data());
    signature.bytes.assign(data->begin() + 4, data->end());
    return signature;
}

}  // namespace

bool is_key_name(std::string_view name) {
    // Spaces of Unicode outside ASCII are not looked for: names of such are not met, and harm only who made them.
    return !name.empty() && is_utf8_without_nul(name) &&
           std::ranges::none_of(name, [](char c) { return (c >= 0 && c <= ' ') || c == '+' || c == 0x7f; });
}

Result<VerifierKey> parse_verifier_key(std::string_view line) {
    if (line.starts_with(kPrivate)) return wrong("this is a private key; a verifier line is wanted");
    UPLINE_TRY_ASSIGN(const KeyLine parsed, parse_key_line(line));
    if (key_id(parsed.name, parsed.type, parsed.bytes) != parsed.id)
        return wrong("the key's hash is not that of its name and key: it was not copied whole");
    return VerifierKey{parsed.name, parsed.id, parsed.type, parsed.bytes};
}

std::string to_line(const VerifierKey& key) {
    return key_line(key.name, key.id, key.type, key.key);
}

Result<SigningKey> parse_signing_key(std::string_view line) {
    if (!line.starts_with(kPrivate)) return wrong("a private key begins with PRIVATE+KEY+");
    UPLINE_TRY_ASSIGN(const KeyLine parsed, parse_key_line(line.substr(kPrivate.size())));
    if (key_id(parsed.name, parsed.type, public_key(parsed.bytes)) != parsed.id)
        return wrong("the private key's hash is not that of its name and key");
    return SigningKey{parsed.name, parsed.type, parsed.bytes};
}

std::string to_line(const SigningKey& key) {
    return std::string(kPrivate) + key_line(key.name, verifier_of(key).id, key.type, key.seed);
}

VerifierKey verifier_of(const SigningKey& key) {
    const KeyBytes bytes = public_key(key.seed);
    return {key.name, key_id(key.name, key.type, bytes), key.type, bytes};
}

Result<std::vector<Signature>> parse_signature_lines(std::string_view bytes) {
    std::vector<Signature> signatures;
    if (!bytes.empty() && bytes.back() != '\n') return wrong("signature lines end with a newline");
    while (!bytes.empty()) {
        if (signatures.size() == kMaxSignatures) return wrong(fmt::format("more than {} signatures", kMaxSignatures));
        UPLINE_TRY_ASSIGN(Signature signature, parse_signature_line(take_until(bytes, '\n')));
        signatures.push_back(std::move(signature));
    }
    return signatures;
}

Result<Note> parse_note(std::string_view bytes) {
    if (bytes.size() > kMaxNoteBytes) return wrong(fmt::format("a note of more than {} bytes", kMaxNoteBytes));
    if (!is_utf8_without_nul(bytes) ||
        std::ranges::any_of(bytes, [](char c) { return c >= 0 && c < ' ' && c != '\n'; }))
        return wrong("a note is UTF-8 without control characters");
    const size_t blank = bytes.rfind("\n\n");
    if (blank == std::string_view::npos) return wrong("a note has a text, an empty line, and signatures");
    Note note;
    note.text = bytes.substr(0, blank + 1);
    UPLINE_TRY_ASSIGN(note.signatures, parse_signature_lines(bytes.substr(blank + 2)));
    if (note.signatures.empty()) return wrong("a note has a signature");
    return note;
}

std::string to_line(const Signature& signature) {
    std::vector<std::byte> data;
    for (unsigned shift = 32; shift > 0; shift -= 8)
        data.push_back(static_cast<std::byte>(signature.key_id >> (shift - 8)));
    data.insert(data.end(), signature.bytes.begin(), signature.bytes.end());
    return fmt::format("{}{} {}\n", kDash, signature.name, to_base64(data));
}

std::string to_string(const Note& note) {
    std::string bytes = note.text + "\n";
    for (const Signature& signature : note.signatures) bytes += to_line(signature);
    return bytes;
}

Signature sign(std::string_view text, const SigningKey& signing, uint64_t unix_time) {
    UPLINE_CHECK(!text.empty() && text.back() == '\n', "a text that ends with a newline");
    const bool is_cosignature = signing.type == KeyType::kCosignature;
    const std::string message = is_cosignature ? cosigned(text, unix_time) : std::string(text);
    const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(signing.seed), signing.seed.size()));
    const Context context(EVP_MD_CTX_new());
    std::array<std::byte, kSignatureBytes> bytes;
    size_t size = bytes.size();
    UPLINE_CHECK(key && context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                     EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size,
                                    raw(bytes_of(message)), message.size()) == 1 &&
                     size == bytes.size(),
                 "OpenSSL signs with Ed25519");
    Signature signature{signing.name, verifier_of(signing).id, {}};
    if (is_cosignature) {
        signature.bytes.resize(kTimeBytes);
        store_be(unix_time, signature.bytes.data());
    }
    signature.bytes.insert(signature.bytes.end(), bytes.begin(), bytes.end());
    return signature;
}

Result<std::vector<Verified>> verify(const Note& note, std::span<const VerifierKey> keys) {
    std::vector<Verified> verified;
    for (const Signature& signature : note.signatures) {
        for (const VerifierKey& key : keys) {
            if (key.name != signature.name || key.id != signature.key_id) continue;
            const bool is_cosignature = key.type == KeyType::kCosignature;
            const size_t head = is_cosignature ? kTimeBytes : 0;
            const uint64_t time = is_cosignature && signature.bytes.size() > head ? time_of(signature) : 0;
            if (signature.bytes.size() != head + kSignatureBytes ||
                !is_signed(is_cosignature ? cosigned(note.text, time) : note.text,
                           std::span(signature.bytes).subspan(head), key.key))
                return wrong(fmt::format("the signature of {} is wrong", key.name));
            if (std::ranges::none_of(verified, [&](const Verified& known) { return known.key == &key; }))
                verified.push_back({&key, time});
        }
    }
    if (verified.empty()) return wrong("it is not signed by any of the keys that were given");
    return verified;
}

}  // namespace upline::note
