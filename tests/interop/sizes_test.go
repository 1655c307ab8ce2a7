// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// The largest tree of UPLINE_MERKLE_VECTORS; its leaves are the numbers from 0 on, 8 bytes big-endian.
const largest = 300

// Every root, every inclusion proof and every consistency proof of every tree of up to 300 leaves.
func TestTreesOfEverySize(t *testing.T) {
	program := os.Getenv("UPLINE_MERKLE_VECTORS")
	if program == "" {
		t.Skip("UPLINE_MERKLE_VECTORS does not name the program that prints our roots and proofs")
	}
	stdout, stderr, code := execute(t, program)
	if code != 0 {
		t.Fatalf("%s: exit code %d\n%s", program, code, stderr)
	}

	theirs := newGoLog(t, "go.example/log")
	leaf := func(index int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(index)) }
	for index := range int64(largest) {
		theirs.add(t, leaf(index))
	}
	var roots [largest + 1]tlog.Hash
	for n := range int64(largest + 1) {
		roots[n] = theirs.root(t, n)
	}

	told := map[string]bool{}
	lines := bufio.NewScanner(strings.NewReader(stdout))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		var err error
		switch {
		case len(fields) == 3 && fields[0] == "root":
			if want := roots[number(t, fields[1])]; parseHex(t, fields[2]) != want {
				err = fmt.Errorf("x/mod has %x", want[:])
			}
		case len(fields) == 4 && fields[0] == "inclusion":
			index, n := number(t, fields[1]), number(t, fields[2])
			ours := hashList(t, fields[3])
			if want := must(tlog.ProveRecord(n, index, theirs))(t); !slices.Equal(ours, want) {
				err = fmt.Errorf("x/mod proves it by %v", want)
			} else {
				err = proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(n),
					rfc6962.DefaultHasher.HashLeaf(leaf(index)), hashBytes(ours), roots[n][:])
			}
		case len(fields) == 4 && fields[0] == "consistency":
			old, n := number(t, fields[1]), number(t, fields[2])
			ours := hashList(t, fields[3])
			if want := must(tlog.ProveTree(n, old, theirs))(t); !slices.Equal(ours, want) {
				err = fmt.Errorf("x/mod proves it by %v", want)
			} else {
				err = proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), uint64(n), hashBytes(ours),
					roots[old][:], roots[n][:])
			}
		default:
			err = fmt.Errorf("no such line is known")
		}
		if err != nil {
			t.Errorf("%s: %v", lines.Text(), err)
		}
		told[strings.Join(fields[:len(fields)-1], " ")] = true
	}
	ok(t, lines.Err())
	if pairs := largest * (largest + 1) / 2; len(told) != largest+1+2*pairs {
		t.Errorf("%d different lines, want %d roots and %d proofs of each kind", len(told), largest+1, pairs)
	}
}

// number is a tree's size or a leaf's number.
func number(t *testing.T, text string) int64 {
	t.Helper()
	value := must(strconv.ParseInt(text, 10, 64))(t)
	if value < 0 || value > largest {
		t.Fatalf("%d is not between 0 and %d", value, largest)
	}
	return value
}

// hashList is a proof as the program prints it: hashes with commas between, or "-".
func hashList(t *testing.T, text string) []tlog.Hash {
	t.Helper()
	if text == "-" {
		return nil
	}
	var hashes []tlog.Hash
	for one := range strings.SplitSeq(text, ",") {
		hashes = append(hashes, parseHex(t, one))
	}
	return hashes
}
