// SPDX-License-Identifier: Apache-2.0
// Tables that `upline payouts` reads: the results of a bank, and payees. A row says the same again when it is written;
// a result that is not wrong makes an event that is not malformed; of a payee, nothing reaches the bank's file that a
// bank would refuse.
#include <algorithm>
#include <array>
#include <string>

#include "events/base/text.h"
#include "events/record_reader.h"
#include "events/record_writer.h"
#include "tests/events/random_events.h"
#include "tests/fuzz/fuzz.h"
#include "tools/payouts/csv.h"
#include "tools/payouts/pain001.h"
#include "tools/payouts/payout_result.h"

using namespace upline;

namespace {

constexpr std::array<std::string_view, 6> kPayeeColumns = {"program", "user", "name", "iban", "bic", "country"};

void check_row(const CsvRow& row, std::span<const std::string_view> columns) {
    UPLINE_CHECK(row.cells.size() == (row.wrong.empty() ? columns.size() : 0), "a row has its cells, or is wrong");
    UPLINE_CHECK(is_utf8_without_nul(row.wrong), "a reason is text");
    if (!row.wrong.empty()) return;
    std::string table;
    for (const std::string_view column : columns) table.append(table.empty() ? "" : ",").append(column);
    table += '\n';
    bool changed = false;  // an apostrophe was put before what a spreadsheet would run
    for (size_t i = 0; i < row.cells.size(); ++i) {
        const std::string& cell = row.cells[i];
        UPLINE_CHECK(is_event_text(cell), "a cell is text that an event can hold");
        changed = changed || (!cell.empty() && std::string_view("=+-@\t\r").find(cell[0]) != std::string_view::npos);
        if (i > 0) table += ',';
        append_csv_cell(cell, table);
    }
    const auto again = parse_csv(table, columns);
    UPLINE_CHECK(again.ok() && again->size() == 1, "a row that was written is read");
    UPLINE_CHECK(changed || again->front().cells == row.cells, "a row that was written says the same");
}

void check_result(const CsvRow& row) {
    const PayoutResult result = parse_payout_result(row);
    UPLINE_CHECK(is_utf8_without_nul(result.wrong), "a reason is text");
    if (!result.wrong.empty()) return;
    const Event event{
        .id = result.payout,
        .type = static_cast<uint8_t>(result.settled ? EventType::kPayoutSettled : EventType::kPayoutFailed),
        .program = kDefaultProgram,
        .occurred_at_us = 1,
        .payload = payload_of(result)};
    RecordWriter writer;
    const DecodedRecord record = decode_record(writer.encode(event));
    UPLINE_CHECK(!record.malformed && testing::describe(record.event) == testing::describe(event),
                 "a result makes an event");
}

void check_payee(const CsvRow& row) {
    if (!row.wrong.empty()) return;
    BankParty party{row.cells[2], row.cells[3], row.cells[4], row.cells[5]};
    if (!check_party(party).ok()) return;
    BankParty again = party;
    UPLINE_CHECK(check_party(again).ok() && again.iban == party.iban, "what a bank takes it takes twice");
    const BankText name = bank_text(party.name);
    UPLINE_CHECK(name.text.size() <= 70 && std::ranges::all_of(name.text, [](char c) { return c >= ' ' && c < 0x7f; }),
                 "a name in a bank's letters");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (const auto rows = parse_csv(text, kPayoutResultColumns); rows.ok()) {
        for (const CsvRow& row : *rows) {
            check_row(row, kPayoutResultColumns);
            check_result(row);
        }
    }
    if (const auto rows = parse_csv(text, kPayeeColumns); rows.ok()) {
        for (const CsvRow& row : *rows) {
            check_row(row, kPayeeColumns);
            check_payee(row);
        }
    }
    return 0;
}
