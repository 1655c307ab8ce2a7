// SPDX-License-Identifier: Apache-2.0
// `upline key new`: an Ed25519 pair, for signing checkpoints or for witnessing those of others.
#include <fmt/format.h>
#include <openssl/rand.h>

#include "events/base/files.h"
#include "ledger/proof/note.h"
#include "tools/terminal/print.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"

namespace upline {
Result<std::string> write_new_key(const KeyNewArgs& args) {
    if (!note::is_key_name(args.name))
        return Error{ErrorCode::kInvalid,
                     fmt::format("\"{}\" cannot be a key's name: no spaces, no plus; best the log's address without "
                                 "https://, as example.com/ledger",
                                 args.name)};
    note::SigningKey key{args.name, args.witness ? note::KeyType::kCosignature : note::KeyType::kEd25519, {}};
    if (RAND_bytes(reinterpret_cast<unsigned char*>(key.seed.data()), static_cast<int>(key.seed.size())) != 1)
        return Error{ErrorCode::kUnavailable, "the system gives no random bytes"};
    std::string public_lines;
    std::string private_lines;
    for (uint32_t partition = 0; partition < (args.witness ? 1 : args.partitions); ++partition) {
        if (!args.witness) key.name = origin_of(args.name, partition);
        public_lines += note::to_line(note::verifier_of(key)) + "\n";
        private_lines += note::to_line(key) + "\n";
    }
    // The public half is written first: no private key is left behind without its public half.
    UPLINE_TRY(write_new_file(args.out + ".pub", public_lines, 0644));
    const Status written = write_new_file(args.out, private_lines, 0600);
    if (!written.ok()) {
        FileSystem::real().unlink((args.out + ".pub").c_str());  // the first error is returned
        return written.error();
    }
    return public_lines;
}

int key_new(const KeyNewArgs& args) {
    const auto public_lines = write_new_key(args);
    if (!public_lines.ok()) return print_error(public_lines.error());
    fmt::print("{}", *public_lines);
    fmt::print(stderr, "private key in {} (keep it secret and backed up), verifier lines in {}.pub (give them away)\n",
               args.out, args.out);
    return kExitDone;
}

}  // namespace upline
