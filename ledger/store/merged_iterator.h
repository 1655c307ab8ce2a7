// SPDX-License-Identifier: Apache-2.0
// Entries, offsets and tiles lie in two families each: what was written through the log and what was ingested. This
// reads both as one.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>

#include "ledger/store/rocks.h"
#include "ledger/store/store.h"

namespace upline {

// The keys of "entries", "offsets" or "tiles" and of its bulk family, in order; a key that is in both comes twice.
// Used by one thread. The method names are RocksDB's.
class MergedIterator {
  public:
    MergedIterator(const Store& store, const rocksdb::ReadOptions& options, std::string_view family)
        : current_(store.db().NewIterator(options, store.family(family))),
          other_(store.db().NewIterator(options, store.family(fmt::format("bulk_{}", family)))) {}

    // The names of rocksdb::Iterator, so that one template reads through either.
    // NOLINTBEGIN(readability-identifier-naming)
    void Seek(const rocksdb::Slice& key) {
        current_->Seek(key);
        other_->Seek(key);
        other_is_ahead_ = true;
        take_first();
    }
    void SeekForPrev(const rocksdb::Slice& key) {
        current_->SeekForPrev(key);
        other_->SeekForPrev(key);
        if (!current_->Valid() || (other_->Valid() && other_->key().compare(current_->key()) > 0))
            std::swap(current_, other_);
        other_is_ahead_ = current_->Valid() && other_->Valid() && other_->key() == current_->key();
    }
    void Next() {
        current_->Next();
        if (!other_is_ahead_) {
            if (other_->Valid())
                other_->Next();
            else
                other_->SeekToFirst();
        }
        other_is_ahead_ = true;
        take_first();
    }
    bool Valid() const { return current_->Valid(); }
    rocksdb::Slice key() const { return current_->key(); }
    rocksdb::Slice value() const { return current_->value(); }
    // NOLINTEND(readability-identifier-naming)
    rocksdb::Status status() const { return current_->status().ok() ? other_->status() : current_->status(); }

  private:
    void take_first() {
        if (!current_->Valid() || (other_->Valid() && other_->key().compare(current_->key()) < 0))
            std::swap(current_, other_);
    }
    std::unique_ptr<rocksdb::Iterator> current_;
    std::unique_ptr<rocksdb::Iterator> other_;
    bool other_is_ahead_ = true;  // or at the same key; else it stands at one before
};

}  // namespace upline
