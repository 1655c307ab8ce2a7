// SPDX-License-Identifier: Apache-2.0
// The command line of what others check: keys, checkpoints, proofs, the published tree, witnesses.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/main/id_options.h"
#include "tools/main/subcommands.h"
#include "tools/terminal/stop_signal.h"
#include "tools/transparency/commands.h"

namespace upline {
namespace {

constexpr const char* kData = "The data folder";
constexpr const char* kJson = "Print the result as JSON";
constexpr const char* kVkey = "A verifier line, or a file of them; may be repeated";

void add_vkeys(CLI::App& command, const char* name, std::vector<std::string>& vkeys, const char* help, bool required) {
    command.add_option(name, vkeys, help)->required(required)->allow_extra_args(false)->type_name("LINE|FILE");
}

}  // namespace

void add_audit(CLI::App& app, int& exit_code) {
    auto* key = app.add_subcommand("key", "Keys for signing checkpoints and for witnessing those of others");
    key->require_subcommand(1);
    const auto new_args = std::make_shared<KeyNewArgs>();
    auto* new_command = key->add_subcommand("new", "Make an Ed25519 pair; prints the public verifier lines");
    new_command
        ->add_option("name", new_args->name,
                     "The log's name, best its address without https://, as example.com/ledger; partition P is "
                     "signed as NAME/P")
        ->required();
    new_command->add_option("--out", new_args->out, "The new file of the private key; FILE.pub gets the public half")
        ->required()
        ->type_name("FILE");
    new_command->add_option("--partitions", new_args->partitions, "Verifier lines for so many partitions")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    new_command->add_flag("--witness", new_args->witness, "For cosigning other logs' checkpoints (cosignature/v1)");
    new_command->callback([new_args, &exit_code] { exit_code = key_new(*new_args); });

    const auto checkpoint_args = std::make_shared<CheckpointArgs>();
    auto* checkpoint_command =
        app.add_subcommand("checkpoint", "Sign the ledger as it is now; without --key print the latest checkpoint");
    checkpoint_command->add_option("--data", checkpoint_args->data, kData)->required();
    checkpoint_command->add_option("--key", checkpoint_args->key, "The private key file");
    checkpoint_command->add_option("--partition", checkpoint_args->partition, "Only this one")
        ->check(CLI::NonNegativeNumber);
    checkpoint_command->add_flag("--list", checkpoint_args->list, "All that were signed, oldest first");
    checkpoint_command->add_flag("--json", checkpoint_args->json, kJson);
    checkpoint_command->callback([checkpoint_args, &exit_code] { exit_code = checkpoint(*checkpoint_args); });

    const auto prove_args = std::make_shared<ProveArgs>();
    auto* prove_command = app.add_subcommand(
        "prove", "Write a proof that `upline check` and others verify offline, of what the latest checkpoint covers");
    prove_command
        ->add_option(
            "what", prove_args->what,
            "entry N, transaction ID, user-line ID (what an event posted to --user), balance USER (at the last "
            "closing), consistency OLDSIZE")
        ->required()
        ->check(CLI::IsMember({"entry", "transaction", "user-line", "balance", "consistency"}));
    prove_command->add_option("id", prove_args->id, "The number or UUID of it")->required();
    prove_command->add_option("--data", prove_args->data, kData)->required();
    prove_command->add_option("--user", prove_args->user, "Whose line, of a user-line");
    prove_command->add_option("--program", prove_args->program, "The program the ids belong to")->capture_default_str();
    prove_command->add_option("--currency", prove_args->currency, "Of a balance, if the user has several");
    prove_command->add_option("--partition", prove_args->partition, "Of an entry or a size, if there are several")
        ->check(CLI::NonNegativeNumber);
    prove_command->add_option("--out", prove_args->out.path, "A file instead of standard output")->type_name("FILE");
    prove_command->add_flag("--force", prove_args->out.force, "Replace that file if it is there");
    const auto prove_ids = add_id_form(*prove_command);
    prove_command->callback([prove_args, prove_ids, &exit_code] {
        if (prove_args->what == "user-line" && prove_args->user.empty())
            throw CLI::ValidationError("--user", "a user-line needs to know whose");
        prove_args->user = id_argument("--user", prove_args->user, "user", *prove_ids);
        if (prove_args->what == "transaction") {
            prove_args->id = id_argument("id", prove_args->id, "transaction", *prove_ids);
        } else if (prove_args->what == "balance") {
            prove_args->id = id_argument("id", prove_args->id, "user", *prove_ids);
        } else if (prove_args->what == "user-line") {
            prove_args->id = event_id_argument("id", prove_args->id, *prove_ids);
        }
        exit_code = prove(*prove_args);
    });

    const auto check_args = std::make_shared<CheckArgs>();
    auto* check_command =
        app.add_subcommand("check", "Check a proof with nothing but public keys, and say in words what it proves");
    check_command->add_option("proof", check_args->file, "The proof's file; - is standard input")->required();
    add_vkeys(*check_command, "--vkey", check_args->vkeys, kVkey, true);
    add_vkeys(*check_command, "--witness-vkey", check_args->witness_vkeys,
              "A witness that must have cosigned; may be repeated", false);
    check_command->add_option("--since", check_args->since, "The earlier checkpoint, for a consistency proof")
        ->type_name("FILE");
    check_command->add_flag("--json", check_args->json, kJson);
    check_command->callback([check_args, &exit_code] { exit_code = check(*check_args); });

    const auto publish_args = std::make_shared<PublishArgs>();
    auto* publish_command = app.add_subcommand(
        "publish", "Write the public log as static files (C2SP tlog-tiles) that any web server can serve");
    publish_command->add_option("folder", publish_args->dir, "A new folder, or one that was published to before")
        ->required();
    publish_command->add_option("--data", publish_args->data, kData)->required();
    publish_command->add_option("--key", publish_args->key, "Sign a checkpoint first; else the latest is published");
    publish_command->add_flag("--hashes-only", publish_args->hashes_only,
                              "Without the entries: docs/audit.md says what they tell");
    publish_command->add_flag("--json", publish_args->json, kJson);
    publish_command->callback([publish_args, &exit_code] { exit_code = publish(*publish_args); });

    const auto cosign_args = std::make_shared<CosignArgs>();
    auto* cosign_command =
        app.add_subcommand("cosign", "Ask a witness to cosign the latest checkpoint, and keep its cosignature");
    cosign_command->add_option("--data", cosign_args->data, kData)->required();
    cosign_command->add_option("--witness", cosign_args->url, "The witness's submission prefix")
        ->required()
        ->type_name("URL");
    add_vkeys(*cosign_command, "--witness-vkey", cosign_args->vkeys, "The witness's verifier line, or a file", true);
    cosign_command->add_option("--partition", cosign_args->partition, "Only this one")->check(CLI::NonNegativeNumber);
    cosign_command->callback([cosign_args, &exit_code] { exit_code = cosign(*cosign_args); });

    const auto witness_args = std::make_shared<WitnessArgs>();
    auto* witness_command =
        app.add_subcommand("witness", "Cosign checkpoints of other logs, each only if it extends the last (HTTP)");
    witness_command->add_option("--key", witness_args->key, "The witness's private key (`upline key new --witness`)")
        ->required()
        ->type_name("FILE");
    add_vkeys(*witness_command, "--log", witness_args->logs, "A log's verifier line, or a file; may be repeated", true);
    witness_command->add_option("--state", witness_args->state, "The folder that keeps what was cosigned")->required();
    witness_command->add_option("--listen", witness_args->listen, "Where, as HOST:PORT")->capture_default_str();
    witness_command->callback([witness_args, &exit_code] {
        const StopSignal signal;
        exit_code = witness(*witness_args, signal.token());
    });
}

}  // namespace upline
