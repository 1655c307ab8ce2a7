// SPDX-License-Identifier: Apache-2.0
// Runs the rule scripts of tests/rules (its README.md explains their form): events in, outcomes, postings and balances
// out. Each event takes the whole way from JSON through the record's bytes to the entry's bytes. A new script needs
// nothing here.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "events/json_reader.h"
#include "events/record_writer.h"
#include "events/values/time.h"
#include "tests/ledger/core/memory_shard.h"
#include "tests/ledger/core/short_ids.h"

namespace upline {
namespace {

constexpr char kScriptFolder[] = UPLINE_SOURCE_DIR "/tests/rules";
constexpr std::string_view kDefaultTime = "2026-01-01T00:00:00Z";

// What is wrong, and at which line of the script.
struct Fault {
    int line;
    std::string message;
};

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::istringstream in{std::string(text)};
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

std::string joined(std::span<const std::string> words) {
    return fmt::format("{}", fmt::join(words, " "));
}

class Script {
    using MemoryShard = testing::MemoryShard;

  public:
    std::vector<Fault> run(std::string_view text) {
        std::istringstream in{std::string(text)};
        for (std::string line; std::getline(in, line);) {
            ++line_;
            take(line);
        }
        ++line_;
        end_balances();
        settle();
        if (events_ == 0) fault("a script without events proves nothing");
        return faults_;
    }

  private:
    void fault(std::string message) { faults_.push_back({line_, std::move(message)}); }

    void take(const std::string& line) {
        const std::vector<std::string> words = words_of(line);
        if (words.empty() || words[0].starts_with('#')) return;
        if (line[0] == ' ' && listed_) return listed_->push_back(joined(words));
        end_balances();

        const std::string rest = joined(std::span(words).subspan(1));
        if (words[0] == "=>") return expect(words);
        if (words[0] == "clock") return compare("the clock", rest, format_time(shard().state().clock_us()));
        if (words[0] == "matures") return compare("the maturity", rest, maturity());
        if (words[0] == "plan") return compare("the plan", rest, plan());
        if (words[0] == "left") return compare("what was left", rest, left());
        if (words[0] == "closes" || words[0] == "closed") return closing(words);
        settle();
        if (line[0] == '{') {
            json(line, std::nullopt);
        } else if (words[0] == "type" && words.size() > 2) {
            json(line.substr(line.find('{')), static_cast<uint8_t>(std::stoi(words[1])));
        } else if (words[0] == "raw") {
            raw(words);
        } else if (words[0] == "chain") {
            chain(words);
        } else if (words[0] == "append" && words.size() == 2) {
            append_time(words[1]);
        } else if (words[0] == "partition" && words.size() == 4 && words[2] == "of") {
            partition(words);
        } else if (words[0] == "balance" && words.size() > 3) {
            balance(words);
        } else if (line == "balances:") {
            listed_.emplace();
            listed_from_ = line_;
        } else {
            fault(fmt::format("no such line in a rule script: {}", line));
        }
    }

    // ---- What goes in ----

    void json(const std::string& line, std::optional<uint8_t> type) {
        const std::string filled = fill(line);
        Result<Event> event = parser_.parse(filled);
        if (!event.ok()) return fault(event.error().message);
        if (type) event->type = *type;
        apply(writer_.encode(*event), event->occurred_at_us / 1000);
    }

    // Adds what a script may leave out.
    std::string fill(const std::string& line) {
        simdjson::dom::parser parser;
        simdjson::dom::object object;
        if (parser.parse(line).get(object) != simdjson::SUCCESS) return line;
        const auto has = [&object](std::string_view key) { return object[key].error() == simdjson::SUCCESS; };
        std::string added;
        const auto add_missing = [&](std::string_view key, std::string_view value) {
            if (!has(key)) added += fmt::format("\"{}\": \"{}\", ", key, value);
        };
        add_missing("id", fmt::format("line-{}", line_));
        add_missing("occurred_at", kDefaultTime);
        std::string_view type;
        if (object["type"].get(type) == simdjson::SUCCESS && type == "TransactionRecorded") {
            add_missing("source", "platform");
            add_missing("stream", "subscription_tiers");
        }
        std::string_view id;
        if (object["id"].get(id) == simdjson::SUCCESS) names_[testing::short_id(id)] = id;
        std::string filled = line;
        return testing::with_uuids(filled.insert(1, added));
    }

    void raw(std::span<const std::string> words) {
        std::vector<std::byte> bytes;
        for (const std::string& word : words.subspan(1))
            for (size_t i = 0; i + 1 < word.size(); i += 2)
                bytes.push_back(static_cast<std::byte>(std::stoi(word.substr(i, 2), nullptr, 16)));
        apply(bytes, 0);
    }

    void chain(std::span<const std::string> words) {
        for (size_t i = 1; i < words.size(); ++i) {
            const std::string referrer = i == 1 ? "" : fmt::format(R"(, "referrer": "{}")", words[i - 1]);
            json(fmt::format(R"({{"id": "{}", "type": "UserSignedUp"{}}})", words[i], referrer), std::nullopt);
            settle();
        }
    }

    void append_time(const std::string& text) {
        const Result<int64_t> time = parse_time(text);
        if (!time.ok()) return fault(time.error().message);
        append_time_ms_ = *time / 1000;
    }

    void partition(std::span<const std::string> words) {
        if (shard_) return fault("the partition is said before the first event");
        identity_ = {static_cast<uint32_t>(std::stoul(words[1])), static_cast<uint32_t>(std::stoul(words[3]))};
    }

    void apply(std::span<const std::byte> record, int64_t occurred_at_ms) {
        const Input input = read_input(record, append_time_ms_.value_or(occurred_at_ms));
        const size_t before = shard().entries().size();
        shard().apply(std::span(&input, 1));
        if (shard().entries().size() == before) return fault("no entry: this release does not know the rules in force");
        shard().mature();
        ++events_;
        event_line_ = line_;
        unsettled_ = true;
    }

    // ---- What comes out ----

    // An event nothing was said about must be accepted.
    void settle() {
        if (std::exchange(unsettled_, false)) {
            Entry entry;
            shard().last(entry);
            if (!entry.accepted())
                faults_.push_back(
                    {event_line_, fmt::format("{}, and no => line says so", outcome_name(entry.outcome))});
        }
    }

    void expect(std::span<const std::string> words) {
        if (!std::exchange(unsettled_, false)) return fault("=> stands after an event");
        Entry entry;
        shard().last(entry);
        const bool outcome_only = words.size() <= 2;
        compare("the outcome", joined(words.subspan(1)),
                outcome_only ? std::string(outcome_name(entry.outcome)) : rendered(entry));
    }

    void compare(std::string_view what, const std::string& expected, const std::string& actual) {
        if (expected != actual) fault(fmt::format("{}\n  expected  {}\n  actual    {}", what, expected, actual));
    }

    std::string maturity() {
        if (events_ == 0) return "none";
        Entry entry;
        shard().last(entry);
        return entry.maturity_us == kNoMaturity ? "none" : format_time(entry.maturity_us);
    }

    std::string plan() {
        if (events_ == 0) return "none";
        Entry entry;
        shard().last(entry);
        if (entry.plan == 0) return "default";
        Entry published;
        const Status decoded = decode_entry(shard().entries()[entry.plan - 1], published);
        UPLINE_CHECK(decoded.ok(), "what the core writes decodes");
        return name_of(published.id);
    }

    std::string left() {
        if (events_ == 0) return "none";
        Entry entry;
        shard().last(entry);
        return std::to_string(entry.remaining_before);
    }

    // "closes 3": how many balances the event before commits to; "closed USD ...": the sums of one currency.
    void closing(std::span<const std::string> words) {
        if (events_ == 0) return fault("a closing stands after an event");
        Entry entry;
        shard().last(entry);
        if (words[0] == "closes")
            return compare("the balances closed", joined(words.subspan(1)), std::to_string(entry.closing.balances));
        std::string actual = "none";
        for (const ClosedBook& book : entry.closing.books)
            if (words.size() > 1 && book.currency.text() == words[1])
                actual =
                    fmt::format("pending {} available {} reserved {} paid {} sales {} tax {} house {}", book.pending,
                                book.available, book.reserved, book.paid, book.sales, book.tax, book.house);
        compare("the books closed", joined(words.subspan(2)), actual);
    }

    std::string name_of(const Uuid& id) {
        const auto known = names_.find(id);
        return known == names_.end() ? to_string(id) : known->second;
    }
    std::string name_of(UserIndex user) { return name_of(shard().state().users()[user].id); }

    std::string rendered(const Entry& entry) {
        std::string text(outcome_name(entry.outcome));
        for (const Posting& posting : entry.posted()) {
            text += fmt::format(" {}",
                                posting.role == Role::kNone ? account_name(posting.account) : role_name(posting.role));
            if (is_user_account(posting.account))
                text += fmt::format(" {}", name_of(shard().state().user_by_sequence(posting.user)));
            text += fmt::format(" {}", posting.amount);
        }
        return text;
    }

    std::string program_prefix(ProgramIndex program) {
        const std::string_view name = shard().state().programs()[program].name();
        return name == kDefaultProgram ? "" : fmt::format("{}/", name);
    }

    // "u7 USD" -> "pending 2000 available 0", for all that is not all zero.
    std::map<std::string, std::string> balances() {
        std::map<std::string, std::string> all;
        const State& state = shard().state();
        for (size_t i = 0; i < state.accounts().size(); ++i) {
            const Account account = state.accounts()[i];
            std::string text = fmt::format("pending {} available {}", account.pending, account.available);
            if (account.reserved != 0 || account.paid != 0)
                text += fmt::format(" reserved {} paid {}", account.reserved, account.paid);
            if (text == "pending 0 available 0") continue;
            all[fmt::format("{}{} {}", program_prefix(state.users()[account.user].program), name_of(account.user),
                            account.currency.text())] = text;
        }
        for (size_t i = 0; i < state.books().size(); ++i) {
            const Book& book = state.books()[i];
            const auto add = [&](std::string_view name, int64_t amount) {
                if (amount == 0) return;
                all[fmt::format("{}{} {}", program_prefix(book.program), name, book.currency.text())] =
                    std::to_string(amount);
            };
            add("sales", book.sales);
            add("tax", book.tax);
            add("house", book.house);
        }
        return all;
    }

    void balance(std::span<const std::string> words) {
        const std::string key = joined(words.subspan(1, 2));
        const auto all = balances();
        const auto found = all.find(key);
        compare("balance " + key, joined(words.subspan(3)), found == all.end() ? "none" : found->second);
    }

    // All balances there are, none left out.
    void end_balances() {
        if (!listed_) return;
        std::vector<std::string> expected = std::move(*listed_);
        listed_.reset();
        std::vector<std::string> actual;
        for (const auto& [key, text] : balances()) actual.push_back(fmt::format("{} {}", key, text));
        std::ranges::sort(expected);
        std::ranges::sort(actual);
        if (expected == actual) return;
        faults_.push_back({listed_from_, fmt::format("the balances\n  expected\n    {}\n  actual\n    {}",
                                                     fmt::join(expected, "\n    "), fmt::join(actual, "\n    "))});
    }

    // The shard is made with the first event, when its partition is known.
    MemoryShard& shard() {
        if (!shard_) shard_.emplace(identity_);
        return *shard_;
    }

    int line_ = 0;
    std::vector<Fault> faults_;
    ShardIdentity identity_;
    std::optional<MemoryShard> shard_;
    EventParser parser_;
    RecordWriter writer_;
    std::map<Uuid, std::string> names_;
    std::optional<int64_t> append_time_ms_;
    size_t events_ = 0;
    int event_line_ = 0;
    bool unsettled_ = false;                          // no => line has been seen for the last event
    std::optional<std::vector<std::string>> listed_;  // the lines of a `balances:` being read
    int listed_from_ = 0;
};

TEST(RuleScripts, HoldLineByLine) {
    std::vector<std::filesystem::path> scripts;
    for (const auto& file : std::filesystem::directory_iterator(kScriptFolder))
        if (file.path().extension() == ".rules") scripts.push_back(file.path());
    std::ranges::sort(scripts);
    ASSERT_FALSE(scripts.empty()) << "no scripts in " << kScriptFolder;
    for (const std::filesystem::path& path : scripts) {
        std::ifstream in(path);
        std::stringstream text;
        text << in.rdbuf();
        for (const Fault& fault : Script().run(text.str()))
            ADD_FAILURE_AT(path.c_str(), fault.line)
                << path.filename().string() << ":" << fault.line << ": " << fault.message;
    }
}

// The runner itself: that a script can fail, at each kind of line, and says where.

std::vector<int> lines_at_fault(std::string_view script) {
    std::vector<int> lines;
    for (const Fault& fault : Script().run(script)) lines.push_back(fault.line);
    return lines;
}

constexpr std::string_view kSale =
    "chain u1 u2\n"
    "{\"type\": \"TransactionRecorded\", \"buyer\": \"u2\", \"amount\": \"100.00\", \"currency\": \"USD\"}\n";

TEST(RuleScriptRunner, FindsNothingWrongInWhatIsRight) {
    EXPECT_EQ(lines_at_fault(std::string(kSale) + "=> accepted  sales -10000  level_1 u1 2000  house 8000\n"
                                                  "matures 2026-01-31T00:00:00Z\n"
                                                  "plan default\n"
                                                  "left 0\n"
                                                  "clock 2026-01-01T00:00:00Z\n"
                                                  "balance u1 USD pending 2000 available 0\n"
                                                  "balance u2 USD none\n"
                                                  "balances:\n"
                                                  "  u1 USD pending 2000 available 0\n"
                                                  "  house USD 8000\n"
                                                  "  sales USD -10000\n"),
              std::vector<int>{});
}

TEST(RuleScriptRunner, NamesTheLineOfAnythingWrong) {
    for (const char* wrong :
         {"=> invalid", "=> accepted  sales -10000  level_1 u1 2000", "=> accepted  sales -10000",
          "=> accepted  sales -10000  level_1 u2 2000  house 8000", "matures 2026-01-31T00:00:01Z",
          "clock 2026-01-01T00:00:01Z", "plan u1", "left 1", "balance u1 USD pending 2001 available 0",
          "balance u2 USD pending 0 available 0", "nonsense", "balances:"})
        EXPECT_EQ(lines_at_fault(std::string(kSale) + wrong + "\n"), std::vector<int>{3}) << wrong;
    EXPECT_EQ(lines_at_fault("# nothing\n"), std::vector<int>{2}) << "an empty script";
    EXPECT_EQ(lines_at_fault("{\"id\": \"u1\", \"type\": \"UserSignedUp\", \"referrer\": \"u9\"}\n\n"),
              std::vector<int>{1})
        << "not accepted, and nobody said so";
    EXPECT_EQ(lines_at_fault("chain u1\n{\"type\": \"UserSignedUp\", \"refferer\": \"u1\"}\n"), std::vector<int>{2})
        << "a misspelt field";
    std::string activations;  // of all versions this release knows but the first, and of one more
    const int versions = static_cast<int>(rules_versions().size());
    for (int version = 2; version <= versions + 1; ++version)
        activations += fmt::format("{{\"type\": \"RulesActivated\", \"version\": {}}}\n", version);
    EXPECT_EQ(lines_at_fault(activations + "chain u1\n=> accepted\n"), (std::vector<int>{versions + 1, versions + 2}))
        << "no entry after rules this release does not know";
}

}  // namespace
}  // namespace upline
