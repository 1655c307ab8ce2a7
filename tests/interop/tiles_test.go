// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/tlog"
)

// A published folder is a tlog.TileReader: where a tile lies is torchwood's word, what hashes say is x/mod's.
type published string

func (p published) Height() int                     { return torchwood.TileHeight }
func (p published) SaveTiles([]tlog.Tile, [][]byte) {}
func (p published) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(p), torchwood.TilePath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// files are the paths of all files in the folder.
func (p published) files(t *testing.T) []string {
	t.Helper()
	var all []string
	ok(t, fs.WalkDir(os.DirFS(string(p)), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, path)
		}
		return err
	}))
	return all
}

// stages are what a log grows by in tests of tiles: less than a tile; up to a full one; many; copies of those, whose
// entries say that they are copies, until there are tiles of level 2.
func stages(t *testing.T) [][]string {
	t.Helper()
	edge, events := edgeEvents(t), lifecycleEvents(t)
	full := 256 - len(edge)
	return [][]string{edge, events[:full], events[full:], slices.Concat(events, events, events, events)}
}

func TestTiles(t *testing.T) {
	l := newLedger(t)
	open, closed := published(filepath.Join(t.TempDir(), "open")), published(filepath.Join(t.TempDir(), "closed"))
	for _, events := range stages(t) {
		l.grow(t, events)
		tree := l.sign(t)
		upline(t, "publish", string(open), "--data", l.data)
		upline(t, "publish", string(closed), "--data", l.data, "--hashes-only")
		for _, p := range []published{open, closed} {
			checkHashTiles(t, l, tree, p)
		}
		checkEntries(t, l, tree, open)
		for _, path := range closed.files(t) {
			if strings.HasPrefix(path, "tile/entries/") {
				t.Errorf("%s is published with --hashes-only", path)
			}
		}
	}
}

// checkHashTiles finds the signed tree, and the proofs in it, in the tiles.
func checkHashTiles(t *testing.T, l *ledger, tree tlog.Tree, p published) {
	t.Helper()
	if signed := l.open(t, must(os.ReadFile(filepath.Join(string(p), "checkpoint")))(t)); signed != tree {
		t.Fatalf("published is %v, signed %v", signed, tree)
	}
	for _, path := range p.files(t) {
		if _, err := torchwood.ParseTilePath(path); err != nil && path != "checkpoint" {
			t.Errorf("%s is no file of tlog-tiles", path)
		}
	}
	hashes := tlog.TileHashReader(tree, p)
	if root := must(tlog.TreeHash(tree.N, hashes))(t); root != tree.Hash {
		t.Errorf("the tiles' root is %v, the checkpoint's %v", root, tree.Hash)
	}
	for _, index := range []int64{0, 255, 256, tree.N / 3, tree.N - 1} {
		if index >= tree.N {
			continue
		}
		_, ours := checkEntryProof(t, l, tree, index, l.proveEntry(t, index))
		if theirs := must(tlog.ProveRecord(tree.N, index, hashes))(t); !slices.Equal(ours, theirs) {
			t.Errorf("entry %d of %d: upline proves it by %v, x/mod by %v", index, tree.N, ours, theirs)
		}
	}
	for _, old := range []int64{1, 2, 91, 255, 256, 257, tree.N / 3, tree.N - 1, tree.N} {
		if old > tree.N {
			continue
		}
		ours, _ := l.proveConsistency(t, old)
		if theirs := must(tlog.ProveTree(tree.N, old, hashes))(t); !slices.Equal(ours, theirs) {
			t.Errorf("from %d to %d: upline proves it by %v, x/mod by %v", old, tree.N, ours, theirs)
		}
	}
}

// checkEntries reads all entries by tessera's format and by torchwood's client.
func checkEntries(t *testing.T, l *ledger, tree tlog.Tree, p published) {
	t.Helper()
	var entries [][]byte
	hashes := tlog.TileHashReader(tree, p)
	for part := range layout.Range(0, uint64(tree.N), uint64(tree.N)) {
		path := layout.EntriesPath(part.Index, part.Partial)
		var bundle api.EntryBundle
		ok(t, bundle.UnmarshalText(must(os.ReadFile(filepath.Join(string(p), path)))(t)))
		if uint(len(bundle.Entries)) != part.N {
			t.Fatalf("%s holds %d entries, not %d", path, len(bundle.Entries), part.N)
		}
		var leaves []int64
		for at := range bundle.Entries {
			leaves = append(leaves, tlog.StoredHashIndex(0, int64(len(entries)+at)))
		}
		for at, leaf := range must(hashes.ReadHashes(leaves))(t) {
			if tlog.RecordHash(bundle.Entries[at]) != leaf {
				t.Errorf("%s: entry %d is not what the tree has", path, at)
			}
		}
		entries = append(entries, bundle.Entries...)
	}

	client := must(torchwood.NewClient(must(torchwood.NewTileFS(os.DirFS(string(p))))(t)))(t)
	var read int64
	for index, entry := range client.AllEntries(t.Context(), tree, 0) {
		if index != read || !bytes.Equal(entry, entries[index]) {
			t.Fatalf("torchwood reads entry %d otherwise than tessera does entry %d", index, read)
		}
		read++
	}
	ok(t, client.Err())
	if read != tree.N {
		t.Errorf("torchwood reads %d entries of %d", read, tree.N)
	}
	for _, index := range []int64{0, tree.N / 2, tree.N - 1} {
		entry, theirs, err := client.Entry(t.Context(), tree, index)
		ok(t, err)
		proved, ours := checkEntryProof(t, l, tree, index, l.proveEntry(t, index))
		if !bytes.Equal(entry, proved) || !slices.Equal(theirs, ours) {
			t.Errorf("entry %d of %d is published otherwise than it is proved", index, tree.N)
		}
	}
}
