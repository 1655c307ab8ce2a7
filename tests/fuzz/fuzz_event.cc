// SPDX-License-Identifier: Apache-2.0
// Records of a log: what decodes says the same again after it was written as a record, and as JSON.
#include <memory>
#include <string>

#include "events/json_reader.h"
#include "events/json_writer.h"
#include "events/record_reader.h"
#include "events/record_writer.h"
#include "tests/events/random_events.h"
#include "tests/fuzz/fuzz.h"

using namespace upline;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto copy = std::make_unique<std::byte[]>(size);  // aligned as a log's records are
    if (size > 0) std::memcpy(copy.get(), data, size);
    const std::span<const std::byte> value(copy.get(), size);
    const DecodedRecord record = decode_record(value);
    if (record.malformed) return 0;
    const Event& event = record.event;
    const std::string told = testing::describe(event);

    // To rules that know fewer types it is an event all the same.
    const DecodedRecord earlier = decode_record(value, 13);
    UPLINE_CHECK(!earlier.malformed && earlier.event.type == event.type, "malformed under all rules or under none");
    UPLINE_CHECK((event.payload.index() == 0) == (event.type > kLastEventType), "a payload of each known type");
    if (event.payload.index() == 0) return 0;

    RecordWriter writer;
    const std::span<const std::byte> written = writer.encode(event);
    // In the input parts may lie over each other; written they do not.
    if (written.size() <= kMaxRecordBytes) {
        const DecodedRecord again = decode_record(written);
        UPLINE_CHECK(!again.malformed && testing::describe(again.event) == told, "a record says what it was made of");
    }
    const auto* plan = std::get_if<PlanPublished>(&event.payload);
    if (plan != nullptr && plan->level_rates.size() > kMaxJsonRates) return 0;
    std::string line;
    append_json(event, line);
    line.pop_back();
    EventParser parser;
    const Result<Event> parsed = parser.parse(line);
    UPLINE_CHECK(parsed.ok() && testing::describe(*parsed) == told, "a line says what it was made of");
    return 0;
}
