// SPDX-License-Identifier: Apache-2.0
// Signed notes, keys, cosignatures and checkpoints: the known answers of others, and hostile bytes.
#include "ledger/proof/note.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "ledger/proof/checkpoint.h"
#include "tests/events/base/take.h"

namespace upline::note {
namespace {

// The example of golang.org/x/mod/sumdb/note.
constexpr std::string_view kPrivateKey =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr std::string_view kVerifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kText =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
constexpr std::string_view kLine =
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

SigningKey key_of(std::string name, uint8_t seed, KeyType type = KeyType::kEd25519) {
    SigningKey key{std::move(name), type, {}};
    key.seed.fill(static_cast<std::byte>(seed));
    return key;
}

TEST(GoldenNote, SignsAsTheExampleOfAnotherImplementation) {
    const SigningKey key = take(parse_signing_key(kPrivateKey));
    EXPECT_EQ(to_line(key), kPrivateKey);
    EXPECT_EQ(to_line(verifier_of(key)), kVerifier);
    EXPECT_EQ(to_line(sign(kText, key)), kLine);
    const Note note = take(parse_note(std::string(kText) + "\n" + std::string(kLine)));
    EXPECT_EQ(note.text, kText);
    const std::array keys{take(parse_verifier_key(kVerifier))};
    const auto verified = take(verify(note, keys));
    ASSERT_EQ(verified.size(), 1U);
    EXPECT_EQ(verified[0].key, &keys[0]);
}

// RFC 8032 section 7.1, test 1: the key; the cosigned message is C2SP tlog-cosignature's.
TEST(Note, ACosignatureStatesItsTimeAndSignsTheWholeText) {
    const SigningKey witness = key_of("witness.example/w1", 3, KeyType::kCosignature);
    const std::string text = "example.com/0\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    Note note{text, {sign(text, witness, 1'679'315'147)}};
    EXPECT_EQ(note.signatures[0].bytes.size(), 72U);
    const std::array keys{verifier_of(witness)};
    EXPECT_EQ(take(verify(note, keys))[0].unix_time, 1'679'315'147U);
    // It is an Ed25519 signature of the two lines and the text.
    const SigningKey plain{witness.name, KeyType::kEd25519, witness.seed};
    const Signature signature = sign("cosignature/v1\ntime 1679315147\n" + text, plain);
    EXPECT_TRUE(std::equal(signature.bytes.begin(), signature.bytes.end(), note.signatures[0].bytes.begin() + 8));
    for (size_t at = 0; at < 72; ++at) {
        note.signatures[0].bytes[at] ^= std::byte{1};
        EXPECT_FALSE(verify(note, keys).ok()) << "a changed byte " << at;
        note.signatures[0].bytes[at] ^= std::byte{1};
    }
    note.text[0] = 'x';
    EXPECT_FALSE(verify(note, keys).ok());
}

TEST(Note, IsVerifiedByKnownKeysOnlyAndAWrongSignatureOfOneIsNotPassedOver) {
    const SigningKey a = key_of("a", 1);
    const SigningKey b = key_of("b", 2);
    const std::array keys{verifier_of(a), verifier_of(b)};
    const std::string text = "text\n";
    const Note by_a{text, {sign(text, a)}};
    EXPECT_TRUE(verify(by_a, std::span(keys).first(1)).ok());
    EXPECT_FALSE(verify(by_a, std::span(keys).last(1)).ok()) << "b has not signed";
    EXPECT_FALSE(verify(by_a, {}).ok());
    const Note both{text, {sign(text, a), sign(text, b), sign(text, key_of("stranger", 3))}};
    EXPECT_EQ(take(verify(both, keys)).size(), 2U);
    Note twice{text, {sign(text, a), sign(text, a)}};
    EXPECT_EQ(take(verify(twice, keys)).size(), 1U);
    twice.signatures[1].bytes[3] ^= std::byte{1};
    EXPECT_FALSE(verify(twice, keys).ok());
    Note wrong = both;
    wrong.signatures[1] = sign("other text\n", b);
    EXPECT_FALSE(verify(wrong, keys).ok()) << "a is right, b is not";
    EXPECT_TRUE(verify(wrong, std::span(keys).first(1)).ok()) << "b is not known";
    // The same name with another key is another key.
    const std::array other{verifier_of(key_of("a", 9))};
    EXPECT_FALSE(verify(by_a, other).ok());
    EXPECT_NE(other[0].id, keys[0].id);
}

TEST(Note, ReadsNothingThatIsNoNote) {
    const std::string line(kLine);
    const std::string good = "text\n\n" + line;
    EXPECT_EQ(to_string(take(parse_note(good))), good);
    EXPECT_EQ(take(parse_note("a\n\nb\n\n" + line)).text, "a\n\nb\n") << "the last empty line ends the text";
    const std::string bad[] = {"",
                               "\n",
                               "text\n",
                               "text\n\n",
                               "text\n" + line,
                               "text\n\n" + line.substr(0, line.size() - 1),
                               "text\n\n" + line + "x\n",
                               "te\txt\n\n" + line,
                               "te\xff\n\n" + line,
                               std::string("te\0\n\n", 5) + line,
                               "text\n\n\u2014" + line.substr(4),
                               "text\n\n- PeterNeumann AAAAAAA=\n",
                               "text\n\n\u2014 PeterNeumann AAAA\n",
                               "text\n\n\u2014 Peter+Neumann AAAAAAA=\n",
                               "text\n\n\u2014  AAAAAAA=\n",
                               std::string(kMaxNoteBytes, 'a') + "\n\n" + line};
    for (const std::string& note : bad) EXPECT_FALSE(parse_note(note).ok()) << note.substr(0, 100);
    std::string many = "text\n\n";
    for (size_t i = 0; i < kMaxSignatures; ++i) many += line;
    EXPECT_TRUE(parse_note(many).ok());
    EXPECT_FALSE(parse_note(many + line).ok());
}

TEST(Keys, AreReadWholeOrNotAtAll) {
    const std::string line(kVerifier);
    for (size_t at = 0; at < line.size(); ++at)
        for (const char c : {'A', 'z', '0', '+', ' ', '\n'}) {
            std::string changed = line;
            if (changed[at] == c) continue;
            changed[at] = c;
            EXPECT_FALSE(parse_verifier_key(changed).ok()) << changed;
        }
    for (size_t size = 0; size < line.size(); ++size) EXPECT_FALSE(parse_verifier_key(line.substr(0, size)).ok());
    EXPECT_FALSE(parse_verifier_key(kPrivateKey).ok());
    EXPECT_FALSE(parse_signing_key(kVerifier).ok());
    const std::string private_line(kPrivateKey);
    for (size_t size = 0; size < private_line.size(); ++size)
        EXPECT_FALSE(parse_signing_key(private_line.substr(0, size)).ok());
    for (const char* name : {"", " ", "a b", "a+b", "a\nb", "\x7f"}) EXPECT_FALSE(is_key_name(name)) << name;
    EXPECT_TRUE(is_key_name("example.com/ledger/0"));
}

TEST(CheckpointText, IsOriginSizeAndRoot) {
    const Checkpoint checkpoint{"example.com/ledger/0", 20'852'163, sha256({})};
    const std::string text = checkpoint_text(checkpoint);
    EXPECT_EQ(text, "example.com/ledger/0\n20852163\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    EXPECT_EQ(take(parse_checkpoint_text(text)), checkpoint);
    EXPECT_EQ(take(parse_checkpoint_text(text + "an extension\n")), checkpoint);
    for (const char* bad : {"", "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", "a\n01\n", "a\n-1\n", "a\n1\n",
                            "a\n18446744073709551616\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
                            "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n", "a\n1\nAAAA\n",
                            "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n"})
        EXPECT_FALSE(parse_checkpoint_text(bad).ok()) << bad;
}

}  // namespace
}  // namespace upline::note
