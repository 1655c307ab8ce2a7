// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"bytes"
	"fmt"
	"testing"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// checkEntryProof has every reader of tlog-proofs check one, and returns the entry that is proved and its proof.
func checkEntryProof(t *testing.T, l *ledger, tree tlog.Tree, index int64, text []byte) ([]byte, tlog.RecordProof) {
	t.Helper()
	var parsed formats.TLogProof
	ok(t, parsed.Unmarshal(text))
	if parsed.Index != uint64(index) {
		t.Errorf("the proof is of entry %d, not of %d", parsed.Index, index)
	}
	if signed := l.open(t, parsed.Checkpoint); signed != tree {
		t.Errorf("entry %d is proved in %v, not in the latest signed %v", index, signed, tree)
	}
	var hashes tlog.RecordProof
	for _, hash := range parsed.Hashes {
		hashes = append(hashes, hash)
	}
	leaf := tlog.RecordHash(parsed.ExtraData)
	if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, index, leaf); err != nil {
		t.Errorf("x/mod, entry %d of %d: %v", index, tree.N, err)
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(tree.N),
		rfc6962.DefaultHasher.HashLeaf(parsed.ExtraData), hashBytes(hashes), tree.Hash[:]); err != nil {
		t.Errorf("merkle, entry %d of %d: %v", index, tree.N, err)
	}
	if err := torchwood.VerifyProof(l.policy(), leaf, text); err != nil {
		t.Errorf("torchwood, entry %d of %d: %v", index, tree.N, err)
	}
	if other := parsed.Marshal(); !bytes.Equal(other, text) {
		t.Errorf("upline writes\n%s\nand formats\n%s", text, other)
	}
	if other := torchwood.FormatProofWithExtraData(index, parsed.ExtraData, hashes, parsed.Checkpoint); !bytes.Equal(
		other, text) {
		t.Errorf("upline writes\n%s\nand torchwood\n%s", text, other)
	}
	return parsed.ExtraData, hashes
}

func TestProofs(t *testing.T) {
	l := newLedger(t)
	events := lifecycleEvents(t)
	var signed []tlog.Tree
	for _, stage := range [][]string{edgeEvents(t), events[:300], events[300:]} {
		l.grow(t, stage)
		tree := l.sign(t)
		for _, index := range []int64{0, 1, tree.N / 2, 254, 255, 256, 257, 511, 512, 8191, 8192, tree.N - 2, tree.N - 1} {
			if index < tree.N {
				checkEntryProof(t, l, tree, index, l.proveEntry(t, index))
			}
		}
		signed = append(signed, tree)
		for _, old := range append(signed, tlog.Tree{}) {
			hashes, checkpoint := l.proveConsistency(t, old.N)
			if now := l.open(t, checkpoint); now != tree {
				t.Errorf("the proof leads to %v, not to the latest signed %v", now, tree)
			}
			if old.N == 0 {
				if len(hashes) != 0 {
					t.Errorf("nothing is proved of an empty tree, by %d hashes", len(hashes))
				}
				continue
			}
			if err := tlog.CheckTree(hashes, tree.N, tree.Hash, old.N, old.Hash); err != nil {
				t.Errorf("x/mod, from %d to %d: %v", old.N, tree.N, err)
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old.N), uint64(tree.N), hashBytes(hashes),
				old.Hash[:], tree.Hash[:]); err != nil {
				t.Errorf("merkle, from %d to %d: %v", old.N, tree.N, err)
			}
		}
	}
}

// A ledger that has grown since it was signed proves entries in the tree that was signed.
func TestProofsAreOfTheSignedTree(t *testing.T) {
	l := newLedger(t)
	events := edgeEvents(t)
	l.grow(t, events[:50])
	tree := l.sign(t)
	l.grow(t, events[50:])
	checkEntryProof(t, l, tree, 49, l.proveEntry(t, 49))
	_, checkpoint := l.proveConsistency(t, 10)
	if now := l.open(t, checkpoint); now != tree {
		t.Errorf("the proof leads to %v, not to the signed %v", now, tree)
	}
	if _, _, code := execute(t, uplineProgram(t), "prove", "entry", "50", "--data", l.data); code == 0 {
		t.Error("an entry that no signed tree holds is proved")
	}
}

// upline check takes proofs that Go wrote, of a log that Go made and signed, and refuses them when a byte is changed.
func TestWeCheckAGoProof(t *testing.T) {
	l := newLedger(t)
	l.grow(t, edgeEvents(t))
	tree := l.sign(t)
	other := newGoLog(t, "go.example/log")
	for index := range tree.N {
		entry, _ := checkEntryProof(t, l, tree, index, l.proveEntry(t, index))
		other.add(t, entry)
	}
	for _, index := range []int64{0, 63, 64, tree.N - 1} {
		ours := l.proveEntry(t, index)
		upline(t, "check", writeFile(t, ours), "--vkey", l.vkey)
		uplineSaysNo(t, "check", writeFile(t, ours), "--vkey", other.vkey)

		entry, _ := checkEntryProof(t, l, tree, index, ours)
		theirs := torchwood.FormatProofWithExtraData(index, entry, other.proveRecord(t, index), other.sign(t, other.n))
		upline(t, "check", writeFile(t, theirs), "--vkey", other.vkey)
		for at := int(index) % 7; at < len(theirs); at += 29 {
			t.Run(fmt.Sprintf("entry %d, byte %d", index, at), func(t *testing.T) {
				uplineSaysNo(t, "check", writeFile(t, flipped(theirs, at)), "--vkey", other.vkey)
			})
		}
	}
}
