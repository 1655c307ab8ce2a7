// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"bytes"
	"testing"

	formats "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
)

// flipped is the text with one byte changed, into one that cannot stand for the same thing: bit 5 tells upper from
// lower case letters and makes control characters of digits.
func flipped(text []byte, at int) []byte {
	other := bytes.Clone(text)
	other[at] ^= 0x20
	return other
}

func TestCheckpoint(t *testing.T) {
	l := newLedger(t)
	l.grow(t, edgeEvents(t))
	signed := l.checkpoint(t)
	tree, head := l.open(t, signed), l.head(t)
	if tree != head {
		t.Errorf("signed is %v, the ledger's head is %v", tree, head)
	}
	if tree.N != l.lines {
		t.Errorf("%d events made %d entries", l.lines, tree.N)
	}
	for at := range signed {
		bad := flipped(signed, at)
		if _, err := note.Open(bad, note.VerifierList(l.verifier)); err == nil {
			t.Errorf("x/mod opens a checkpoint whose byte %d is not what was signed", at)
		}
		if _, _, _, err := formats.ParseCheckpoint(bad, l.verifier.Name(), l.verifier); err == nil {
			t.Errorf("formats accepts a checkpoint whose byte %d is not what was signed", at)
		}
	}
}
