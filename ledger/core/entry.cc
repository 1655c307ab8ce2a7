// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/entry.h"

#include <fmt/format.h>

#include <cstring>

#include "events/base/byte_reader.h"
#include "events/base/check.h"

namespace upline {
namespace {

template <class T>
constexpr bool kIsRef = std::is_same_v<T, UserRef> || std::is_same_v<T, WebsiteRef> ||
                        std::is_same_v<T, TransactionRef> || std::is_same_v<T, PayoutRef>;

// An upper bound of an entry's bytes without closed books: two texts of 255, eight rates, twelve postings, a program of
// 64 and the rest.
constexpr size_t kEntryBound = 2048;

// Of each book that a BooksClosed tells of.
constexpr size_t kClosedBookBytes = 3 + 4 * sizeof(Int128) + 3 * sizeof(int64_t);

// No hold is as long as all of time; so no difference of two times of an entry leaves int64.
constexpr int64_t kMaxMaturityUs = 2 * kMaxTimeUs;

// Writes to memory that is large enough by kEntryBound; the one place that knows the forms of the header's comment.
class Writer {
  public:
    explicit Writer(std::byte* at) : at_(at) {}

    template <class T>
    void fixed(T value) {
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }
    void bytes(const void* data, size_t size) {
        if (size != 0) std::memcpy(at_, data, size);
        at_ += size;
    }
    void varint(uint64_t value) { at_ = store_varint(value, at_); }
    void zigzag_varint(int64_t value) { at_ = store_zigzag_varint(value, at_); }
    std::byte* at() const { return at_; }

  private:
    std::byte* at_;
};

class FactsWriter {
  public:
    FactsWriter(Writer& out, std::span<const Sequence, kMaxRefs> refs) : out_(out), refs_(refs) {}

    template <class T>
    void operator()(int /*slot*/, std::string_view /*name*/, const T& member, Presence /*presence*/) {
        if constexpr (kIsRef<T>)
            out_.varint(refs_[next_ref_++] + 1);  // kNoSequence + 1 is 0
        else
            put(member);
    }

  private:
    void put(WithUnit auto number) { out_.zigzag_varint(number.value); }
    void put(Currency currency) { out_.bytes(currency.code.data(), 3); }
    void put(uint32_t count) { out_.varint(count); }
    void put(uint16_t version) { out_.varint(version); }
    void put(OptionalVisitor visitor) {
        out_.fixed<uint8_t>(visitor ? 1 : 0);
        if (visitor) out_.fixed(visitor->value);
    }
    void put(Text text) {
        out_.varint(text.size());
        out_.bytes(text.data(), text.size());
    }
    void put(OptionalText text) {
        out_.varint(text ? text->size() + 1 : 0);
        if (text) out_.bytes(text->data(), text->size());
    }
    void put(Rates rates) {
        out_.varint(rates.size());
        for (const int32_t rate : rates) out_.zigzag_varint(rate);
    }
    template <class E>
    requires std::is_enum_v<E>
    void put(E value) { out_.fixed(static_cast<uint8_t>(value)); }

    Writer& out_;
    std::span<const Sequence, kMaxRefs> refs_;
    size_t next_ref_ = 0;
};

void write_facts(int64_t occurred_at_us, const Payload& payload, std::span<const Sequence, kMaxRefs> refs,
                 Writer& out) {
    out.fixed(occurred_at_us);
    FactsWriter visitor(out, refs);
    std::visit(
        [&visitor](const auto& facts) {
            if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(facts)>, std::monostate>)
                std::remove_cvref_t<decltype(facts)>::visit(facts, visitor);
        },
        payload);
}

// Facts that are compared with those of an accepted entry may be larger than any entry (thousands of rates).
size_t facts_bound(const Payload& payload) {
    const auto* plan = std::get_if<PlanPublished>(&payload);
    return kEntryBound + (plan ? plan->level_rates.size() * 5 : 0);
}

class FactsReader {
  public:
    FactsReader(ByteReader& in, Entry& entry) : in_(in), entry_(entry) {}

    template <class T>
    void operator()(int /*slot*/, std::string_view /*name*/, T& member, Presence presence) {
        if constexpr (kIsRef<T>) {
            const uint64_t plus_one = in_.varint();
            in_.expect(plus_one != 0 || presence != Presence::kRequired, "a reference");
            entry_.refs[next_ref_++] = plus_one - 1;
        } else {
            get(member);
        }
    }

  private:
    void get(MinorUnits& amount) { amount.value = in_.zigzag_varint(); }
    void get(TenThousandths& amount) { amount.value = in_.zigzag_varint(); }
    void get(BasisPoints& number) { get(number.value); }
    void get(Days& number) { get(number.value); }
    void get(int32_t& number) {
        const int64_t value = in_.zigzag_varint();
        in_.expect(value == static_cast<int32_t>(value), "a number of 32 bits");
        number = static_cast<int32_t>(value);
    }
    void get(Currency& currency) {
        const auto known = parse_currency(in_.text(3));
        in_.expect(known.has_value(), "a currency");
        currency = known.value_or(Currency{});
    }
    void get(uint32_t& count) {
        const uint64_t value = in_.varint();
        in_.expect(value != 0 && value <= UINT32_MAX, "a count from 1");
        count = static_cast<uint32_t>(value);
    }
    void get(uint16_t& version) {
        const uint64_t value = in_.varint();
        in_.expect(value <= UINT16_MAX, "a version");
        version = static_cast<uint16_t>(value);
    }
    void get(OptionalVisitor& visitor) {
        const auto present = in_.fixed<uint8_t>();
        in_.expect(present <= 1, "0 or 1 for a visitor");
        if (present == 1) visitor = VisitorToken{in_.fixed<uint64_t>()};
    }
    void get(Text& text) {
        text = in_.text(in_.varint());
        in_.expect(is_event_text(text), "a text");
    }
    void get(OptionalText& text) {
        const uint64_t plus_one = in_.varint();
        if (plus_one == 0) return;
        text = in_.text(plus_one - 1);
        in_.expect(is_event_text(*text), "a text");
    }
    void get(Rates& rates) {
        const uint64_t count = in_.varint();
        in_.expect(count >= 1 && count <= 7, "1 to 7 rates");
        if (in_.failed()) return;
        for (uint64_t i = 0; i < count; ++i) get(entry_.rates[i]);
        rates = Rates(entry_.rates.data(), count);
    }
    template <class E>
    requires std::is_enum_v<E>
    void get(E& value) {
        const auto number = in_.fixed<uint8_t>();
        in_.expect(is_enum_value<E>(number), "a value of the enum");
        value = static_cast<E>(number);
    }

    ByteReader& in_;
    Entry& entry_;
    size_t next_ref_ = 0;
};

template <size_t I = 1>
void emplace_payload(Payload& payload, uint8_t type) {
    if constexpr (I < std::variant_size_v<Payload>) {
        if (type == static_cast<uint8_t>(std::variant_alternative_t<I, Payload>::kType))
            payload.emplace<I>();
        else
            emplace_payload<I + 1>(payload, type);
    }
}

void write_closing(const Closing& closing, Writer& out) {
    out.varint(closing.balances);
    out.fixed(closing.root);
    out.fixed(static_cast<uint8_t>(closing.books.size()));
    for (const ClosedBook& book : closing.books) {
        out.bytes(book.currency.code.data(), 3);
        for (const Int128 sum : {book.pending, book.available, book.reserved, book.paid}) out.fixed(sum);
        for (const int64_t sum : {book.sales, book.tax, book.house}) out.fixed(sum);
    }
}

void read_closing(ByteReader& in, Closing& closing) {
    closing.balances = in.varint();
    closing.root = in.fixed<Hash>();
    const auto books = in.fixed<uint8_t>();
    for (uint8_t i = 0; i < books && !in.failed(); ++i) {
        ClosedBook book;
        const auto currency = parse_currency(in.text(3));
        in.expect(currency.has_value(), "a currency");
        book.currency = currency.value_or(Currency{});
        for (Int128* sum : {&book.pending, &book.available, &book.reserved, &book.paid}) *sum = in.fixed<Int128>();
        for (int64_t* sum : {&book.sales, &book.tax, &book.house}) *sum = in.fixed<int64_t>();
        closing.books.push_back(book);
    }
}

// Header, and event type, id and program if readable.
void read_head(ByteReader& in, Entry& entry) {
    entry.sequence = in.fixed<uint64_t>();
    entry.rules_version = in.fixed<uint16_t>();
    const auto outcome = in.fixed<uint8_t>();
    in.expect(outcome <= kLastOutcome, "an outcome");
    entry.outcome = static_cast<Outcome>(outcome);
    entry.clock_us = in.fixed<int64_t>();
    in.expect(entry.clock_us >= 0 && entry.clock_us <= kMaxTimeUs, "a clock from 1970 to 9999");
    entry.record_sha256 = in.fixed<Hash>();
    if (!entry.readable()) return;
    entry.type = in.fixed<uint8_t>();
    entry.id.bytes = in.fixed<std::array<uint8_t, 16>>();
    entry.program = in.text(in.fixed<uint8_t>());
    in.expect(entry.type != 0, "an event type");
    in.expect(!entry.id.is_nil(), "an id");
    in.expect(is_program_name(entry.program), "a program");
}

void read_facts(ByteReader& in, Entry& entry) {
    entry.occurred_at_us = in.fixed<int64_t>();
    in.expect(entry.occurred_at_us >= 0 && entry.occurred_at_us <= kMaxTimeUs, "a time from 1970 to 9999");
    emplace_payload(entry.payload, entry.type);
    FactsReader visitor(in, entry);
    std::visit(
        [&](auto& facts) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(facts)>, std::monostate>)
                in.fail("a known event type");
            else
                std::remove_cvref_t<decltype(facts)>::visit(facts, visitor);
        },
        entry.payload);
}

// Reads postings as long as the numbers of one lie within eight bytes, as they mostly do, and nothing is wrong with
// it; says how many. Both numbers are found by one look at those bytes: each would else wait for the one before it.
size_t read_short_postings(ByteReader& in, Entry& entry) {
    if (in.failed()) return 0;
    const std::span<const std::byte> rest = in.rest();
    const std::byte* at = rest.data();
    const std::byte* const end = at + rest.size();
    size_t i = 0;
    for (; i < entry.posting_count && end - at >= static_cast<ptrdiff_t>(1 + sizeof(uint64_t)); ++i) {
        const auto code = static_cast<uint8_t>(*at);
        if ((code >> 5) > kLastAccountKind || (code & 31) > kLastRole) break;
        const auto account = static_cast<AccountKind>(code >> 5);
        uint64_t user_plus_one = 0;
        uint64_t amount = 0;
        const size_t taken = is_user_account(account) ? read_short_varints(at + 1, user_plus_one, amount)
                                                      : read_short_varint(at + 1, sizeof amount, amount);
        if (taken == 0 || amount == 0 || (is_user_account(account) && user_plus_one == 0)) break;
        entry.postings[i] = {account, static_cast<Role>(code & 31), user_plus_one - 1, from_zigzag(amount)};
        at += 1 + taken;
    }
    in.pass(static_cast<size_t>(at - rest.data()));
    return i;
}

void read_postings(ByteReader& in, Entry& entry) {
    entry.plan = in.varint();
    if (std::holds_alternative<TransactionRefunded>(entry.payload)) {
        const uint64_t left = in.varint();
        in.expect(left > 0 && left <= INT64_MAX, "what was left of the sale");
        entry.remaining_before = static_cast<int64_t>(left);
    }
    if (std::holds_alternative<BooksClosed>(entry.payload)) read_closing(in, entry.closing);
    entry.posting_count = in.fixed<uint8_t>();
    if (entry.posting_count == 0) return;
    in.expect(entry.posting_count <= kMaxPostings, "at most 12 postings");
    const auto currency = parse_currency(in.text(3));
    in.expect(currency.has_value(), "a currency");
    entry.currency = currency.value_or(Currency{});
    entry.maturity_us = in.fixed<int64_t>();
    in.expect(entry.maturity_us >= kNoMaturity && entry.maturity_us <= kMaxMaturityUs, "a maturity or -1");
    for (size_t i = read_short_postings(in, entry); i < entry.posting_count && !in.failed(); ++i) {
        Posting& posting = entry.postings[i];
        const auto code = in.fixed<uint8_t>();
        in.expect((code >> 5) <= kLastAccountKind && (code & 31) <= kLastRole, "an account and a role");
        posting.account = static_cast<AccountKind>(code >> 5);
        posting.role = static_cast<Role>(code & 31);
        posting.user = kNoSequence;
        if (is_user_account(posting.account)) {
            const uint64_t plus_one = in.varint();
            in.expect(plus_one != 0, "a user");
            posting.user = plus_one - 1;
        }
        posting.amount = in.zigzag_varint();
        in.expect(posting.amount != 0, "an amount that is not zero");
    }
}

// Writes an entry and says how many bytes it took.
size_t write_entry(const Entry& entry, std::byte* at, size_t bound) {
    Writer writer(at);
    writer.fixed(entry.sequence);
    writer.fixed(entry.rules_version);
    writer.fixed(static_cast<uint8_t>(entry.outcome));
    writer.fixed(entry.clock_us);
    writer.fixed(entry.record_sha256);
    if (entry.readable()) {
        writer.fixed(entry.type);
        writer.fixed(entry.id.bytes);
        writer.fixed(static_cast<uint8_t>(entry.program.size()));
        writer.bytes(entry.program.data(), entry.program.size());
    }
    if (entry.accepted()) {
        UPLINE_CHECK(entry.payload.index() != 0, "an accepted event of a known type");
        write_facts(entry.occurred_at_us, entry.payload, entry.refs, writer);
        writer.varint(entry.plan);
        if (std::holds_alternative<TransactionRefunded>(entry.payload))
            writer.varint(static_cast<uint64_t>(entry.remaining_before));
        if (std::holds_alternative<BooksClosed>(entry.payload)) write_closing(entry.closing, writer);
        writer.fixed(entry.posting_count);
        if (entry.posting_count != 0) {
            writer.bytes(entry.currency.code.data(), 3);
            writer.fixed(entry.maturity_us);
        }
        for (const Posting& posting : entry.posted()) {
            writer.fixed(static_cast<uint8_t>(static_cast<unsigned>(posting.account) << 5 |
                                              static_cast<unsigned>(posting.role)));
            if (is_user_account(posting.account)) writer.varint(posting.user + 1);
            writer.zigzag_varint(posting.amount);
        }
    }
    const auto size = static_cast<size_t>(writer.at() - at);
    UPLINE_CHECK(size <= bound && size <= kMaxEntryBytes, "an entry within its bound");
    return size;
}

}  // namespace

std::string_view account_name(AccountKind kind) {
    static constexpr std::array<std::string_view, kLastAccountKind + 1> kNames = {"sales",  "tax",      "house",
                                                                                  "earned", "reserved", "paid"};
    return kNames.at(static_cast<size_t>(kind));
}

std::string_view role_name(Role role) {
    static constexpr std::array<std::string_view, kLastRole + 1> kNames = {"",        "level_1", "level_2",   "level_3",
                                                                           "level_4", "level_5", "level_6",   "level_7",
                                                                           "creator", "website", "adjustment"};
    return kNames.at(static_cast<size_t>(role));
}

void append_entry(const Entry& entry, std::vector<std::byte>& out) {
    if (!entry.closing.books.empty()) {
        const size_t start = out.size();
        const size_t bound = kEntryBound + entry.closing.books.size() * kClosedBookBytes;
        out.resize(start + bound);
        out.resize(start + write_entry(entry, out.data() + start, bound));
        return;
    }
    std::byte buffer[kEntryBound];  // not initialised: only what is written is copied
    const size_t size = write_entry(entry, buffer, kEntryBound);
    out.insert(out.end(), buffer, buffer + size);
}

size_t closing_root_from_end(size_t books) {
    return 1 + books * kClosedBookBytes + 1 + sizeof(Hash);
}

void append_facts(const Event& event, std::span<const Sequence, kMaxRefs> refs, std::vector<std::byte>& out) {
    const size_t start = out.size();
    const size_t bound = facts_bound(event.payload);
    out.resize(start + bound);
    Writer writer(out.data() + start);
    write_facts(event.occurred_at_us, event.payload, refs, writer);
    const auto size = static_cast<size_t>(writer.at() - (out.data() + start));
    UPLINE_CHECK(size <= bound, "facts within their bound");
    out.resize(start + size);
}

std::span<const std::byte> facts_of(std::span<const std::byte> bytes) {
    Entry entry;
    ByteReader in(bytes);
    read_head(in, entry);
    const size_t first = in.position();
    UPLINE_CHECK(!in.failed() && entry.accepted(), "an accepted entry that decodes");
    read_facts(in, entry);
    UPLINE_CHECK(!in.failed(), "an accepted entry that decodes");
    return bytes.subspan(first, in.position() - first);
}

namespace {
constexpr size_t kOutcomeAt = 10;
constexpr size_t kTypeAt = 51;
constexpr size_t kIdAt = 52;
}  // namespace

bool is_accepted_sale(std::span<const std::byte> bytes) {
    return bytes.size() > kTypeAt && bytes[kOutcomeAt] == static_cast<std::byte>(Outcome::kAccepted) &&
           bytes[kTypeAt] == static_cast<std::byte>(EventType::kTransactionRecorded);
}

bool is_accepted_of_id(std::span<const std::byte> bytes, const Uuid& id) {
    return bytes.size() >= kIdAt + sizeof id && bytes[kOutcomeAt] == static_cast<std::byte>(Outcome::kAccepted) &&
           std::memcmp(&bytes[kIdAt], &id, sizeof id) == 0;
}

Result<bool> is_entry_of(std::span<const std::byte> bytes, std::string_view program, const Uuid& id) {
    Entry entry;
    UPLINE_TRY(decode_entry(bytes, entry));
    return entry.accepted() && entry.id == id && entry.program == program;
}

Status decode_entry(std::span<const std::byte> bytes, Entry& entry) {
    entry.refs.fill(kNoSequence);
    entry.payload.emplace<0>();
    entry.occurred_at_us = 0;
    entry.plan = 0;
    entry.remaining_before = 0;
    entry.closing.balances = 0;
    entry.closing.root = {};
    entry.closing.books.clear();
    entry.posting_count = 0;
    entry.maturity_us = kNoMaturity;
    entry.currency = Currency{};
    entry.program = {};
    entry.type = 0;
    entry.id = Uuid{};
    ByteReader in(bytes);
    read_head(in, entry);
    if (!in.failed() && entry.accepted()) {
        read_facts(in, entry);
        if (!in.failed()) read_postings(in, entry);
    }
    return in.status("the end of the entry");
}

}  // namespace upline
