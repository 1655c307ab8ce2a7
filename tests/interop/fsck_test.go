// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// fsckFinds runs tessera's fsck over a published folder. It exits with 0 whatever it finds, so its words decide.
func fsckFinds(t *testing.T, fsck string, l *ledger, tree tlog.Tree, p published) (good bool, words string) {
	t.Helper()
	// A worker ends at the first tile that is wrong, and a wrong leaf makes one wrong tile a level: with fewer workers
	// than that, fsck would wait for ever.
	stdout, stderr, _ := execute(t, fsck, "--ui=false", "--N=8", "--storage_url=file://"+string(p),
		"--public_key="+l.key+".pub")
	words = stdout + stderr
	return strings.Contains(words, fmt.Sprintf("Successfully fsck'd log with size %d ", tree.N)) &&
		!strings.Contains(words, "fsck failed"), words
}

func TestFsck(t *testing.T) {
	l := newLedger(t)
	fsck := goTool(t, "github.com/transparency-dev/tessera/cmd/fsck")
	p := published(filepath.Join(t.TempDir(), "published"))
	var tree tlog.Tree
	for _, events := range stages(t) {
		l.grow(t, events)
		tree = l.sign(t)
		upline(t, "publish", string(p), "--data", l.data)
		if good, words := fsckFinds(t, fsck, l, tree, p); !good {
			t.Fatalf("fsck, size %d:\n%s", tree.N, words)
		}
	}

	last, top := tree.N/256, tree.N/65536
	for _, path := range []string{
		"checkpoint",
		"tile/0/000",
		fmt.Sprintf("tile/0/%03d", last-1),
		fmt.Sprintf("tile/0/%03d.p/%d", last, tree.N%256),
		"tile/1/000",
		fmt.Sprintf("tile/1/%03d.p/%d", top, last%256),
		fmt.Sprintf("tile/2/000.p/%d", top),
		"tile/entries/000",
		fmt.Sprintf("tile/entries/%03d.p/%d", last, tree.N%256),
	} {
		t.Run(path, func(t *testing.T) {
			file := filepath.Join(string(p), path)
			text := must(os.ReadFile(file))(t)
			ok(t, os.WriteFile(file, flipped(text, len(text)/2), 0o600))
			if good, words := fsckFinds(t, fsck, l, tree, p); good {
				t.Errorf("fsck does not see a wrong byte:\n%s", words)
			}
			ok(t, os.WriteFile(file, text, 0o600))
		})
	}
	if good, words := fsckFinds(t, fsck, l, tree, p); !good {
		t.Errorf("fsck, all put right:\n%s", words)
	}
}
