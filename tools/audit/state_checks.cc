// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/state_checks.h"

#include <fmt/format.h>

#include <cstring>

#include "events/base/int128.h"
#include "ledger/store/state_store.h"

namespace upline {
namespace {

template <class Array>
void compare_records(const char* what, const Array& stored, const Array& right, Findings& findings) {
    if (stored.size() != right.size()) {
        findings.add(std::nullopt,
                     fmt::format("stored state: {} {}s, the entries give {}", stored.size(), what, right.size()));
        return;
    }
    for (size_t i = 0; i < stored.size(); ++i) {
        const auto& is = stored[i];
        const auto& must = right[i];
        if (std::memcmp(&is, &must, sizeof is) == 0) continue;
        findings.add(std::nullopt, fmt::format("stored state: {} {} is not what the entries give", what, i));
        return;
    }
}

void compare_ids(const IdTable& stored, const IdTable& right, Findings& findings) {
    uint64_t wrong = 0;
    stored.for_each([&](const IdTable::Slot& slot) {
        if (!right.find(slot.fingerprint, [&](EntityRef thing) { return thing.word() == slot.thing; })) ++wrong;
    });
    if (wrong != 0 || stored.size() != right.size())
        findings.add(std::nullopt, fmt::format("stored state: {} ids, {} of them wrong; the entries give {}",
                                               stored.size(), wrong, right.size()));
}

}  // namespace

std::optional<std::string> compare_balances(const AuditBooks& books, const State& stored) {
    size_t found = 0;
    for (size_t i = 0; i < stored.accounts().size(); ++i) {
        const Account account = stored.accounts()[i];
        const User& user = stored.users()[account.user];
        const AuditBalance* balance = books.find(user.sequence, account.currency);
        if (balance) ++found;
        const AuditBalance sum = balance ? *balance : AuditBalance{};
        const auto differs = [&](const char* name, int64_t value, Int128 right) -> std::optional<std::string> {
            if (value == right) return std::nullopt;
            return fmt::format("balance of user {} (entry {}), {}: {} is {}, the sum of its postings {}",
                               to_string(user.id), user.sequence, account.currency.text(), name, value, right);
        };
        for (const auto& wrong :
             {differs("pending", account.pending, sum.pending), differs("available", account.available, sum.available),
              differs("reserved", account.reserved, sum.reserved), differs("paid", account.paid, sum.paid)})
            if (wrong) return wrong;
    }
    if (found != books.size()) return fmt::format("{} balances are stored, the postings make {}", found, books.size());
    return std::nullopt;
}

void check_state(const State& stored, const State& right, Findings& findings) {
    if (stored.clock_us() != right.clock_us())
        findings.add(std::nullopt, fmt::format("stored state: clock is {}, the entries give {}", stored.clock_us(),
                                               right.clock_us()));
    if (stored.rules_version() != right.rules_version())
        findings.add(std::nullopt, fmt::format("stored state: rules version {} is in force, the entries give {}",
                                               stored.rules_version(), right.rules_version()));
    if (stored.holds().all() != right.holds().all())
        findings.add(std::nullopt,
                     "stored state: the sales that are held are not those the entries and the clock give");
    compare_records("program", stored.programs(), right.programs(), findings);
    compare_records("user", stored.users(), right.users(), findings);
    compare_records("website", stored.websites(), right.websites(), findings);
    compare_records("account", stored.accounts(), right.accounts(), findings);
    compare_records("book", stored.books(), right.books(), findings);
    compare_records("plan", stored.plans(), right.plans(), findings);
    compare_records("payout", stored.payouts(), right.payouts(), findings);
    compare_records("refunded sale", stored.refunded_sales(), right.refunded_sales(), findings);
    compare_ids(stored.ids(), right.ids(), findings);
}

Status check_entity_ids(const Store& store, const StoredKind& stored, const State& right, Findings& findings) {
    uint64_t wrong = 0;
    const Status read = read_ids(store, kEntityIdsKind, stored, [&](std::span<const StoredId> ids) {
        for (const StoredId& id : ids)
            if (!right.ids().find(id.fingerprint, [&](EntityRef thing) {
                    return thing.kind() != EntityKind::kOther && right.sequence_of(thing) == id.sequence;
                }))
                ++wrong;
    });
    if (!read.ok()) return findings.add_or_fail(std::nullopt, read.error());
    // None is there twice, so as many as there are things are all of them.
    const uint64_t things = right.users().size() + right.websites().size() + right.payouts().size();
    if (wrong != 0 || stored.records != things)
        findings.add(std::nullopt,
                     fmt::format("stored state: {} ids of users, websites and payouts to look up, {} of them wrong; "
                                 "the entries give {}",
                                 stored.records, wrong, things));
    return ok_status();
}

}  // namespace upline
