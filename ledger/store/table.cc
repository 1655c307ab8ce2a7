// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/table.h"

#include <map>

namespace upline {
namespace {

class KnownRows final : public RowChanges {
  public:
    explicit KnownRows(std::span<const Table::Write> writes) {
        for (const Table::Write& write : writes) last_[write.key] = &write;
        next_ = last_.begin();
    }
    std::optional<std::string_view> next() override {
        if (next_ == last_.end()) return std::nullopt;
        now_ = next_++;
        return now_->first;
    }
    Status change(std::optional<std::string_view> /*stored*/, std::string& value) override {
        value += now_->second->value.value_or(std::string());
        return ok_status();
    }

  private:
    std::map<std::string_view, const Table::Write*> last_;
    std::map<std::string_view, const Table::Write*>::const_iterator next_, now_;
};

}  // namespace

Status Table::write(std::span<const Write> writes) {
    KnownRows rows(writes);
    return change(rows);
}

}  // namespace upline
