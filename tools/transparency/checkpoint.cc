// SPDX-License-Identifier: Apache-2.0
// `upline checkpoint`: signs each partition's ledger as it is now, or shows what was signed.
#include <fmt/format.h>

#include "events/base/bytes.h"
#include "tools/queries/ledger_queries.h"
#include "tools/terminal/print.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"

namespace upline {
namespace {

void print_checkpoint(uint32_t partition, const SignedCheckpoint& signed_one, bool json) {
    if (!json) {
        fmt::print("{}", note::to_string(signed_one.note));
        return;
    }
    RowPrinter row(Format::kJsonl, stdout);
    row.number("partition", partition);
    row.text("origin", signed_one.checkpoint.origin);
    row.number("size", static_cast<int64_t>(signed_one.checkpoint.size));
    row.text("root", to_hex(signed_one.checkpoint.root));
    row.text("note", note::to_string(signed_one.note));
    row.end_row();
}

Status run_checkpoint(const CheckpointArgs& args) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    UPLINE_TRY(keep_partition(shards, args.partition, args.data));
    std::vector<note::SigningKey> keys;
    if (!args.key.empty()) {
        UPLINE_TRY_ASSIGN(keys, read_signing_keys(args.key));
    }
    for (ReadShard& shard : shards) {
        Checkpoints checkpoints(args.data, shard.partition);
        if (args.list) {
            UPLINE_TRY_ASSIGN(const std::vector<uint64_t> sizes, checkpoints.sizes());
            for (const uint64_t size : sizes) {
                UPLINE_TRY_ASSIGN(const SignedCheckpoint one, checkpoints.read(size));
                print_checkpoint(shard.partition, one, args.json);
            }
            continue;
        }
        UPLINE_TRY_ASSIGN(const SignedCheckpoint now, sign_or_latest(checkpoints, *shard.store, keys));
        print_checkpoint(shard.partition, now, args.json);
    }
    return ok_status();
}

}  // namespace

int checkpoint(const CheckpointArgs& args) {
    // A changed past is a negative answer.
    return finish(run_checkpoint(args), ErrorCode::kCorrupt);
}

}  // namespace upline
