// SPDX-License-Identifier: Apache-2.0
#include "tools/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "events/time.h"
#include "ledger/core.h"
#include "projectors/compare.h"
#include "projectors/memory_table.h"
#include "projectors/models.h"
#include "projectors/projection.h"

namespace upline {
namespace {

__extension__ using Int128 = __int128;

constexpr size_t kChunk = 4096;
constexpr size_t kMostFindings = 10;

std::string postings_text(const Entry& entry) {
    std::string text;
    for (const Posting& posting : entry.posted())
        text +=
            fmt::format("{}{} {}{}{}", text.empty() ? "" : ", ", account_name(posting.account),
                        posting.role == Role::kNone ? "" : fmt::format("{} ", role_name(posting.role)),
                        posting.user == kNoSequence ? "" : fmt::format("of entry {} ", posting.user), posting.amount);
    return text.empty() ? "none" : text;
}

// The auditor's own knowledge of people and sites, and its own arithmetic of a sale.
class Recomputation {
  public:
    struct User {
        Uuid id;
        Sequence referrer;
    };
    struct Website {
        Uuid id;
        Sequence owner;
        WebsiteStatus status;
    };

    void learn(const Entry& entry) {
        if (std::holds_alternative<UserSignedUp>(entry.payload))
            users_.emplace(entry.sequence, User{entry.id, entry.refs[0]});
        if (std::holds_alternative<WebsiteCreated>(entry.payload))
            websites_.emplace(entry.sequence, Website{entry.id, entry.refs[0], WebsiteStatus::kDraft});
        if (const auto* change = std::get_if<WebsiteStatusChanged>(&entry.payload)) {
            const auto website = websites_.find(entry.refs[0]);
            if (website != websites_.end()) website->second.status = change->status;
        }
    }

    // What is wrong with the entry's postings, or nothing.
    std::optional<std::string> check(const Entry& entry) const {
        std::vector<Posting> expected;
        if (const auto* sale = std::get_if<TransactionRecorded>(&entry.payload)) {
            if (!expect_sale(*sale, entry, expected))
                return "it names what no earlier entry made, or an amount no sale may have";
            constexpr int64_t kHoldUs = 30 * kUsPerDay;
            if (entry.maturity_us != entry.clock_us + kHoldUs)
                return fmt::format("maturity is {}, a hold of 30 days after its clock gives {}", entry.maturity_us,
                                   entry.clock_us + kHoldUs);
        }
        if (entry.plan != 0) return "it names a plan, but none was published";
        const auto same = [](const Posting& a, const Posting& b) {
            return a.account == b.account && a.role == b.role && a.user == b.user && a.amount == b.amount;
        };
        if (!std::ranges::equal(expected, entry.posted(), same)) {
            Entry right;
            right.posting_count = static_cast<uint8_t>(expected.size());
            std::copy(expected.begin(), expected.end(), right.postings.begin());
            return fmt::format("its postings are {}; its facts and the plan give {}", postings_text(entry),
                               postings_text(right));
        }
        return std::nullopt;
    }

    const User* user(Sequence sequence) const {
        const auto found = users_.find(sequence);
        return found == users_.end() ? nullptr : &found->second;
    }
    const Website* website(Sequence sequence) const {
        const auto found = websites_.find(sequence);
        return found == websites_.end() ? nullptr : &found->second;
    }

  private:
    static int64_t part(int64_t of, int64_t numerator, int64_t denominator) {
        return static_cast<int64_t>(static_cast<Int128>(of) * numerator / denominator);
    }

    bool expect_sale(const TransactionRecorded& sale, const Entry& entry, std::vector<Posting>& expected) const {
        const Sequence buyer = entry.refs[0];
        const Sequence site = entry.refs[1];
        const Sequence creator = entry.refs[2];
        if (!user(buyer) || (site != kNoSequence && !website(site)) || (creator != kNoSequence && !user(creator)))
            return false;
        if (sale.amount.value <= 0 || sale.amount.value > kAmountCap || sale.tax.value < 0 ||
            sale.tax.value > sale.amount.value)
            return false;
        constexpr int64_t kDefaultRates[] = {2000, 1500, 1000, 800, 500, 300, 200};
        constexpr int64_t kWhole = 10'000;
        int64_t house = sale.amount.value;
        const auto add = [&](AccountKind account, Role role, Sequence who, int64_t amount) {
            if (amount != 0) expected.push_back({account, role, who, amount});
            if (account != AccountKind::kSales) house -= amount;
        };
        add(AccountKind::kSales, Role::kNone, kNoSequence, -sale.amount.value);
        add(AccountKind::kTax, Role::kNone, kNoSequence, sale.tax.value);
        if (creator != kNoSequence) add(AccountKind::kEarned, Role::kCreator, creator, part(house, 5000, kWhole));
        const int64_t base = house;
        if (site != kNoSequence && website(site)->status == WebsiteStatus::kPublished && website(site)->owner != buyer)
            add(AccountKind::kEarned, Role::kWebsite, website(site)->owner, part(base, 500, kWhole));
        Sequence upline = user(buyer)->referrer;
        for (unsigned level = 1; level <= 7 && upline != kNoSequence; ++level) {
            add(AccountKind::kEarned, level_role(level), upline, part(base, kDefaultRates[level - 1], kWhole));
            const User* member = user(upline);
            if (!member) return false;
            upline = member->referrer;
        }
        const int64_t rest = house;
        add(AccountKind::kHouse, Role::kNone, kNoSequence, rest);
        return true;
    }

    std::unordered_map<Sequence, User> users_;
    std::unordered_map<Sequence, Website> websites_;
};

// The auditor's own books: every balance is the sum of postings, pending until their maturity is reached.
class OwnBooks {
  public:
    struct Balance {
        Int128 pending = 0;
        Int128 available = 0;
        Int128 reserved = 0;
        Int128 paid = 0;
    };

    void post(const Entry& entry) {
        clock_us_ = std::max(clock_us_, entry.clock_us);
        for (const Posting& posting : entry.posted()) {
            if (!is_user_account(posting.account)) continue;
            const Key key{posting.user, entry.currency.packed()};
            Balance& balance = balances_[key];
            if (posting.account == AccountKind::kReserved) balance.reserved += posting.amount;
            if (posting.account == AccountKind::kPaid) balance.paid += posting.amount;
            if (posting.account != AccountKind::kEarned) continue;
            if (entry.maturity_us == kNoMaturity) {
                balance.available += posting.amount;
            } else {
                balance.pending += posting.amount;
                held_.push_back({entry.maturity_us, key, posting.amount});
            }
        }
        // Held in the order of maturity, since there is one hold and the clock never goes back.
        for (; !held_.empty() && held_.front().maturity_us <= clock_us_; held_.pop_front()) {
            Balance& balance = balances_[held_.front().key];
            balance.pending -= held_.front().amount;
            balance.available += held_.front().amount;
        }
    }

    // The first balance of the stored ones, in their order, that is not the sum of its postings.
    std::optional<std::string> compare(const State& stored) const {
        size_t found = 0;
        for (size_t i = 0; i < stored.accounts().size(); ++i) {
            const Account& account = stored.accounts()[i];
            const User& user = stored.users()[account.user];
            const auto own = balances_.find(Key{user.sequence, account.currency.packed()});
            if (own != balances_.end()) ++found;
            const Balance sum = own == balances_.end() ? Balance{} : own->second;
            const auto differs = [&](const char* name, int64_t value, Int128 right) -> std::optional<std::string> {
                if (value == right) return std::nullopt;
                return fmt::format("balance of user {} (entry {}), {}: {} is {}, the sum of its postings {}",
                                   to_string(user.id), user.sequence, account.currency.text(), name, value, right);
            };
            for (const auto& wrong :
                 {differs("pending", account.pending, sum.pending),
                  differs("available", account.available, sum.available),
                  differs("reserved", account.reserved, sum.reserved), differs("paid", account.paid, sum.paid)})
                if (wrong) return wrong;
        }
        if (found != balances_.size())
            return fmt::format("{} balances are stored, the postings make {}", found, balances_.size());
        return std::nullopt;
    }

  private:
    struct Key {
        Sequence user;
        uint32_t currency;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        size_t operator()(const Key& key) const {
            return std::hash<uint64_t>{}(key.user * 0x9e3779b97f4a7c15U + key.currency);
        }
    };
    struct Held {
        int64_t maturity_us;
        Key key;
        int64_t amount;
    };
    std::unordered_map<Key, Balance, KeyHash> balances_;
    std::deque<Held> held_;
    int64_t clock_us_ = 0;
};

class Audit {
  public:
    Audit(ReadShard& shard, EventLog* log, const Progress& progress)
        : shard_(shard),
          store_(*shard.store),
          log_(log),
          progress_(progress),
          entries_(store_.entries()),
          walk_(store_.entries()) {}

    Result<AuditReport> report() {
        UPLINE_TRY(check_all());
        std::stable_sort(report_.findings.begin(), report_.findings.end(), [](const Finding& a, const Finding& b) {
            return a.entry.value_or(UINT64_MAX) < b.entry.value_or(UINT64_MAX);
        });
        if (!log_) {
            report_.not_checked.emplace_back(
                "without --log: that record hashes, offsets and append times are those of the log's records; that "
                "malformed, from_future and other refused events had to be refused");
            report_.not_checked.emplace_back(
                "a ledger rewritten as a whole, entries, tree and balances together, is caught only with --log or "
                "against a root known from before");
        }
        return std::move(report_);
    }

  private:
    // What is said of a ledger that somebody changed may hold bytes of theirs: none of them reaches a terminal or JSON.
    void find(std::optional<Sequence> entry, std::string what) {
        if (!entry && report_.findings.size() >= kMostFindings) return;
        for (char& c : what)
            if (c < ' ' || c > '~') c = '?';
        report_.findings.push_back({entry, std::move(what)});
    }

    std::optional<Sequence> first_wrong_entry() const {
        std::optional<Sequence> first;
        for (const Finding& finding : report_.findings)
            if (finding.entry && (!first || *finding.entry < *first)) first = finding.entry;
        return first;
    }

    Status check_all() {
        report_.partition = shard_.partition;
        Result<Position> position = store_.position();
        if (!position.ok()) return finding_or_error(std::nullopt, position.error());
        position_ = *position;
        report_.size = position_.size;
        UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> info, store_.info());
        if (!info) {
            find(std::nullopt, "the shard's identity (partition and partition count) is missing");
            return ok_status();
        }
        identity_ = info->identity;
        if (identity_.partition_count == 0) {
            find(std::nullopt, "the shard's identity says that its log has no partition");
            return ok_status();
        }
        if (identity_.partition != shard_.partition)
            find(std::nullopt, fmt::format("the ledger in the folder of partition {} says it is of partition {}",
                                           shard_.partition, identity_.partition));
        stored_state_ = store_.load_state();
        if (!stored_state_->ok()) UPLINE_TRY(finding_or_error(std::nullopt, stored_state_->error()));
        if (log_) {
            if (log_->partition_count() != identity_.partition_count) {
                find(std::nullopt, fmt::format("the ledger is of {} partitions, the log has {}",
                                               identity_.partition_count, log_->partition_count()));
                log_ = nullptr;
            } else if (!info->log_identity.empty() && !log_->identity().empty() &&
                       info->log_identity != log_->identity()) {
                find(std::nullopt, fmt::format("the ledger was made from log {}, this is log {}", info->log_identity,
                                               log_->identity()));
            }
        }
        if (log_) {
            Result<std::unique_ptr<LogReader>> reader = log_->open_reader(shard_.partition);
            if (!reader.ok()) return reader.error();
            reader_ = std::move(*reader);
        }
        core_.emplace(state_, identity_, *entries_);
        UPLINE_TRY(walk());
        if (walked_to_end_) {
            check_head();
            UPLINE_TRY(check_tiles(tree_.right_edge()));  // the walk has left the partial ones out
            UPLINE_TRY(look_behind_the_end());
        }
        return check_read_models();
    }

    // A ledger that has not come to the log's end is none the worse, but neither is it known to be all there is.
    Status look_behind_the_end() {
        if (!reader_ || first_wrong_entry()) return ok_status();
        UPLINE_TRY_ASSIGN(const bool at_end, reader_->at_end());
        if (!at_end)
            report_.not_checked.push_back(fmt::format(
                "the records of the log that follow the {} entries: they are not in the ledger; `upline run` "
                "applies them",
                position_.size));
        return ok_status();
    }

    // A thing of the ledger that cannot be read is a finding; a machine that does not work is not.
    Status finding_or_error(std::optional<Sequence> entry, const Error& error) {
        if (error.code == ErrorCode::kUnavailable) return error;
        find(entry, error.message);
        return ok_status();
    }

    // Every entry once, in chunks: form, place, hash, sums and amounts one by one, then the chunk executed anew.
    Status walk() {
        while (next_ < position_.size) {
            if (next_ == state_position()) check_state();
            const uint64_t until =
                next_ < state_position() ? std::min(position_.size, state_position()) : position_.size;
            const auto count = static_cast<size_t>(std::min<uint64_t>(kChunk, until - next_));
            if (progress_) progress_(next_, position_.size);
            UPLINE_TRY(read_chunk(count));
            std::vector<merkle::Tile> tiles = tree_.take_changed_tiles();
            std::erase_if(tiles, [](const merkle::Tile& tile) { return tile.hashes.size() < merkle::kTileWidth; });
            UPLINE_TRY(check_tiles(tiles));
            // Those before a wrong entry are executed, for one of them may be the first that is wrong. After it the
            // state is no longer that of the log: what follows would be noise.
            if (const auto wrong = first_wrong_entry()) ends_.resize(std::min<size_t>(ends_.size(), *wrong - next_));
            UPLINE_TRY(execute_chunk());
            if (const auto wrong = first_wrong_entry()) {
                report_.not_checked.push_back(
                    fmt::format("what follows the first wrong entry: the entries after {}, and balances", *wrong));
                return ok_status();
            }
            next_ += count;
        }
        walked_to_end_ = true;
        if (next_ == state_position()) check_state();
        return ok_status();
    }

    uint64_t state_position() const { return stored_state_->ok() ? (**stored_state_)->size() : UINT64_MAX; }

    Status read_chunk(size_t count) {
        chunk_.clear();
        ends_.clear();
        Entry entry;
        for (size_t i = 0; i < count; ++i) {
            const Sequence sequence = next_ + i;
            Result<std::span<const std::byte>> bytes = walk_->entry(sequence);
            if (!bytes.ok()) return finding_or_error(sequence, bytes.error());
            chunk_.insert(chunk_.end(), bytes->begin(), bytes->end());
            ends_.push_back(chunk_.size());
            tree_.append(merkle::leaf_hash(*bytes));
            if (first_wrong_entry()) continue;  // only its place in the tree can still be judged
            const Status decoded = decode_entry(*bytes, entry);
            if (!decoded.ok())
                find(sequence, decoded.error().message);
            else
                check_entry(sequence, entry);
        }
        return ok_status();
    }

    void check_entry(Sequence sequence, const Entry& entry) {
        if (entry.sequence != sequence) {
            find(sequence, fmt::format("entry {} stands in its place", entry.sequence));
            return;
        }
        if (entry.rules_version != kRulesVersion) {
            find(sequence, fmt::format("rules version {}, in force is {}", entry.rules_version, kRulesVersion));
            return;
        }
        const int64_t clock = entry.accepted() ? std::max(clock_us_, entry.occurred_at_us) : clock_us_;
        if (entry.clock_us != clock) {
            find(sequence, fmt::format("clock is {}, the entries before it give {}", entry.clock_us, clock));
            return;
        }
        clock_us_ = clock;
        last_record_sha256_ = entry.record_sha256;
        if (!entry.accepted()) return;
        Int128 sum = 0;
        for (const Posting& posting : entry.posted()) sum += posting.amount;
        if (sum != 0) find(sequence, fmt::format("its postings sum to {} and not to zero", sum));
        if (const auto wrong = recomputation_.check(entry)) find(sequence, *wrong);
        recomputation_.learn(entry);
        books_.post(entry);
    }

    // Our tiles against the stored ones.
    Status check_tiles(const std::vector<merkle::Tile>& tiles) {
        for (const merkle::Tile& tile : tiles) {
            Result<std::optional<merkle::Tile>> stored = store_.tile(tile.level, tile.index);
            if (!stored.ok()) {
                UPLINE_TRY(finding_or_error(std::nullopt, stored.error()));
                continue;
            }
            if (!*stored) {
                find(std::nullopt, fmt::format("tile {}/{} is missing", tile.level, tile.index));
                continue;
            }
            compare_tile(tile, **stored);
        }
        return ok_status();
    }

    void compare_tile(const merkle::Tile& right, const merkle::Tile& stored) {
        const size_t both = std::min(right.hashes.size(), stored.hashes.size());
        for (size_t i = 0; i < both; ++i) {
            if (right.hashes[i] == stored.hashes[i]) continue;
            const Sequence number = right.index * merkle::kTileWidth + i;
            if (right.level == 0)
                find(number, fmt::format("its hash is {}, the tree holds {}", to_hex(right.hashes[i]),
                                         to_hex(stored.hashes[i])));
            else
                find(std::nullopt, fmt::format("tile {}/{}: hash {} is {}, the entries give {}", right.level,
                                               right.index, i, to_hex(stored.hashes[i]), to_hex(right.hashes[i])));
            return;
        }
        if (right.hashes.size() != stored.hashes.size())
            find(right.level == 0 ? std::optional(right.index * merkle::kTileWidth + both) : std::nullopt,
                 fmt::format("tile {}/{} holds {} hashes, a tree of {} entries has {} there", right.level, right.index,
                             stored.hashes.size(), position_.size, right.hashes.size()));
    }

    std::span<const std::byte> chunk_entry(size_t i) const {
        const size_t begin = i == 0 ? 0 : ends_[i - 1];
        return std::span(chunk_).subspan(begin, ends_[i] - begin);
    }

    Status execute_chunk() {
        for (size_t first = 0; first < ends_.size();) {
            UPLINE_TRY_ASSIGN(const size_t done, log_ ? execute_records(first) : execute_facts(first));
            if (done == 0) return ok_status();
            UPLINE_TRY(core_->mature(4 * done));
            first += done;
        }
        return ok_status();
    }

    // The log's records, executed again: every entry must come out to the byte, and lie where it says it does.
    Result<size_t> execute_records(size_t first) {
        bool at_end = false;
        do {
            UPLINE_TRY(reader_->read(ends_.size() - first, 32 << 20, 100, records_));
            if (!records_.empty()) break;
            UPLINE_TRY_ASSIGN(at_end, reader_->at_end());
        } while (!at_end);
        if (records_.empty()) {
            find(next_ + first, "the log has no record for it: it ends before");
            return size_t{0};
        }
        inputs_.clear();
        for (size_t i = 0; i < records_.size(); ++i) {
            const Record& record = records_.records()[i];
            const Sequence sequence = next_ + first + i;
            inputs_.push_back(read_input(record.value, record.append_time_ms));
            Result<RecordPlace> place = store_.place(sequence);
            if (!place.ok()) {
                UPLINE_TRY(finding_or_error(sequence, place.error()));
                return size_t{0};
            }
            if (place->offset != record.offset || place->append_time_ms != record.append_time_ms) {
                find(sequence,
                     fmt::format("stored as the record at offset {} of time {} ms, the log has offset {}, {} ms",
                                 place->offset, place->append_time_ms, record.offset, record.append_time_ms));
                return size_t{0};
            }
        }
        return compare_execution(first, inputs_.size());
    }

    // The facts of accepted entries, executed again. What was refused left no facts; it must have changed nothing, and
    // what is said of its id must be so.
    Result<size_t> execute_facts(size_t first) {
        Entry entry;
        UPLINE_CHECK(decode_entry(chunk_entry(first), entry).ok(), "an entry that was decoded before");
        if (!entry.accepted()) {
            if (const auto wrong = check_refusal(entry)) {
                find(entry.sequence, *wrong);
                return size_t{0};
            }
            UPLINE_TRY(state_.fold(entry));
            return size_t{1};
        }
        Input input;
        input.record_sha256 = entry.record_sha256;
        input.append_time_ms = entry.occurred_at_us / 1000 + 1;
        input.record.event.id = entry.id;
        input.record.event.type = entry.type;
        input.record.event.program = entry.program;
        input.record.event.occurred_at_us = entry.occurred_at_us;
        input.record.event.payload = entry.payload;
        size_t next = 0;
        bool known = true;
        for_each_ref(input.record.event.payload, [&]<class Ref>(Ref& ref) {
            const Sequence sequence = entry.refs[next++];
            if (sequence == kNoSequence) return;
            const Uuid* id = nullptr;
            if constexpr (std::is_same_v<Ref, UserRef>) {
                const auto* user = recomputation_.user(sequence);
                id = user ? &user->id : nullptr;
            }
            if constexpr (std::is_same_v<Ref, WebsiteRef>) {
                const auto* website = recomputation_.website(sequence);
                id = website ? &website->id : nullptr;
            }
            known = known && id != nullptr && sequence < entry.sequence;
            if (id) ref.id = *id;
        });
        if (!known) {
            find(entry.sequence, "it names a user or website that no earlier entry made");
            return size_t{0};
        }
        inputs_.assign(1, input);
        return compare_execution(first, 1);
    }

    Result<size_t> compare_execution(size_t first, size_t count) {
        const Status applied = core_->apply(inputs_, executed_);
        if (!applied.ok()) {
            UPLINE_TRY(finding_or_error(next_ + first, applied.error()));
            return size_t{0};
        }
        for (size_t i = 0; i < count; ++i) {
            const auto stored = chunk_entry(first + i);
            if (std::ranges::equal(stored, executed_[i])) continue;
            describe_difference(next_ + first + i, stored, executed_[i]);
            return size_t{0};
        }
        return count;
    }

    void describe_difference(Sequence sequence, std::span<const std::byte> stored, std::span<const std::byte> right) {
        Entry a;
        Entry b;
        UPLINE_CHECK(decode_entry(stored, a).ok() && decode_entry(right, b).ok(), "entries that decode");
        const char* again = log_ ? "executing the log's record again" : "executing its facts again";
        if (log_ && a.record_sha256 != b.record_sha256)
            find(sequence, fmt::format("it says its record has SHA-256 {}, the log's has {}", to_hex(a.record_sha256),
                                       to_hex(b.record_sha256)));
        else if (a.outcome != b.outcome)
            find(sequence,
                 fmt::format("outcome is {}, {} gives {}", outcome_name(a.outcome), again, outcome_name(b.outcome)));
        else if (postings_text(a) != postings_text(b))
            find(sequence, fmt::format("its postings are {}; {} gives {}", postings_text(a), again, postings_text(b)));
        else
            find(sequence, fmt::format("its bytes are not those that {} gives", again));
    }

    std::optional<std::string> check_refusal(const Entry& entry) {
        if (!entry.readable()) return std::nullopt;
        const bool other_partition = entry.type != static_cast<uint8_t>(EventType::kRulesActivated) &&
                                     partition_of(entry.program, identity_.partition_count) != identity_.partition;
        if (other_partition != (entry.outcome == Outcome::kWrongPartition))
            return fmt::format("outcome is {}, but program {} {} to this partition", outcome_name(entry.outcome),
                               entry.program, other_partition ? "does not belong" : "belongs");
        if (other_partition) return std::nullopt;
        const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(entry.program), entry.id);
        Entry earlier;
        const Thing thing =
            state_.find(state_.find_program(entry.program), entry.id, fingerprint, [&](Sequence sequence) {
                return read_entry(*entries_, sequence, earlier).ok() && earlier.id == entry.id &&
                       earlier.program == entry.program;
            });
        const bool repeated = entry.outcome == Outcome::kDuplicate || entry.outcome == Outcome::kConflict;
        if (static_cast<bool>(thing) != repeated)
            return fmt::format("outcome is {}, but {} accepted event has its id", outcome_name(entry.outcome),
                               thing ? "an" : "no");
        return std::nullopt;
    }

    // The stored state, as of this entry: its balances against the sums of postings, the rest against the state that
    // executing again has made.
    void check_state() {
        const State& stored = ***stored_state_;
        if (const auto wrong = books_.compare(stored)) find(std::nullopt, *wrong);
        const Status matured = core_->mature();
        if (!matured.ok()) {
            find(std::nullopt, matured.error().message);
            return;
        }
        if (stored.clock_us() != state_.clock_us())
            find(std::nullopt,
                 fmt::format("stored state: clock is {}, the entries give {}", stored.clock_us(), state_.clock_us()));
        if (stored.matured_to() != state_.matured_to())
            find(std::nullopt, fmt::format("stored state: matured up to entry {}, the clock gives {}",
                                           stored.matured_to(), state_.matured_to()));
        compare_records("program", stored.programs(), state_.programs());
        compare_records("user", stored.users(), state_.users());
        compare_records("website", stored.websites(), state_.websites());
        compare_records("account", stored.accounts(), state_.accounts());
        compare_records("book", stored.books(), state_.books());
        uint64_t strange = 0;
        stored.ids().for_each([&](const IdTable::Slot& slot) {
            if (!state_.ids().find(slot.fingerprint, [&](Thing thing) { return thing.word() == slot.thing; }))
                ++strange;
        });
        if (strange != 0 || stored.ids().size() != state_.ids().size())
            find(std::nullopt, fmt::format("stored state: {} ids, {} of them wrong; the entries give {}",
                                           stored.ids().size(), strange, state_.ids().size()));
    }

    template <class T>
    void compare_records(const char* what, const Paged<T>& stored, const Paged<T>& right) {
        if (stored.size() != right.size()) {
            find(std::nullopt,
                 fmt::format("stored state: {} {}s, the entries give {}", stored.size(), what, right.size()));
            return;
        }
        for (size_t i = 0; i < stored.size(); ++i) {
            if (std::memcmp(stored.data() + i, right.data() + i, sizeof(T)) == 0) continue;
            find(std::nullopt, fmt::format("stored state: {} {} is not what the entries give", what, i));
            return;
        }
    }

    void check_head() {
        report_.root = tree_.root();
        if (report_.root != position_.root)
            find(std::nullopt, fmt::format("the head says root {}, the entries give {}", to_hex(position_.root),
                                           to_hex(report_.root)));
        if (clock_us_ != position_.clock_us)
            find(std::nullopt,
                 fmt::format("the head says clock {}, the entries give {}", position_.clock_us, clock_us_));
        if (position_.last_record) {
            const Result<RecordPlace> place = store_.place(position_.size - 1);
            if (!place.ok())
                find(position_.size - 1, place.error().message);
            else if (place->offset != position_.last_record->offset ||
                     place->append_time_ms != position_.last_record->append_time_ms ||
                     last_record_sha256_ != position_.last_record->value_sha256)
                find(std::nullopt,
                     fmt::format("the head's place in the log is not that of entry {}'s record", position_.size - 1));
        }
        // The walk has come to the end of the last page: whatever follows it does not belong to the ledger.
        const auto behind = walk_->entry(position_.size);
        if (behind.ok())
            find(position_.size, "it is stored, but the head does not count it");
        else if (behind.error().code != ErrorCode::kNotFound)
            find(std::nullopt, behind.error().message);
    }

    // Each read model folded anew in memory, up to where the stored one stands, and compared row by row.
    Status check_read_models() {
        for (const auto make_model : kModels) {
            std::unique_ptr<Model> model = make_model();
            const std::string name(model->name());
            Result<std::unique_ptr<Table>> stored = store_.table(name);
            if (!stored.ok()) {
                if (stored.error().code != ErrorCode::kNotFound) return stored.error();
                report_.not_checked.push_back(fmt::format("read model {}: there is none yet", name));
                continue;
            }
            const Result<ModelPosition> position = read_position(**stored, *model);
            if (!position.ok()) {
                UPLINE_TRY(finding_or_error(std::nullopt, position.error()));
                continue;
            }
            if (position->size > next_) {
                if (walked_to_end_)
                    find(std::nullopt, fmt::format("read model {} stands for {} entries, there are {}", name,
                                                   position->size, position_.size));
                else
                    report_.not_checked.push_back(fmt::format("read model {}: it folds wrong entries", name));
                continue;
            }
            const std::unique_ptr<EntrySource> source = store_.entries();
            UPLINE_TRY_ASSIGN(const std::unique_ptr<Projection> again,
                              Projection::open(std::make_unique<MemoryTable>(), std::move(model), *source));
            Status folded = again->fold_to(position->size);
            if (folded.ok()) folded = again->flush();
            if (!folded.ok()) {
                UPLINE_TRY(finding_or_error(std::nullopt, folded.error()));
                continue;
            }
            const auto difference = compare_tables(**stored, again->table(), again->model());
            if (!difference.ok())
                UPLINE_TRY(finding_or_error(std::nullopt, difference.error()));
            else if (*difference)
                find(std::nullopt, fmt::format("read model {}: {}", name, (*difference)->what));
            else if (position->size < position_.size)
                report_.not_checked.push_back(fmt::format("read model {}: it stands for {} of {} entries so far", name,
                                                          position->size, position_.size));
            else
                report_.read_models.push_back(name);
        }
        return ok_status();
    }

    ReadShard& shard_;
    Store& store_;
    EventLog* log_;
    const Progress& progress_;
    std::unique_ptr<EntrySource> entries_;  // for looking up
    std::unique_ptr<EntrySource> walk_;     // from the first page to the last, so that none lies beside the others
    AuditReport report_;
    Position position_;
    ShardIdentity identity_;
    std::optional<Result<std::unique_ptr<State>>> stored_state_;
    std::unique_ptr<LogReader> reader_;
    RecordBatch records_;

    Sequence next_ = 0;
    bool walked_to_end_ = false;
    std::vector<std::byte> chunk_;  // the entries in hand
    std::vector<size_t> ends_;
    merkle::Tree tree_;
    int64_t clock_us_ = 0;
    Hash last_record_sha256_{};
    Recomputation recomputation_;
    OwnBooks books_;
    State state_;  // made by executing again
    std::optional<Core> core_;
    std::vector<Input> inputs_;
    EntryBatch executed_;
};

}  // namespace

Result<AuditReport> audit(ReadShard& shard, EventLog* log, const Progress& progress) {
    return Audit(shard, log, progress).report();
}

}  // namespace upline
