// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/outcome_text.h"

#include <fmt/format.h>

#include <array>

#include "tools/terminal/print.h"

namespace upline {
namespace {

struct Words {
    std::string_view meaning;
    std::string_view advice;
};

// By number.
constexpr std::array<Words, kLastOutcome + 1> kWords = {{
    {"it did what it says", ""},
    {"its record is no event as the schema has it",
     "Mend what produces it; `upline produce` takes events as JSON and says what is wrong with a line."},
    {"its program belongs to another partition",
     "Partition by Kafka's murmur2 of the program's name (librdkafka: partitioner=murmur2) and send it again."},
    {"an accepted event has its id and says the same", ""},
    {"an accepted event has its id and says something else", "If it is another event, send it under an id of its own."},
    {"the rules in force do not know its type", "Send it again once rules that know the type are in force."},
    {"it occurred more than 5 minutes after it was appended to the log",
     "Set the sender's clock right, and send it again with the right time."},
    {"a user cannot refer itself", "Send the signup without the referrer, or with another."},
    {"its referrer has not signed up in its program", "Send the referrer's signup first, then this event again."},
    {"its website was not made in its program", "Send WebsiteCreated first, then this event again."},
    {"its user has not signed up in its program", "Send the user's signup first, then this event again."},
    {"one of its values is none that the rules allow", "Send it again with a right value."},
    {"its transaction is none of its program", "Send the transaction first, then this event again."},
    {"it takes back more than is left of its transaction", "Refund at most what is left of it."},
    {"its user is suspended", "Send UserReinstated first, then this event again."},
    {"its amount is below the minimum of the program's plan", "Request it when more is due."},
    {"its user has less available than that", "Request at most what is available."},
    {"its payout was not requested in its program", "Send PayoutRequested first, then this event again."},
    {"its payout has that result already, or can have no such result", ""},
    {"a balance would leave the 64 bits that it has", ""},
}};

const Words& words_of(Outcome outcome) {
    return kWords.at(static_cast<size_t>(outcome));
}

// What write(name, count) says of each outcome that there is, with commas between.
template <class Write>
std::string list_counts(const OutcomeCounts& counts, Write&& write) {
    std::string text;
    for (size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        if (!text.empty()) text += ", ";
        text += write(outcome_name(static_cast<Outcome>(i)), counts[i]);
    }
    return text;
}

}  // namespace

std::string_view outcome_meaning(Outcome outcome) {
    return words_of(outcome).meaning;
}

std::string_view outcome_advice(Outcome outcome) {
    return words_of(outcome).advice;
}

std::string outcomes_text(const OutcomeCounts& counts) {
    const std::string text = list_counts(counts, [](std::string_view name, int64_t count) {
        return fmt::format("{} {}", with_commas(static_cast<uint64_t>(count)), name);
    });
    return text.empty() ? "none" : text;
}

std::string outcomes_json(const OutcomeCounts& counts) {
    return "{" +
           list_counts(counts,
                       [](std::string_view name, int64_t count) { return fmt::format("\"{}\": {}", name, count); }) +
           "}";
}

int64_t refused_in(const OutcomeCounts& counts) {
    int64_t refused = 0;
    for (size_t i = 0; i < counts.size(); ++i)
        if (is_refusal(static_cast<Outcome>(i))) refused += counts[i];
    return refused;
}

}  // namespace upline
