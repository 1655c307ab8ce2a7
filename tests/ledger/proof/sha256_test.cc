// SPDX-License-Identifier: Apache-2.0
// Every way of hashing that this CPU has: NIST's examples, and OpenSSL's EVP interface on messages of all lengths.
#include "ledger/proof/sha256.h"
#include "events/base/bytes.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>
#include <string>
#include <vector>

namespace upline {
namespace {

using Message = std::span<const std::byte>;

Hash by_openssl(Message message, std::optional<std::byte> prefix) {
    std::vector<std::byte> whole;
    if (prefix) whole.push_back(*prefix);
    whole.insert(whole.end(), message.begin(), message.end());
    Hash hash;
    unsigned size = 0;
    EXPECT_EQ(EVP_Digest(whole.data(), whole.size(), reinterpret_cast<unsigned char*>(hash.data()), &size, EVP_sha256(),
                         nullptr),
              1);
    return hash;
}

TEST(Sha256, NistExamplesComeOutBesideEachOtherInEveryWay) {
    // FIPS 180-4's examples (csrc.nist.gov, "SHA256.pdf" and the additional ones): one block, two blocks, none, many.
    const std::vector<std::pair<std::string, std::string>> examples = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {std::string(1000, 'A'), "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"},
        {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {std::string(55, '\0'), "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
        {std::string(56, '\0'), "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
        {std::string(64, '\0'), "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
    };
    std::vector<Message> messages;
    for (size_t i = 0; i < 5 * examples.size(); ++i)
        messages.push_back(std::as_bytes(std::span(examples[i % examples.size()].first)));
    for (const Sha256Way& way : sha256_ways()) {
        std::vector<Hash> hashes(messages.size());
        way.hash(messages, hashes, {});
        for (size_t i = 0; i < hashes.size(); ++i)
            EXPECT_EQ(to_hex(hashes[i]), examples[i % examples.size()].second) << way.name << ", message " << i;
    }
}

TEST(Sha256, EveryLengthIsHashedAsByOpenSsl) {
    std::vector<std::byte> bytes(1100);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 + i / 256);
    std::vector<Message> messages;
    for (size_t size = 0; size <= bytes.size(); ++size) messages.push_back(std::span(bytes).first(size));
    for (const Sha256Way& way : sha256_ways())
        for (const std::optional<std::byte> prefix : {std::optional<std::byte>(), std::optional(std::byte{0xa5})}) {
            std::vector<Hash> hashes(messages.size());
            way.hash(messages, hashes, prefix);
            for (size_t i = 0; i < hashes.size(); ++i)
                ASSERT_EQ(hashes[i], by_openssl(messages[i], prefix)) << way.name << ", " << i << " bytes";
        }
}

// Each message lies in memory of its own, of exactly its size, so that a sanitizer sees a byte read beside it.
TEST(Sha256, AnyMessagesInAnyNumberAreHashedAsByOpenSsl) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 300; ++round) {
        const size_t count = random() % (round % 10 == 0 ? 500 : 50);
        const size_t longest = random() % 4 == 0 ? 3000 : random() % 2 == 0 ? 600 : 150;
        std::vector<std::vector<std::byte>> memory(count);
        std::vector<Message> messages;
        for (std::vector<std::byte>& bytes : memory) {
            const size_t offset = random() % 9;  // any alignment
            bytes.resize(offset + random() % (longest + 1));
            for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
            messages.push_back(std::span(bytes).subspan(offset));
        }
        const auto prefix = random() % 3 == 0 ? std::nullopt : std::optional(static_cast<std::byte>(random()));
        std::vector<Hash> right;
        right.reserve(messages.size());
        for (const Message message : messages) right.push_back(by_openssl(message, prefix));
        for (const Sha256Way& way : sha256_ways()) {
            std::vector<Hash> hashes(count);
            way.hash(messages, hashes, prefix);
            ASSERT_EQ(hashes, right) << way.name << ", " << count << " messages of up to " << longest << " bytes";
        }
        std::vector<Hash> hashes(count);
        sha256_many(messages, hashes, prefix);
        ASSERT_EQ(hashes, right);
    }
}

TEST(Sha256, OpenSslIsAlwaysTheLastWay) {
    ASSERT_FALSE(sha256_ways().empty());
    EXPECT_EQ(sha256_ways().back().name, "OpenSSL");
}

}  // namespace
}  // namespace upline
