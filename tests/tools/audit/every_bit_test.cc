// SPDX-License-Identifier: Apache-2.0
// Every bit of every stored byte of a small ledger is flipped, one at a time, with all of RocksDB's checksums right;
// keys and values are also removed, cut, made longer and made up. Verify must find each, with the event log and without
// it, but for those in the table below, which says of each why there is nothing to find. Under the address sanitizer,
// which is slow, one bit of each byte is flipped; the ordinary build flips all.
#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "events/base/bytes.h"
#include "ledger/store/raw_iterator.h"
#include "ledger/store/rows.h"
#include "projectors/row.h"
#include "tests/ledger/store/store_tampering.h"
#include "tests/tools/audit/ledger_to_harm.h"
#include "tests/tools/small_ledger.h"
#include "tools/transparency/checkpoints.h"

namespace upline {
namespace {

// What is done to one stored thing.
struct Harm {
    enum class What { kFlipValue, kFlipKey, kRemove, kAdd, kCut, kAppend };

    What what{};
    std::string family;  // "checkpoints": the files, by name
    std::string key;     // as it was; of kAdd, the one that is added
    std::string before;  // the value
    std::string after;
    size_t bit = 0;    // of kFlipValue and kFlipKey
    std::string base;  // the first key there was

    size_t byte() const { return bit / 8; }
    std::string text() const {
        static constexpr const char* kNames[] = {"value's", "key's", "removed", "added", "cut", "made longer"};
        const bool flip = what == What::kFlipValue || what == What::kFlipKey;
        std::string key_text;
        for (const char c : key)
            key_text += c > ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
        return fmt::format("{}/{} {}{}", family, key_text, kNames[static_cast<size_t>(what)],
                           flip ? fmt::format(" byte {} bit {}", byte(), bit % 8) : "");
    }
};
using What = Harm::What;

enum class When { kAlways, kWithoutLog };

#ifdef __SANITIZE_ADDRESS__
constexpr bool kAllBits = false;
#else
constexpr bool kAllBits = true;
#endif
// Whether this bit is flipped. If not all are, it is another one in each byte.
constexpr bool is_tried(size_t bit) {
    return kAllBits || bit % 8 == bit / 8 % 8;
}

constexpr char kStateRuns[] = "the families of the state's records";
bool is_of_state(const Harm& harm) {
    return std::ranges::find(kRecordFamilies, harm.family) != kRecordFamilies.end();
}

// What verify rightly says nothing about, or says to be true of an earlier moment.
struct Exception {
    std::string family;
    When when{};
    std::string reason;
    std::function<bool(const Harm&)> matches;
    std::string said;  // what stands in not_checked for it; empty: nothing
};

// Whether the checkpoint is as the log signed it, and only the line of the witness says another name or key id.
bool is_signed_by_another_witness(const Harm& harm) {
    const auto before = parse_checkpoint(harm.before);
    const auto after = parse_checkpoint(harm.after);
    if (!before.ok() || !after.ok() || before->note.signatures.size() != 2 || after->note.signatures.size() != 2)
        return false;
    const note::Signature& witness = before->note.signatures[1];
    const note::Signature& other = after->note.signatures[1];
    return after->note.text == before->note.text && after->note.signatures[0] == before->note.signatures[0] &&
           (other.name != witness.name || other.key_id != witness.key_id);
}

// The offsets of a page of places, if it is one of `count` entries.
std::optional<std::vector<int64_t>> offsets_of(std::string_view page, size_t count) {
    std::vector<int64_t> offsets;
    uint64_t offset = 0;
    while (!page.empty()) {
        for (const bool is_offset : {true, false}) {
            const std::string_view before = page;
            const auto number = take_varint(page);
            std::string shortest;
            if (number) append_varint(*number, shortest);
            if (!number || before.substr(0, before.size() - page.size()) != shortest) return std::nullopt;
            if (is_offset) offset += *number >> 1 ^ (0 - (*number & 1));
        }
        offsets.push_back(static_cast<int64_t>(offset));
    }
    if (offsets.size() != count) return std::nullopt;
    return offsets;
}

// Whether the offsets of the first page still ascend, from 0 or more to below those of the second one.
bool offsets_ascend(std::string_view page) {
    const auto offsets = offsets_of(page, kFirstSize);
    return offsets && offsets->front() >= 0 && offsets->back() < int64_t{kFirstSize} &&
           std::ranges::adjacent_find(*offsets, std::greater_equal<>()) == offsets->end();
}

const std::vector<Exception>& exceptions() {
    static const std::vector<Exception> all = {
        {"default", When::kWithoutLog, "which log the ledger was made from: only the log can say that it is another",
         [](const Harm& harm) {
             return harm.key == "shard" && harm.what != What::kFlipKey && harm.after.size() >= 8 &&
                    harm.before.substr(0, 8) == harm.after.substr(0, 8);
         },
         "without --log"},
        {"offsets", When::kWithoutLog,
         "where records lie in the log and when they were appended: only the log can say. Without it the form is "
         "checked, that offsets ascend, and the last place, which the head repeats",
         [](const Harm& harm) {
             return harm.what == What::kFlipValue && harm.key == big_endian(0) && offsets_ascend(harm.after);
         },
         "that record hashes, offsets and append times are those of the log's records"},
        {kStateRuns, When::kAlways,
         "a segment before the base is what a machine that stops leaves of an older state: it is read by nobody",
         [](const Harm& harm) {
             return harm.what == What::kAdd && harm.key < harm.base.substr(0, 8) + std::string(4, '\0');
         },
         ""},
        {"closings", When::kAlways,
         "leaves are kept just before their entry is written, so a machine that stops between the two leaves those of "
         "an entry to come",
         [](const Harm& harm) {
             return harm.what == What::kFlipValue && harm.byte() < 8 && number_at<uint64_t>(harm.after, 0) >= kSize;
         },
         "which is still to come"},
        {"checkpoints", When::kAlways,
         "a signature of somebody whose key was not given: a checkpoint may have such, and without the name or the id "
         "of the key the witness's is one",
         [](const Harm& harm) { return harm.what == What::kFlipValue && is_signed_by_another_witness(harm); },
         "without its --vkey: 1 signatures of "},
        {"checkpoints", When::kAlways,
         "nothing in a checkpoint says who else is to sign it: without the whole line of the witness it is as the log "
         "signed it",
         [](const Harm& harm) {
             const auto after = parse_checkpoint(harm.after);
             return harm.what == What::kCut && after.ok() && after->note.signatures.size() == 1;
         },
         ""},
        {"checkpoints", When::kAlways,
         "nothing in a ledger says which checkpoints were signed: that is what copies of them at other places and "
         "--since are for",
         [](const Harm& harm) { return harm.what == What::kRemove; }, ""},
        {"checkpoints", When::kAlways, "a file whose name is no size is no checkpoint, and read by nobody",
         [](const Harm& harm) { return harm.what == What::kAdd && !parse_whole_number(harm.key); }, ""},
    };
    return all;
}

class EveryBit : public LedgerToHarm {
  protected:
    virtual const SmallLedger& ledger() const { return small_ledger(); }
    void SetUp() override {
        use_ledger(ledger().data, ledger().log);
        its_log_ = open_its_log();
        held_ = read_held();
        ASSERT_EQ(take(open_ledger().position()).size, kSize);
        expect_as_it_was();
    }

    HeldCheckpoints read_held() {
        const note::VerifierKey keys[] = {note::verifier_of(log_key()), note::verifier_of(witness_key())};
        return take(read_checkpoints(data().string(), 0, keys, {}));
    }
    Result<AuditReport> verdict(EventLog* log) { return try_audit_open(log, held_); }
    void expect_as_it_was() {
        for (EventLog* log : {static_cast<EventLog*>(nullptr), its_log_.get()}) {
            const AuditReport report = take(verdict(log));
            EXPECT_EQ(texts_of(report), std::vector<std::string>{});
            EXPECT_EQ(report.read_models.size(), kModels.size());
            EXPECT_EQ(report.checkpoints, 2U);
            EXPECT_EQ(report.signers.size(), 2U);
        }
    }

    // The ledger is as after the harm: what verify says must be what the table says.
    void expect_told(const Harm& harm) {
        ++harms_;
        for (const bool with_log : {false, true}) {
            const Exception* exception = nullptr;
            size_t number = 0;
            for (size_t i = 0; i < exceptions().size(); ++i) {
                const Exception& one = exceptions()[i];
                const bool of_family = one.family == harm.family || (one.family == kStateRuns && is_of_state(harm));
                if (!of_family || (with_log && one.when == When::kWithoutLog) || !one.matches(harm)) continue;
                exception = &one;
                number = i;
                break;
            }
            const auto report = verdict(with_log ? its_log_.get() : nullptr);
            const std::string which = harm.text() + (with_log ? ", with the log" : ", without the log");
            if (!report.ok()) {
                print_error(which + ": no verdict: " + report.error().message);
                continue;
            }
            const bool found = !report->findings.empty();
            if (!exception) {
                if (!found) print_error(which + ": verify says ok");
                continue;
            }
            met_.insert(number);
            if (found)
                print_error(which + ": is in the table, and found: " + text_of(report->findings.front()));
            else if (!exception->said.empty() &&
                     std::ranges::none_of(report->not_checked, [&](const std::string& text) {
                         return text.find(exception->said) != std::string::npos;
                     }))
                print_error(fmt::format("{}: not told: {}", which, exception->said));
        }
    }

    using Values = std::map<std::string, std::string>;
    Values values_of(const std::string& family) {
        Values values;
        const auto walk = iterate(open_ledger(), family);
        while (const auto row = take(walk->next())) values.emplace(row->key, row->value);
        return values;
    }
    void remove(const std::string& family, const std::string& key) { take(remove_raw(open_ledger(), family, key)); }

    // Everything of a family, harmed in every way.
    void harm_family(const std::string& family) {
        const Values values = values_of(family);
        ASSERT_FALSE(values.empty()) << family;
        for (const auto& [key, value] : values) harm_value(family, key, values);
        add_stray_keys(family, values);
    }
    void harm_value(const std::string& family, const std::string& key, const Values& values) {
        flip_bits(family, key, values, 0, values.at(key).size());
        harm_otherwise(family, key, values);
    }
    void try_value(What what, const std::string& family, const std::string& key, const std::string& value,
                   std::string after, size_t bit = 0) {
        tamper(family, key, after);
        expect_told({what, family, key, value, std::move(after), bit});
    }
    void flip_bits(const std::string& family, const std::string& key, const Values& values, size_t begin, size_t end) {
        const std::string& value = values.at(key);
        for (size_t bit = begin * 8; bit < end * 8; ++bit) {
            if (!is_tried(bit)) continue;
            std::string after = value;
            flip(after, bit / 8, bit % 8);
            try_value(What::kFlipValue, family, key, value, std::move(after), bit);
        }
        tamper(family, key, value);
    }
    void harm_otherwise(const std::string& family, const std::string& key, const Values& values) {
        const std::string& value = values.at(key);
        if (!value.empty()) try_value(What::kCut, family, key, value, value.substr(0, value.size() - 1));
        if (value.size() > 1) try_value(What::kCut, family, key, value, "");
        for (const char more : {'\0', '\1'}) try_value(What::kAppend, family, key, value, value + more);
        remove(family, key);
        expect_told({What::kRemove, family, key, value, {}});
        for (size_t bit = 0; bit < key.size() * 8; ++bit) {
            if (!is_tried(bit)) continue;
            std::string other = key;
            flip(other, bit / 8, bit % 8);
            tamper(family, other, value);
            expect_told({What::kFlipKey, family, key, value, value, bit});
            const auto others = values.find(other);
            if (others == values.end())
                remove(family, other);
            else
                tamper(family, other, others->second);
        }
        tamper(family, key, value);
        EXPECT_EQ(values_of(family), values);
        expect_as_it_was();
    }
    // Keys of every kind: before all, between, behind all, shorter and longer.
    void add_stray_keys(const std::string& family, const Values& values) {
        std::set<std::string> stray{"", std::string(1, '\0'), std::string(8, '\xff'), std::string(20, '\xff'), "x"};
        for (const auto& [key, value] : values) {
            stray.insert(key.substr(0, key.size() - 1));
            for (const char more : {'\0', '\xff'}) stray.insert(key + more);
            for (const size_t at : {size_t{0}, key.size() - 1}) {
                std::string other = key;
                other[at] = static_cast<char>(other[at] + 1);
                stray.insert(other);
            }
        }
        for (const std::string& key : stray) {
            if (values.contains(key)) continue;
            for (const std::string& value : {std::string(), values.begin()->second, values.rbegin()->second}) {
                tamper(family, key, value);
                expect_told({What::kAdd, family, key, {}, value, 0, values.begin()->first});
                remove(family, key);
            }
        }
        EXPECT_EQ(values_of(family), values);
        expect_as_it_was();
    }

    // Tells what went wrong, and which rows of the table, of those families, were never met.
    void expect_none_wrong(const std::vector<std::string>& families) {
        expect_no_complaint();
        for (size_t i = 0; kAllBits && i < exceptions().size(); ++i) {
            const std::string of = exceptions()[i].family == kStateRuns ? kRecordFamilies[1] : exceptions()[i].family;
            if (std::ranges::find(families, of) != families.end() && !met_.contains(i))
                ADD_FAILURE() << "in the table, and never met: " << exceptions()[i].reason;
        }
    }
    void expect_no_complaint() {
        for (const std::string& text : complaints_) ADD_FAILURE() << text;
        if (unsaid_ > 0) ADD_FAILURE() << "and " << unsaid_ << " more";
        RecordProperty("harms", static_cast<int>(harms_));
        EXPECT_GT(harms_, kAllBits ? 100U : 20U);
    }
    void harm_families(const std::vector<std::string>& families) {
        for (const std::string& family : families) harm_family(family);
        expect_none_wrong(families);
    }

    void print_error(std::string text) {
        if (complaints_.size() < kMaxComplaints)
            complaints_.push_back(std::move(text));
        else
            ++unsaid_;
    }

    static constexpr size_t kMaxComplaints = 50;
    std::unique_ptr<EventLog> its_log_;
    HeldCheckpoints held_;
    std::set<size_t> met_;
    std::vector<std::string> complaints_;
    size_t unsaid_ = 0;
    size_t harms_ = 0;
};

const std::vector<std::string> kEntries = {"entries"};
const std::vector<std::string> kHeadTreeAndOffsets = {"default", "tiles", "offsets"};
const std::vector<std::string> kWhoAndWhat = {"programs", "users", "websites", "ids", "entity_ids", "state"};
const std::vector<std::string> kBalances = {"accounts", "books", "plans", "payouts", "refunds", "closings"};
const std::vector<std::string> kReadModels = {"model.payouts", "model.sites", "model.revenue", "model.references",
                                              "model.outcomes"};

// The first page in two tests: it is long.
TEST_F(EveryBit, OfTheFirstHalfOfTheFirstPageOfEntriesIsFound) {
    const Values values = values_of("entries");
    const std::string key = big_endian(0);
    flip_bits("entries", key, values, 0, values.at(key).size() / 2);
    expect_as_it_was();
    expect_none_wrong(kEntries);
}
TEST_F(EveryBit, OfTheRestOfTheFirstPageOfEntriesIsFound) {
    const Values values = values_of("entries");
    const std::string key = big_endian(0);
    const size_t size = values.at(key).size();
    flip_bits("entries", key, values, size / 2, size);
    harm_otherwise("entries", key, values);
    expect_none_wrong(kEntries);
}
TEST_F(EveryBit, OfTheLastPageOfEntriesIsFoundAndAnyOtherPage) {
    const Values values = values_of("entries");
    ASSERT_EQ(values.size(), 2U);
    harm_value("entries", big_endian(kFirstSize), values);
    add_stray_keys("entries", values);
    expect_none_wrong(kEntries);
}
TEST_F(EveryBit, OfTheHeadTheTreeAndOffsetsIsFound) {
    harm_families(kHeadTreeAndOffsets);
}
TEST_F(EveryBit, OfWhoAndWhatThereIsIsFound) {
    harm_families(kWhoAndWhat);
}
TEST_F(EveryBit, OfBalancesIsFound) {
    harm_families(kBalances);
}
TEST_F(EveryBit, OfReadModelsIsFound) {
    harm_families(kReadModels);
}

TEST_F(EveryBit, OfCheckpointsIsFound) {
    const fs::path folder = data() / "checkpoints" / "00000";
    const auto try_file = [&](What what, const std::string& name, const std::string& before,
                              const std::optional<std::string>& after, size_t bit = 0) {
        if (after)
            write_file(folder / name, *after);
        else
            fs::remove(folder / name);
        held_ = read_held();
        expect_told({what, "checkpoints", name, before, after.value_or(""), bit});
    };
    for (const uint64_t size : {kFirstSize, kSize}) {
        const std::string name = std::to_string(size);
        const std::string text = read_file(folder / name);
        for (size_t bit = 0; bit < text.size() * 8; ++bit) {
            std::string after = text;
            flip(after, bit / 8, bit % 8);
            try_file(What::kFlipValue, name, text, after, bit);
        }
        for (size_t end = 0; end < text.size(); ++end) try_file(What::kCut, name, text, text.substr(0, end));
        for (const char more : {'\0', '\n', 'x'}) try_file(What::kAppend, name, text, text + more);
        try_file(What::kRemove, name, text, std::nullopt);
        write_file(folder / name, text);
        // The same under other names: as if it were of other sizes, and beside them.
        for (const char* other : {"0", "1", "12", "18", "20", "18446744073709551615", "011", "x", "11.new"}) {
            try_file(What::kAdd, other, "", text);
            fs::remove(folder / other);
        }
    }
    held_ = read_held();
    expect_as_it_was();
    expect_none_wrong({"checkpoints"});
}

// The first batch was ingested: what was written after it, and before it, are two families each, read as one.
class EveryBitIngested : public EveryBit {
  protected:
    const SmallLedger& ledger() const override { return ingested_ledger(); }
};

const std::vector<std::string> kIngested = {"bulk_entries", "bulk_offsets", "bulk_head"};
constexpr char kIngestedTiles[] = "bulk_tiles";  // only full ones, which so small a ledger has not

TEST_F(EveryBitIngested, OfIngestedEntriesIsFound) {
    harm_families({"bulk_entries"});
}
TEST_F(EveryBitIngested, OfTheIngestedHeadAndOffsetsIsFound) {
    harm_families({"bulk_offsets", "bulk_head"});
}
TEST_F(EveryBitIngested, OfTheHeadAndOffsetsWrittenAfterItIsFound) {
    for (const char* family : {"default", "offsets"}) harm_family(family);
    expect_no_complaint();
}
TEST_F(EveryBitIngested, OfTheEntriesWrittenAfterItIsFound) {
    const Values values = values_of("entries");
    ASSERT_EQ(values.size(), 1U);
    harm_value("entries", big_endian(kFirstSize), values);
    add_stray_keys("entries", values);
    expect_no_complaint();
}
TEST_F(EveryBitIngested, OfTheTilesOfEitherWayIsFound) {
    harm_family("tiles");
    EXPECT_TRUE(values_of(kIngestedTiles).empty());
    for (const auto& [key, value] : values_of("tiles"))
        for (const size_t hashes : {size_t{0}, size_t{1}, value.size() / sizeof(Hash), merkle::kTileWidth}) {
            std::string wrong = value.substr(0, hashes * sizeof(Hash));
            wrong.resize(hashes * sizeof(Hash), 'x');
            if (!wrong.empty()) wrong[0] = static_cast<char>(wrong[0] ^ 1);
            tamper(kIngestedTiles, key, wrong);
            expect_told({What::kAdd, kIngestedTiles, key, {}, wrong, 0, key});
            remove(kIngestedTiles, key);
        }
    expect_no_complaint();
}

TEST_F(EveryBit, IsTriedInEveryFamilyThereIs) {
    std::vector<std::string> tried;
    for (const auto* families : {&kEntries, &kHeadTreeAndOffsets, &kWhoAndWhat, &kBalances, &kReadModels})
        tried.insert(tried.end(), families->begin(), families->end());
    for (const std::string& family : tried) EXPECT_FALSE(values_of(family).empty()) << family;
    tried.insert(tried.end(), kIngested.begin(), kIngested.end());
    tried.push_back(kIngestedTiles);
    std::ranges::sort(tried);
    EXPECT_EQ(open_ledger().families(), tried);
}

TEST_F(EveryBit, OfAFamilyThatNobodyHereKnowsIsSaidNotToBeChecked) {
    take(open_table(open_ledger(), "of a later release", 42));
    const AuditReport report = audit_without_log();
    EXPECT_EQ(texts_of(report), std::vector<std::string>{});
    EXPECT_EQ(std::ranges::count(report.not_checked,
                                 "column family model.of a later release: this program knows none of that name"),
              1);
}

}  // namespace
}  // namespace upline
