// SPDX-License-Identifier: Apache-2.0
// Lines given to `upline produce`: what parses says the same again as JSON and as a record, which is not malformed.
#include <string>

#include "events/base/text.h"
#include "events/json_reader.h"
#include "events/json_writer.h"
#include "events/record_reader.h"
#include "events/record_writer.h"
#include "tests/events/random_events.h"
#include "tests/fuzz/fuzz.h"

using namespace upline;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view line = fuzz::text_of(data, size);
    EventParser strict;
    const Result<Event> event = strict.parse(line);
    EventParser mapping(JsonOptions{.ids = IdForm::kUuid5});
    const Result<Event> mapped = mapping.parse(line);
    UPLINE_CHECK(!event.ok() || (mapped.ok() && testing::describe(*event) == testing::describe(*mapped)),
                 "ids that are UUIDs stay");
    if (!mapped.ok()) {
        for (const std::string& why : {event.error().message, mapped.error().message})
            UPLINE_CHECK(!why.empty() && is_utf8_without_nul(why) && why.find('\n') == std::string::npos,
                         "a reason is a line of text");
        return 0;
    }
    const std::string told = testing::describe(*mapped);

    std::string printed;
    append_json(*mapped, printed);
    printed.pop_back();
    const Result<Event> again = strict.parse(printed);
    UPLINE_CHECK(again.ok() && testing::describe(*again) == told, "a line says what it was made of");

    RecordWriter writer;
    const DecodedRecord record = decode_record(writer.encode(*mapped));
    UPLINE_CHECK(!record.malformed && testing::describe(record.event) == told,
                 "what would be malformed is refused here");
    return 0;
}
