// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// startOmniwitness runs transparency-dev's witness for one log and returns its address and verifier line.
func startOmniwitness(t *testing.T, l *ledger) (url, vkey string) {
	t.Helper()
	program := goTool(t, "github.com/transparency-dev/witness/cmd/omniwitness")
	secret, vkey, err := note.GenerateKey(rand.Reader, "go.example/omniwitness")
	ok(t, err)
	logs := fmt.Sprintf("Logs:\n  - Origin: %s\n    PublicKey: %s\n    URL: https://log.invalid/\n",
		l.verifier.Name(), l.vkey)
	address := freeAddress(t)
	serve(t, address, program, "--listen", address, "--metrics_listen", "",
		"--private_key_path", writeFile(t, []byte(secret)), "--db_file", filepath.Join(t.TempDir(), "witness.db"),
		"--additional_logs", writeFile(t, []byte(logs)))
	return "http://" + address, must(formats.VKeyToCosignatureV1(vkey))(t)
}

// startLitewitness runs torchwood's witness for one log. Its key it wants from an SSH agent, which is x/crypto's; its
// logs from rows of its database.
func startLitewitness(t *testing.T, l *ledger) (url, vkey string) {
	t.Helper()
	program := goTool(t, "filippo.io/torchwood/cmd/litewitness")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	keys := agent.NewKeyring()
	ok(t, keys.Add(agent.AddedKey{PrivateKey: private}))
	short := must(os.MkdirTemp("", "upline"))(t) // a socket's path may have 107 bytes
	t.Cleanup(func() { os.RemoveAll(short) })
	socket := filepath.Join(short, "agent")
	listener := must(net.Listen("unix", socket))(t)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(keys, connection)
		}
	}()

	address, database := freeAddress(t), filepath.Join(t.TempDir(), "witness.db")
	name := "go.example/litewitness"
	serve(t, address, program, "-name", name, "-listen", address, "-db", database, "-ssh-agent", socket,
		"-key", ssh.FingerprintSHA256(must(ssh.NewPublicKey(public))(t)))
	rows := must(sqlite.OpenConn(database))(t)
	defer rows.Close()
	empty := must(tlog.TreeHash(0, nil))(t)
	ok(t, sqlitex.Execute(rows, "INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)",
		&sqlitex.ExecOptions{Args: []any{l.verifier.Name(), empty.String()}}))
	ok(t, sqlitex.Execute(rows, "INSERT INTO key (origin, key) VALUES (?, ?)",
		&sqlitex.ExecOptions{Args: []any{l.verifier.Name(), l.vkey}}))
	return "http://" + address, must(torchwood.NewCosignatureSigner(name, private))(t).Verifier().String()
}

func TestGoWitnessCosigns(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *ledger) (string, string){
		"omniwitness": startOmniwitness,
		"litewitness": startLitewitness,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t)
			url, vkey := start(t, l)
			witness := must(torchwood.NewCosignatureVerifier(vkey))(t)
			otherWitness := newKey(t, "upline.example/other", filepath.Join(t.TempDir(), "key"), "--witness")

			events := edgeEvents(t)
			for _, stage := range [][]string{events[:40], events[40:41], events[41:]} {
				l.grow(t, stage)
				tree := l.sign(t)
				// A second time the witness has the checkpoint already and signs it with a later time.
				for range 2 {
					cosigned := upline(t, "cosign", "--data", l.data, "--witness", url, "--witness-vkey", vkey)
					checkCosigned(t, l, tree, []byte(cosigned), vkey)
				}
				// What is stored, and so what is proved and published, has the cosignature too.
				entry, _ := checkEntryProof(t, l, tree, 0, l.proveEntry(t, 0))
				ok(t, torchwood.VerifyProof(l.policy(witness), tlog.RecordHash(entry), l.proveEntry(t, 0)))
				folder := filepath.Join(t.TempDir(), "published")
				upline(t, "publish", folder, "--data", l.data)
				checkCosigned(t, l, tree, must(os.ReadFile(filepath.Join(folder, "checkpoint")))(t), vkey)

				if _, _, code := execute(t, uplineProgram(t), "cosign", "--data", l.data, "--witness", url,
					"--witness-vkey", otherWitness); code == 0 {
					t.Error("a cosignature is taken for that of another witness")
				}
			}
		})
	}
}

// checkCosigned has torchwood and formats find the log's signature and the witness's cosignature of now.
func checkCosigned(t *testing.T, l *ledger, tree tlog.Tree, signed []byte, vkey string) {
	t.Helper()
	for _, witness := range []note.Verifier{
		must(torchwood.NewCosignatureVerifier(vkey))(t),
		must(formats.NewVerifierForCosignatureV1(vkey))(t),
	} {
		checkpoint, opened, err := torchwood.VerifyCheckpoint(signed, l.policy(witness))
		ok(t, err)
		if checkpoint.Tree != tree {
			t.Errorf("cosigned is %v, signed was %v", checkpoint.Tree, tree)
		}
		if len(opened.Sigs) != 2 || strings.Count(string(signed), "\n— ") != 2 {
			t.Errorf("not just one signature each of log and witness:\n%s", signed)
		}
		for _, signature := range opened.Sigs {
			if signature.Hash != witness.KeyHash() {
				continue
			}
			moment := time.Unix(must(torchwood.CosignatureTimestamp(signature))(t), 0)
			if age := time.Since(moment); age < -time.Minute || age > 10*time.Minute {
				t.Errorf("the cosignature says it was made at %v", moment)
			}
		}
	}
}
