// SPDX-License-Identifier: Apache-2.0
// `upline witness`: serves add-checkpoint over HTTP. cpp-httplib speaks HTTP, small and packaged by Debian; TLS is for
// a proxy in front.
#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <thread>

#include "tools/terminal/log_line.h"
#include "tools/terminal/print.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"
#include "tools/transparency/witness.h"

namespace upline {
namespace {

constexpr size_t kMaxBytes = 128 << 10;

Status serve(const WitnessArgs& args, std::stop_token stop) {
    UPLINE_TRY_ASSIGN(const std::vector<note::SigningKey> keys, read_signing_keys(args.key));
    const note::SigningKey& key = keys.front();
    UPLINE_TRY_ASSIGN(const std::vector<note::VerifierKey> logs, read_verifier_keys(args.logs));
    const auto now = [] {
        return static_cast<uint64_t>(
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
                .count());
    };
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Witness> witness, Witness::open(args.state, key, logs, now));
    const size_t colon = args.listen.rfind(':');
    int port = -1;
    if (colon != std::string::npos)
        std::from_chars(args.listen.data() + colon + 1, args.listen.data() + args.listen.size(), port);
    if (colon == std::string::npos || port < 0 || port > 65'535)
        return Error{ErrorCode::kInvalid, fmt::format("--listen \"{}\": give HOST:PORT", args.listen)};
    const std::string host = args.listen.substr(0, colon);

    httplib::Server server;
    server.set_payload_max_length(kMaxBytes);
    server.Post("/add-checkpoint",
                [&](const httplib::Request&, httplib::Response& response, const httplib::ContentReader& content) {
                    // Counted here: the library's limit does not hold for compressed bodies and those of unknown
                    // length.
                    std::string body;
                    const bool whole = content([&body](const char* data, size_t size) {
                        if (body.size() + size > kMaxBytes) return false;
                        body.append(data, size);
                        return true;
                    });
                    if (!whole) {
                        response.status = 413;
                        return;
                    }
                    const Witness::Answer answer = witness->add_checkpoint(body);
                    response.status = answer.status;
                    response.set_content(answer.body, answer.content_type);
                });
    if (port == 0)
        port = server.bind_to_any_port(host.c_str());
    else if (!server.bind_to_port(host.c_str(), port))
        port = -1;
    if (port < 0) return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot listen there", args.listen)};
    log_line(LogLevel::kInfo,
             fmt::format("witness {} for {} logs at http://{}:{}/add-checkpoint", key.name, logs.size(), host, port));
    bool ended_well = false;
    std::atomic<bool> ended = false;
    std::thread serving([&] {
        ended_well = server.listen_after_bind();
        ended = true;
    });
    const std::stop_callback stop_serving(std::move(stop), [&] {
        // A server forgets that it is stopped before it runs.
        while (!ended && !server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        server.stop();
    });
    serving.join();
    if (!ended_well) return Error{ErrorCode::kUnavailable, "the server failed"};
    return ok_status();
}

}  // namespace

int witness(const WitnessArgs& args, std::stop_token stop) {
    const Status served = serve(args, std::move(stop));
    return served.ok() ? kExitDone : print_error(served.error());
}

}  // namespace upline
