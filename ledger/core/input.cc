// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/input.h"

#include <algorithm>
#include <array>

#include "events/values/record_batch.h"

namespace upline {

Input read_input(std::span<const std::byte> value, int64_t append_time_ms, const Rules& rules) {
    return {decode_record(value, rules.last_type), sha256(value), append_time_ms, value, rules.version};
}

void read_inputs(std::span<const Record> records, const Rules& rules, std::vector<Input>& inputs) {
    inputs.reserve(inputs.size() + records.size());
    std::array<std::span<const std::byte>, 256> values;  // so few that decoding finds them in the cache
    std::array<Hash, values.size()> hashes;
    while (!records.empty()) {
        const auto some = records.first(std::min(records.size(), values.size()));
        records = records.subspan(some.size());
        for (size_t i = 0; i < some.size(); ++i) values[i] = some[i].value;
        sha256_many(std::span(values).first(some.size()), std::span(hashes).first(some.size()));
        for (size_t i = 0; i < some.size(); ++i)
            inputs.push_back({decode_record(values[i], rules.last_type), hashes[i], some[i].append_time_ms, values[i],
                              rules.version});
    }
}

}  // namespace upline
