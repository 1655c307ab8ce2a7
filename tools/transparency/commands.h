// SPDX-License-Identifier: Apache-2.0
// `upline key`, `checkpoint`, `prove`, `check`, `publish`, `cosign` and `witness`: the arguments of each.
// Each returns the exit code: 0 done, 1 a negative answer, 2 could not.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "tools/terminal/output_file.h"

namespace upline {

struct KeyNewArgs {
    std::string name;
    std::string out;
    uint32_t partitions = 1;  // how many verifier lines
    bool witness = false;
};
int key_new(const KeyNewArgs& args);

struct CheckpointArgs {
    std::string data;
    std::string key;         // empty: only show
    int64_t partition = -1;  // -1: all
    bool list = false;
    bool json = false;
};
int checkpoint(const CheckpointArgs& args);

struct ProveArgs {
    std::string what;  // entry, transaction, user-line, balance, consistency
    std::string id;
    std::string user;  // of a user-line
    std::string program = "default";
    std::string currency;  // of a balance; empty: the only one
    int64_t partition = -1;
    std::string data;
    OutputFile out;  // empty: standard output
};
int prove(const ProveArgs& args);

struct CheckArgs {
    std::string file;
    std::vector<std::string> vkeys;
    std::vector<std::string> witness_vkeys;  // all of them must have cosigned
    std::string since;                       // the earlier checkpoint of a consistency proof
    bool json = false;
};
int check(const CheckArgs& args);

struct PublishArgs {
    std::string dir;
    std::string data;
    std::string key;  // sign first; empty: publish what was signed last
    bool hashes_only = false;
    bool json = false;
};
int publish(const PublishArgs& args);

struct CosignArgs {
    std::string data;
    std::string url;
    std::vector<std::string> vkeys;  // of the witness
    int64_t partition = -1;
};
int cosign(const CosignArgs& args);

struct WitnessArgs {
    std::string key;
    std::vector<std::string> logs;  // verifier lines, or files of them
    std::string state;
    std::string listen = "127.0.0.1:7380";
};
// Serves until it is asked to stop.
int witness(const WitnessArgs& args, std::stop_token stop);

}  // namespace upline
