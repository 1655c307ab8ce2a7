// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/raw_iterator.h"

#include <string>

#include "ledger/store/merged_iterator.h"
#include "ledger/store/rocks.h"

namespace upline {
namespace {

template <class Iterator>
class RowIterator final : public RawIterator {
  public:
    RowIterator(std::unique_ptr<Iterator> iterator, std::string_view name, std::string_view first)
        : name_(name), iterator_(std::move(iterator)) {
        iterator_->Seek(slice(first));
    }

    Result<std::optional<Row>> next() override {
        if (begun_) iterator_->Next();
        begun_ = iterator_->Valid();
        if (begun_) return std::optional(Row{view(iterator_->key()), view(iterator_->value())});
        UPLINE_TRY_ROCKS(iterator_->status(), fmt::format("read of {}", name_));
        return std::optional<Row>();
    }

  private:
    std::string name_;
    std::unique_ptr<Iterator> iterator_;
    bool begun_ = false;
};

}  // namespace

std::unique_ptr<RawIterator> iterate(const Store& store, std::string_view family, std::string_view first) {
    std::unique_ptr<rocksdb::Iterator> iterator(store.db().NewIterator(scan_options(0), store.family(family)));
    return std::make_unique<RowIterator<rocksdb::Iterator>>(std::move(iterator), family, first);
}

std::unique_ptr<RawIterator> iterate_both(const Store& store, std::string_view family, std::string_view first) {
    auto iterator = std::make_unique<MergedIterator>(store, scan_options(0), family);
    return std::make_unique<RowIterator<MergedIterator>>(std::move(iterator), family, first);
}

}  // namespace upline
