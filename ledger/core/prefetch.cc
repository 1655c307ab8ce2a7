// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/prefetch.h"

namespace upline {

// Hashes each name once and asks for the cache lines that deciding will touch, step by step for the whole block, so
// that its events wait for memory together and not one after another: the table's slots, the users behind them, then
// each level of their uplines and the accounts. Each step is a short loop, of which a processor has many rounds in hand
// at once. Nothing is decided here, and a user of the same block who is not there yet is passed over.
void Prefetch::fetch(std::span<const Input> inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].record.malformed) continue;
        const Event& event = inputs[i].record.event;
        if (event.program != last_program_) {
            last_program_ = event.program;
            last_program_hash_ = IdTable::program_hash(event.program);
            last_program_index_ = kNoIndex;
        }
        IdHashes& names = names_[i];
        names.program_hash = last_program_hash_;
        names.id = IdTable::fingerprint(names.program_hash, event.id);
        names.refs = {};
        size_t next = 0;
        for_each_ref(event.payload, [&](const auto& ref) {
            const size_t k = next++;
            if (!ref.id.is_nil()) names.refs[k] = IdTable::fingerprint(names.program_hash, ref.id);
        });
    }
    for (const IdHashes& names : std::span(names_).first(inputs.size())) {
        state_.ids().fetch(names.id);
        for (const uint64_t ref : names.refs)
            if (ref != 0) state_.ids().fetch(ref);
    }

    std::array<UserIndex, kBlock> members;
    size_t count = 0;
    const HotColdArray<User>& users = state_.users();
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].record.malformed) continue;
        if (!std::holds_alternative<TransactionRecorded>(inputs[i].record.event.payload)) continue;
        const EntityRef buyer = state_.ids().find(names_[i].refs[0], [](EntityRef) { return true; });
        if (buyer.kind() != EntityKind::kUser) continue;
        members[count++] = UserIndex(buyer.number());
        users.prefetch_hot(buyer.number());
        users.prefetch_cold(buyer.number());
    }
    for (unsigned level = 0; level <= kMaxLevels && count > 0; ++level) {
        size_t kept = 0;
        for (size_t i = 0; i < count; ++i) {
            const User::Hot& user = users.hot(members[i]);
            if (level > 0 && user.first_account != kNoIndex) state_.accounts().prefetch_hot(user.first_account);
            if (user.referrer != kNoIndex) members[kept++] = user.referrer;
        }
        count = kept;
    }
}

ProgramIndex Prefetch::find_program(std::string_view name) {
    if (name != last_program_) return state_.find_program(name);
    if (last_program_index_ == kNoIndex) last_program_index_ = state_.find_program(name);
    return last_program_index_;
}

}  // namespace upline
