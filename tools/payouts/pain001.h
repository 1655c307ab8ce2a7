// SPDX-License-Identifier: Apache-2.0
// A run of payouts as a bank takes it: ISO 20022 CustomerCreditTransferInitiation, pain.001.001.09. One PmtInf for
// each currency; euro to an IBAN is SEPA. Written by pugixml, since a bank's parser forgives nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "events/values/currency.h"
#include "events/values/uuid.h"

namespace upline {

// Accounts of people and firms. They come from files of the operator's, and go nowhere but into the bank's file.
struct BankParty {
    std::string name;
    std::string iban;
    std::string bic;      // may be empty
    std::string country;  // ISO 3166-1 alpha-2; may be empty
};
// kInvalid if a bank would refuse it: a name missing, an IBAN whose check digits (ISO 7064 MOD 97-10) are wrong, a BIC
// or country of another form. Spaces in the IBAN are taken out.
Status check_party(BankParty& party);

struct CreditTransfer {
    Uuid payout;
    int64_t amount = 0;  // minor units, above 0
    Currency currency;
    BankParty payee;
};

struct PaymentFile {
    std::string message_id;  // at most 35 characters
    std::string run;
    int64_t created_us = 0;
    int64_t execution_day = 0;  // since 1970-01-01
    BankParty debtor;
    std::vector<CreditTransfer> transfers;  // in the order in which they are written
};
std::string pain001_xml(const PaymentFile& file);

// The text itself if a bank takes it as an id (1 to 35 of its letters), else 32 hex digits of its UUIDv5.
std::string bank_id(std::string_view text);
// A payout's EndToEndId: its UUID as 32 hex digits.
std::string end_to_end_id(const Uuid& payout);
// In the letters that every SEPA bank takes (EPC217-08): Latin letters lose their accents, & is +, other signs are
// dots. At most 70 characters. Not readable: a letter of another script is in it, and would be lost.
struct BankText {
    std::string text;
    bool readable = true;
};
BankText bank_text(std::string_view text);
// The plain sum of amounts, whatever their currencies, as a decimal string: what CtrlSum is.
std::string control_sum(const std::vector<CreditTransfer>& transfers);

}  // namespace upline
