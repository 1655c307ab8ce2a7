// SPDX-License-Identifier: Apache-2.0
// `upline publish`: the static tree of C2SP tlog-tiles, which any file server can serve. Files that are there already
// are left alone. The checkpoint is written last, after all that it covers is synced.
#include "tools/transparency/publish.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "ledger/store/ledger_reader.h"
#include "tools/queries/ledger_queries.h"
#include "tools/terminal/print.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"

namespace upline {
namespace {

namespace fs = std::filesystem;

// C2SP tlog-tiles: 1234067 is x001/x234/067.
std::string index_path(uint64_t index) {
    std::string path = fmt::format("{:03}", index % 1000);
    while (index >= 1000) {
        index /= 1000;
        path = fmt::format("x{:03}/{}", index % 1000, path);
    }
    return path;
}

class Publishing {
  public:
    Publishing(Store& store, const fs::path& folder, const SignedCheckpoint& checkpoint, bool hashes_only,
               FileSystem& files)
        : store_(store),
          files_(files),
          folder_(folder),
          checkpoint_(checkpoint),
          size_(checkpoint.checkpoint.size),
          hashes_only_(hashes_only),
          entries_(store.scan_reader()) {}

    // How many files were written.
    Result<uint64_t> publish(const Progress& progress) {
        UPLINE_TRY_ASSIGN(const Hash root, prover_of(store_, size_).root());
        if (root != checkpoint_.checkpoint.root)
            return Error{ErrorCode::kCorrupt, fmt::format("the tree of {} entries has root {}, signed was {}; nothing "
                                                          "was published, run `upline verify`",
                                                          size_, to_hex(root), to_hex(checkpoint_.checkpoint.root))};
        UPLINE_TRY_ASSIGN(const uint64_t published, published_size());
        for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
            const uint64_t before = published >> (merkle::kTileHeight * level);
            const uint64_t hashes = size_ >> (merkle::kTileHeight * level);
            if (hashes == 0) break;
            for (uint64_t index = before / merkle::kTileWidth; merkle::tile_width(size_, level, index) > 0; ++index) {
                if (progress && level == 0) progress(index * merkle::kTileWidth, size_);
                UPLINE_TRY(write_tile(level, index));
            }
        }
        if (!hashes_only_) {
            for (uint64_t index = 0; merkle::tile_width(size_, 0, index) > 0; ++index) {
                if (progress) progress(index * merkle::kTileWidth, size_);
                // An earlier run may have left the entries out (--hashes-only), so each bundle is looked for. One that
                // is written late must be complete if it is there: no later run writes it again.
                const bool late = index < published / merkle::kTileWidth;
                if (late) {
                    UPLINE_TRY_ASSIGN(const bool there,
                                      file_exists(path_of("entries", index, merkle::kTileWidth), files_));
                    if (there) continue;
                }
                UPLINE_TRY(write_bundle(index, late));
            }
        }
        UPLINE_TRY(sync_all());
        UPLINE_TRY(remove_old_partials(published));
        UPLINE_TRY(write_file(folder_ / "checkpoint", note::to_string(checkpoint_.note), 0644, files_));
        return written_;
    }

  private:
    // The size of the checkpoint that is published already; the new one must extend it.
    Result<uint64_t> published_size() {
        UPLINE_TRY(make_folders(folder_, files_));
        const auto bytes = read_file(folder_ / "checkpoint", note::kMaxNoteBytes, files_);
        if (!bytes.ok() && bytes.error().code == ErrorCode::kNotFound) {
            UPLINE_TRY_ASSIGN(const std::vector<std::string> names, list_folder(folder_, files_));
            const auto is_ours = [](const std::string& name) { return name == "tile" || name == "checkpoint.new"; };
            if (names.empty() || std::ranges::any_of(names, is_ours)) return uint64_t{0};
            return Error{ErrorCode::kInvalid,
                         fmt::format("{}: holds something else; give a new or empty folder", folder_.native())};
        }
        UPLINE_TRY(bytes);
        const auto published = parse_checkpoint(*bytes);
        if (!published.ok())
            return Error{ErrorCode::kInvalid,
                         fmt::format("{}/checkpoint: {}", folder_.native(), published.error().message)};
        const Checkpoint& old = published->checkpoint;
        if (old.origin != checkpoint_.checkpoint.origin)
            return Error{ErrorCode::kConflict,
                         fmt::format("{}: the log of {} is published there, this is {}", folder_.native(), old.origin,
                                     checkpoint_.checkpoint.origin)};
        if (old.size > size_)
            return Error{ErrorCode::kConflict,
                         fmt::format("{}: {} entries are published there, the last checkpoint is of {}",
                                     folder_.native(), old.size, size_)};
        UPLINE_TRY_ASSIGN(const Hash then, prover_of(store_, old.size).root());
        if (then != old.root)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("{}: published is root {} of {} entries, those entries now have {}; nothing was "
                                     "published, run `upline verify`",
                                     folder_.native(), to_hex(old.root), old.size, to_hex(then))};
        return old.size;
    }

    fs::path path_of(std::string_view level, uint64_t index, uint64_t width) const {
        std::string name = index_path(index);
        if (width < merkle::kTileWidth) name += fmt::format(".p/{}", width);
        return folder_ / "tile" / level / name;
    }

    // Written under another name and renamed: a reader never sees half a file. sync_all() syncs all of them at once.
    Status write(const fs::path& path, std::string_view bytes, bool sync_first = false) {
        if (path.parent_path() != last_folder_) {
            UPLINE_TRY(make_folders(path.parent_path(), files_));
            last_folder_ = path.parent_path();
        }
        const fs::path temporary = path.native() + ".new";
        const Fd fd(files_.open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
        if (fd.get() < 0 || !write_all(files_, fd.get(), std::as_bytes(std::span(bytes)), 0) ||
            (sync_first && files_.fsync(fd.get()) != 0) || files_.rename(temporary.c_str(), path.c_str()) != 0)
            return Error{ErrorCode::kUnavailable,
                         fmt::format("{}: cannot be written: {}", path.native(), std::strerror(errno))};
        ++written_;
        return ok_status();
    }

    Status write_tile(unsigned level, uint64_t index) {
        UPLINE_TRY_ASSIGN(std::optional<merkle::Tile> tile, read_tile(store_, level, index));
        const uint64_t width = merkle::tile_width(size_, level, index);
        if (!tile || tile->hashes.size() < width)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("tile {}/{} is missing or too short; run `upline verify`", level, index)};
        return write(path_of(std::to_string(level), index, width),
                     {reinterpret_cast<const char*>(tile->hashes.data()), width * sizeof(Hash)});
    }

    // A bundle is a list of entries, each after its length in two big-endian bytes.
    Status write_bundle(uint64_t index, bool sync_first) {
        const uint64_t width = merkle::tile_width(size_, 0, index);
        UPLINE_TRY_ASSIGN(const std::optional<merkle::Tile> tile, read_tile(store_, 0, index));
        std::string bundle;
        for (uint64_t i = 0; i < width; ++i) {
            UPLINE_TRY_ASSIGN(const std::span<const std::byte> entry, entries_->entry(index * merkle::kTileWidth + i));
            if (!tile || i >= tile->hashes.size() || merkle::leaf_hash(entry) != tile->hashes[i])
                return Error{ErrorCode::kCorrupt,
                             fmt::format("entry {} is not the one in the tree; run `upline verify`",
                                         index * merkle::kTileWidth + i)};
            append_be(static_cast<uint16_t>(entry.size()), bundle);
            bundle.append(reinterpret_cast<const char*>(entry.data()), entry.size());
        }
        return write(path_of("entries", index, width), bundle, sync_first);
    }

    Status sync_all() {
        const Fd fd(files_.open(folder_.c_str(), O_RDONLY | O_DIRECTORY, 0));
        if (fd.get() < 0 || files_.syncfs(fd.get()) != 0)
            return Error{ErrorCode::kUnavailable, fmt::format("{}: sync: {}", folder_.native(), std::strerror(errno))};
        return ok_status();
    }

    // Partial tiles whose full tile is synced now: the specification allows removing them. Before the checkpoint is
    // written, so that a run after a failure removes them too.
    Status remove_old_partials(uint64_t published) {
        for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
            const uint64_t index = (published >> (merkle::kTileHeight * level)) / merkle::kTileWidth;
            if (merkle::tile_width(size_, level, index) < merkle::kTileWidth) continue;
            std::vector<std::string> kinds{std::to_string(level)};
            if (level == 0 && !hashes_only_) kinds.emplace_back("entries");
            for (const std::string& kind : kinds)
                UPLINE_TRY(remove_folder(folder_ / "tile" / kind / (index_path(index) + ".p"), files_));
        }
        return ok_status();
    }

    Store& store_;
    FileSystem& files_;
    fs::path folder_;
    const SignedCheckpoint& checkpoint_;
    uint64_t size_;
    bool hashes_only_;
    std::unique_ptr<EntrySource> entries_;
    fs::path last_folder_;
    uint64_t written_ = 0;  // files
};

}  // namespace

Result<uint64_t> publish_tiles(Store& store, const std::filesystem::path& folder, const SignedCheckpoint& checkpoint,
                               bool hashes_only, const Progress& progress, FileSystem& files) {
    return Publishing(store, folder, checkpoint, hashes_only, files).publish(progress);
}

namespace {

Status publish_all(const PublishArgs& args) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    std::vector<note::SigningKey> keys;
    if (!args.key.empty()) {
        UPLINE_TRY_ASSIGN(keys, read_signing_keys(args.key));
    }
    for (ReadShard& shard : shards) {
        Checkpoints checkpoints(args.data, shard.partition);
        UPLINE_TRY_ASSIGN(const SignedCheckpoint latest, sign_or_latest(checkpoints, *shard.store, keys));
        const fs::path folder =
            shards.size() == 1 ? fs::path(args.dir) : fs::path(args.dir) / std::to_string(shard.partition);
        ProgressBar progress(fmt::format("publish partition {}", shard.partition));
        UPLINE_TRY_ASSIGN(const uint64_t files,
                          publish_tiles(*shard.store, folder, latest, args.hashes_only, progress.callback()));
        if (args.json) {
            RowPrinter row(Format::kJsonl, stdout);
            row.number("partition", shard.partition);
            row.text("origin", latest.checkpoint.origin);
            row.number("size", static_cast<int64_t>(latest.checkpoint.size));
            row.text("root", to_hex(latest.checkpoint.root));
            row.text("folder", folder.native());
            row.number("files", static_cast<int64_t>(files));
            row.end_row();
        } else {
            fmt::print("partition {}: {} entries of {} in {}, {} files written\n", shard.partition,
                       with_commas(latest.checkpoint.size), latest.checkpoint.origin, folder.native(),
                       with_commas(files));
        }
    }
    return ok_status();
}

}  // namespace

int publish(const PublishArgs& args) {
    return finish(publish_all(args), ErrorCode::kCorrupt);
}

}  // namespace upline
