// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"crypto/rand"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A goLog is a small log in memory, all of it x/mod's and torchwood's work.
type goLog struct {
	origin, vkey string
	signer       note.Signer
	verifier     note.Verifier
	n            int64
	hashes       []tlog.Hash
}

func newGoLog(t *testing.T, origin string) *goLog {
	t.Helper()
	secret, vkey, err := note.GenerateKey(rand.Reader, origin)
	ok(t, err)
	return &goLog{origin: origin, vkey: vkey, signer: must(note.NewSigner(secret))(t),
		verifier: must(note.NewVerifier(vkey))(t)}
}

func (l *goLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, l.hashes[index])
	}
	return hashes, nil
}

func (l *goLog) add(t *testing.T, data []byte) {
	t.Helper()
	l.hashes = append(l.hashes, must(tlog.StoredHashes(l.n, data, l))(t)...)
	l.n++
}

// root is the hash of the tree when it had n leaves.
func (l *goLog) root(t *testing.T, n int64) tlog.Hash {
	t.Helper()
	return must(tlog.TreeHash(n, l))(t)
}

// sign makes a checkpoint of the first n leaves.
func (l *goLog) sign(t *testing.T, n int64) []byte {
	t.Helper()
	checkpoint := torchwood.Checkpoint{Origin: l.origin, Tree: tlog.Tree{N: n, Hash: l.root(t, n)}}
	return must(note.Sign(&note.Note{Text: checkpoint.String()}, l.signer))(t)
}

func (l *goLog) proveRecord(t *testing.T, index int64) tlog.RecordProof {
	t.Helper()
	return must(tlog.ProveRecord(l.n, index, l))(t)
}

// proveTree proves that the first n leaves extend the first old ones; of none there is nothing to prove.
func (l *goLog) proveTree(t *testing.T, old, n int64) tlog.TreeProof {
	t.Helper()
	if old == 0 {
		return nil
	}
	return must(tlog.ProveTree(n, old, l))(t)
}
