// SPDX-License-Identifier: Apache-2.0
#include "tools/payouts/pain001.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <pugixml.hpp>
#include <sstream>

#include "events/base/int128.h"
#include "events/base/text.h"
#include "events/json_reader.h"
#include "events/values/money.h"
#include "events/values/time.h"

namespace upline {
namespace {

constexpr size_t kMaxId = 35;    // Max35Text
constexpr size_t kMaxName = 70;  // of SEPA; the schema takes 140

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter_or_digit(char c) {
    return is_upper(c) || is_digit(c) || (c >= 'a' && c <= 'z');
}
bool is_bank_char(char c) {
    return is_letter_or_digit(c) || std::string_view("/-?:().,'+ ").find(c) != std::string_view::npos;
}

bool is_iban(std::string_view iban) {
    constexpr size_t kShortest = 15;
    constexpr size_t kLongest = 34;
    if (iban.size() < kShortest || iban.size() > kLongest || !is_upper(iban[0]) || !is_upper(iban[1]) ||
        !is_digit(iban[2]) || !is_digit(iban[3]))
        return false;
    unsigned rest = 0;
    for (size_t i = 0; i < iban.size(); ++i) {
        const char c = iban[(i + 4) % iban.size()];  // country and check digits come last
        if (!is_upper(c) && !is_digit(c)) return false;
        rest =
            is_digit(c) ? rest * 10 + static_cast<unsigned>(c - '0') : rest * 100 + static_cast<unsigned>(c - 'A' + 10);
        rest %= 97;
    }
    return rest == 1;
}

bool is_bic(std::string_view bic) {
    if (bic.size() != 8 && bic.size() != 11) return false;
    for (size_t i = 0; i < bic.size(); ++i)
        if (!is_upper(bic[i]) && (!is_digit(bic[i]) || i == 4 || i == 5)) return false;
    return true;
}

// Letters from U+00C0 to U+017F without their accents.
constexpr std::string_view kLatin =
    "AAAAAAACEEEEIIIIDNOOOOO.OUUUUYTsaaaaaaaceeeeiiiidnooooo.ouuuuyty"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL"
    "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
static_assert(kLatin.size() == 0x180 - 0xc0);

pugi::xml_node add(pugi::xml_node parent, const char* name) {
    return parent.append_child(name);
}
void add_text(pugi::xml_node parent, const char* name, std::string_view text) {
    add(parent, name).text().set(std::string(text).c_str());
}
void add_party(pugi::xml_node parent, const char* name, const BankParty& party) {
    const pugi::xml_node node = add(parent, name);
    add_text(node, "Nm", bank_text(party.name).text);
    if (!party.country.empty()) add_text(add(node, "PstlAdr"), "Ctry", party.country);
}
void add_account(pugi::xml_node parent, const char* name, const BankParty& party) {
    add_text(add(add(parent, name), "Id"), "IBAN", party.iban);
}

std::string amount_of(const CreditTransfer& transfer) {
    return format_amount(transfer.amount, transfer.currency);
}

void add_payment(pugi::xml_node initiation, const PaymentFile& file, Currency currency,
                 const std::vector<CreditTransfer>& transfers) {
    const bool sepa = currency.text() == "EUR";
    const pugi::xml_node payment = add(initiation, "PmtInf");
    add_text(payment, "PmtInfId", bank_id(fmt::format("{}-{}", file.message_id, currency.text())));
    add_text(payment, "PmtMtd", "TRF");
    add_text(payment, "NbOfTxs", fmt::format("{}", transfers.size()));
    add_text(payment, "CtrlSum", control_sum(transfers));
    if (sepa) add_text(add(add(payment, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA");
    add_text(add(payment, "ReqdExctnDt"), "Dt", format_day(file.execution_day));
    add_party(payment, "Dbtr", file.debtor);
    add_account(payment, "DbtrAcct", file.debtor);
    const pugi::xml_node agent = add(add(payment, "DbtrAgt"), "FinInstnId");
    if (file.debtor.bic.empty())
        add_text(add(agent, "Othr"), "Id", "NOTPROVIDED");
    else
        add_text(agent, "BICFI", file.debtor.bic);
    add_text(payment, "ChrgBr", sepa ? "SLEV" : "SHAR");
    for (const CreditTransfer& transfer : transfers) {
        const pugi::xml_node node = add(payment, "CdtTrfTxInf");
        add_text(add(node, "PmtId"), "EndToEndId", end_to_end_id(transfer.payout));
        const pugi::xml_node amount = add(add(node, "Amt"), "InstdAmt");
        pugi::xml_node(amount).append_attribute("Ccy").set_value(std::string(currency.text()).c_str());
        amount.text().set(amount_of(transfer).c_str());
        if (!transfer.payee.bic.empty()) add_text(add(add(node, "CdtrAgt"), "FinInstnId"), "BICFI", transfer.payee.bic);
        add_party(node, "Cdtr", transfer.payee);
        add_account(node, "CdtrAcct", transfer.payee);
        add_text(add(node, "RmtInf"), "Ustrd", bank_text("Commissions " + file.run).text);
    }
}

}  // namespace

Status check_party(BankParty& party) {
    std::erase(party.iban, ' ');
    const auto wrong = [](std::string_view what, const std::string& text, std::string_view why) {
        return Error{ErrorCode::kInvalid, fmt::format("{}: {} {}", what, quote_for_message(text), why)};
    };
    if (party.name.empty()) return wrong("name", party.name, "is no name");
    if (!is_iban(party.iban)) return wrong("iban", party.iban, "is no IBAN: its form or check digits are wrong");
    if (!party.bic.empty() && !is_bic(party.bic)) return wrong("bic", party.bic, "is no BIC of 8 or 11 characters");
    if (!party.country.empty() &&
        (party.country.size() != 2 || !is_upper(party.country[0]) || !is_upper(party.country[1])))
        return wrong("country", party.country, "is no code of two capital letters");
    return ok_status();
}

std::string bank_id(std::string_view text) {
    if (!text.empty() && text.size() <= kMaxId && std::ranges::all_of(text, is_bank_char)) return std::string(text);
    return end_to_end_id(uuid5(kIdNamespace, fmt::format("bank-id/{}", text)));
}

std::string end_to_end_id(const Uuid& payout) {
    std::string id = to_string(payout);
    std::erase(id, '-');
    return id;
}

BankText bank_text(std::string_view text) {
    BankText out;
    for (size_t i = 0; i < text.size() && out.text.size() < kMaxName; ++i) {
        const auto byte = static_cast<uint8_t>(text[i]);
        if (byte < 0x80) {
            out.text += text[i] == '&' ? '+' : is_bank_char(text[i]) ? text[i] : '.';
        } else if (byte >= 0xc3 && byte <= 0xc5 && i + 1 < text.size()) {  // two bytes: U+00C0 to U+017F
            out.text += kLatin[static_cast<size_t>(byte - 0xc3) * 64 + (static_cast<uint8_t>(text[++i]) & 0x3f)];
        } else {
            out.text += '.';
            out.readable = false;
            while (i + 1 < text.size() && (static_cast<uint8_t>(text[i + 1]) & 0xc0) == 0x80) ++i;
        }
    }
    return out;
}

std::string control_sum(const std::vector<CreditTransfer>& transfers) {
    constexpr int kDecimals = 4;  // no currency has more
    constexpr int64_t kWhole = 10'000;
    Int128 sum = 0;
    for (const CreditTransfer& transfer : transfers) {
        Int128 amount = transfer.amount;
        for (int digit = currency_exponent(transfer.currency); digit < kDecimals; ++digit) amount *= 10;
        sum += amount;
    }
    std::string fraction = fmt::format("{:04}", static_cast<int>(sum % kWhole));
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return fmt::format("{}{}{}", sum / kWhole, fraction.empty() ? "" : ".", fraction);
}

std::string pain001_xml(const PaymentFile& file) {
    pugi::xml_document document;
    pugi::xml_node declaration = document.append_child(pugi::node_declaration);
    declaration.append_attribute("version").set_value("1.0");
    declaration.append_attribute("encoding").set_value("UTF-8");
    pugi::xml_node root = document.append_child("Document");
    root.append_attribute("xmlns").set_value("urn:iso:std:iso:20022:tech:xsd:pain.001.001.09");
    const pugi::xml_node initiation = add(root, "CstmrCdtTrfInitn");
    const pugi::xml_node header = add(initiation, "GrpHdr");
    add_text(header, "MsgId", file.message_id);
    add_text(header, "CreDtTm", format_time(file.created_us));
    add_text(header, "NbOfTxs", fmt::format("{}", file.transfers.size()));
    add_text(header, "CtrlSum", control_sum(file.transfers));
    add_text(add(header, "InitgPty"), "Nm", bank_text(file.debtor.name).text);
    std::map<Currency, std::vector<CreditTransfer>> by_currency;
    for (const CreditTransfer& transfer : file.transfers) by_currency[transfer.currency].push_back(transfer);
    for (const auto& [currency, transfers] : by_currency) add_payment(initiation, file, currency, transfers);
    std::ostringstream out;
    document.save(out, "  ", pugi::format_indent, pugi::encoding_utf8);
    return out.str();
}

}  // namespace upline
