// SPDX-License-Identifier: Apache-2.0
// The table of currencies: ISO 4217 List One as of amendment 180, in force from 2026-01-01, and for sales of the past
// the codes that it has withdrawn since 1999. List Three, which names those, gives no exponents: they are those of the
// JDK's java.util.Currency, and a code that it does not know either (ECS, TJR ...) is left out.
//
// It is part of rules version 1: whether a code is in it decides whether an event is malformed, and its exponent what
// an amount means. Entries are never removed or changed; a code of a later amendment takes effect with a later rules
// version.
#include "events/values/currency.h"

#include <span>

#include "events/base/check.h"

namespace upline {
namespace {

struct CodesOfExponent {
    int exponent;
    std::string_view codes;
};

constexpr CodesOfExponent kList[] = {
    {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"},
    {2,
     "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
     "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
     "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
     "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
     "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"},
    {3, "BHD IQD JOD KWD LYD OMR TND"},
    {4, "CLF UYW"},
};

constexpr CodesOfExponent kWithdrawn[] = {
    {0, "ADP BEF BYB BYR ESP GRD ITL LUF MGF PTE ROL TPE TRL"},
    {2,
     "AFA ANG ATS AYM AZM BGL BGN CSD CUC CYP DEM EEK FIM FRF GHC HRK IEP LTL LVL MRO MTL MZM NLG RUR SDD SIT SKK SLL "
     "SRG STD TMM USS VEB VEF YUM ZMK ZWD ZWL ZWN ZWR"},
};

constexpr size_t kLetters = 26;
constexpr int8_t kNoCurrency = -1;

constexpr bool is_code(const char* text) {
    for (int i = 0; i < 3; ++i) {
        if (text[i] < 'A' || text[i] > 'Z') return false;
    }
    return true;
}

constexpr size_t index_of(const char* code) {
    size_t index = 0;
    for (int i = 0; i < 3; ++i) index = index * kLetters + static_cast<size_t>(code[i] - 'A');
    return index;
}

// One byte for every possible three letters, so that a lookup is one load.
constexpr auto kExponents = [] {
    std::array<int8_t, kLetters * kLetters * kLetters> exponents{};
    exponents.fill(kNoCurrency);
    const auto add = [&](std::span<const CodesOfExponent> list) {
        for (const CodesOfExponent& group : list) {
            for (size_t at = 0; at < group.codes.size(); at += 4)
                exponents[index_of(group.codes.data() + at)] = static_cast<int8_t>(group.exponent);
        }
    };
    add(kList);
    add(kWithdrawn);
    return exponents;
}();

}  // namespace

std::optional<Currency> parse_currency(std::string_view text) {
    if (text.size() != 3 || !is_code(text.data()) || kExponents[index_of(text.data())] == kNoCurrency) {
        return std::nullopt;
    }
    return Currency{{text[0], text[1], text[2]}};
}

int currency_exponent(Currency currency) {
    UPLINE_CHECK(is_code(currency.code.data()), "a currency comes from parse_currency");
    const int8_t exponent = kExponents[index_of(currency.code.data())];
    UPLINE_CHECK(exponent != kNoCurrency, "a currency comes from parse_currency");
    return exponent;
}

}  // namespace upline
