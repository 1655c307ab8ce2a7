// SPDX-License-Identifier: Apache-2.0
// `upline cosign`: asks a witness to cosign the latest checkpoint (C2SP tlog-witness), and keeps its cosignature.
#include <fmt/format.h>
#include <httplib.h>

#include "ledger/proof/proof_text.h"
#include "tools/queries/ledger_queries.h"
#include "tools/terminal/print.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"

namespace upline {
namespace {

// "http://host:port" and the path after it.
struct Address {
    std::string server;
    std::string path;
};
Result<Address> parse_address(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    const size_t scheme = url.find("://");
    if (scheme == std::string::npos || (!url.starts_with("http://") && !url.starts_with("https://")))
        return Error{ErrorCode::kInvalid, fmt::format("--witness \"{}\": give http://HOST:PORT/...", url)};
    const size_t slash = std::min(url.find('/', scheme + 3), url.size());
    return Address{url.substr(0, slash), url.substr(slash) + "/add-checkpoint"};
}

Result<SignedCheckpoint> cosign_one(ReadShard& shard, const CosignArgs& args, const Address& address,
                                    const std::vector<note::VerifierKey>& witness) {
    Checkpoints checkpoints(args.data, shard.partition);
    UPLINE_TRY_ASSIGN(const SignedCheckpoint latest, latest_and_catch_up(checkpoints, *shard.store));
    const uint64_t size = latest.checkpoint.size;
    httplib::Client client(address.server);
    client.set_connection_timeout(10);
    client.set_read_timeout(30);
    const auto failed = [&](const std::string& why) {
        return Error{ErrorCode::kUnavailable, fmt::format("witness {}: {}", args.url, why)};
    };
    // Used when the witness has cosigned another past: a negative answer.
    const auto refused = [&](const std::string& why) {
        return Error{ErrorCode::kCorrupt, fmt::format("witness {}: {}", args.url, why)};
    };
    // Asked from size 0, a witness names the size it has cosigned. It does so again only if others ask at the same
    // time.
    ConsistencyProof request{0, {}, note::to_string(latest.note)};
    for (int attempt = 0; attempt < 4; ++attempt) {
        UPLINE_TRY_ASSIGN(request.hashes, prover_of(*shard.store, size).consistency(request.old_size));
        const auto response = client.Post(address.path, to_string(request), "text/plain; charset=utf-8");
        if (!response) return failed(fmt::format("no answer ({})", httplib::to_string(response.error())));
        if (response->status == 409) {
            std::string_view body = response->body;
            if (body.ends_with('\n')) body.remove_suffix(1);
            const auto old_size = parse_whole_number(body);
            if (!old_size || *old_size == request.old_size)
                return refused(
                    fmt::format("it refuses this checkpoint (409 {}): it has cosigned another past of this "
                                "log",
                                printable(response->body.substr(0, 200))));
            if (*old_size > size)
                return failed(
                    fmt::format("it has cosigned {} entries, the latest checkpoint here is of {}; sign a new "
                                "one with `upline checkpoint`, unless this ledger was set back",
                                *old_size, size));
            request.old_size = *old_size;
            continue;
        }
        if (response->status == 422)
            return refused(fmt::format("it answers 422: {}", printable(response->body.substr(0, 200))));
        if (response->status != 200)
            return failed(fmt::format("it answers {}: {}", response->status, printable(response->body.substr(0, 200))));
        const auto signatures = note::parse_signature_lines(response->body);
        if (!signatures.ok()) return failed(signatures.error().message);
        // Other signatures in the answer are dropped.
        SignedCheckpoint cosigned = latest;
        bool any = false;
        for (const note::Signature& signature : *signatures) {
            if (!note::verify({latest.note.text, {signature}}, witness).ok()) continue;
            UPLINE_TRY_ASSIGN(cosigned, checkpoints.add_signature(size, signature));
            any = true;
        }
        if (!any) return failed("its answer holds no cosignature of the --witness-vkey");
        return cosigned;
    }
    return failed("it names another size each time it is asked");
}

Status cosign_all(const CosignArgs& args) {
    UPLINE_TRY_ASSIGN(const Address address, parse_address(args.url));
    UPLINE_TRY_ASSIGN(const std::vector<note::VerifierKey> witness, read_verifier_keys(args.vkeys));
    for (const note::VerifierKey& key : witness)
        if (key.type != note::KeyType::kCosignature)
            return Error{ErrorCode::kInvalid, fmt::format("{} is no witness's key (type 4)", key.name)};
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    UPLINE_TRY(keep_partition(shards, args.partition, args.data));
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(const SignedCheckpoint cosigned, cosign_one(shard, args, address, witness));
        fmt::print("{}", note::to_string(cosigned.note));
    }
    return ok_status();
}

}  // namespace

int cosign(const CosignArgs& args) {
    return finish(cosign_all(args), ErrorCode::kCorrupt);
}

}  // namespace upline
