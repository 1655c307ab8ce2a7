// SPDX-License-Identifier: Apache-2.0

// Package interop holds tests only: what the upline program writes is read by the Go libraries and programs that
// others run for transparency logs, and what those write is read by upline.
package interop

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// must(f())(t) is what f returned; the test fails if there was an error.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// uplineProgram is the path of the program under test; without one the test is skipped.
func uplineProgram(t *testing.T) string {
	t.Helper()
	path := os.Getenv("UPLINE_PROGRAM")
	if path == "" {
		t.Skip("UPLINE_PROGRAM does not name the upline program")
	}
	return path
}

// execute runs a program to its end and returns what it printed and its exit code. One that takes too long is killed,
// and its exit code is -1.
func execute(t *testing.T, program string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	limited, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(limited, program, args...)
	command.Stdout, command.Stderr = &out, &errs
	command.WaitDelay = 5 * time.Second
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := command.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", program, err)
	}
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

// upline runs the program, which must exit with 0, and returns what it printed.
func upline(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := execute(t, uplineProgram(t), args...)
	if code != 0 {
		t.Fatalf("upline %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// uplineSaysNo runs the program, which must exit with 1.
func uplineSaysNo(t *testing.T, args ...string) {
	t.Helper()
	if stdout, stderr, code := execute(t, uplineProgram(t), args...); code != 1 {
		t.Errorf("upline %s: exit code %d, want 1\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
}

// goTool builds a command of this module's `tool` list, as its authors released it.
func goTool(t *testing.T, path string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), filepath.Base(path))
	if stdout, stderr, code := execute(t, "go", "build", "-o", program, path); code != 0 {
		t.Fatalf("go build %s: exit code %d\n%s%s", path, code, stdout, stderr)
	}
	return program
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer listener.Close()
	return listener.Addr().String()
}

// serve starts a program and waits until it listens at the address. It is stopped by the returned function, at the
// latest when the test ends.
func serve(t *testing.T, address, program string, args ...string) (stop func()) {
	t.Helper()
	output := must(os.Create(filepath.Join(t.TempDir(), "output")))(t)
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ok(t, command.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		command.Wait()
	}()
	stop = func() {
		command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			command.Process.Kill()
			<-ended
		}
		output.Close()
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			said, _ := os.ReadFile(output.Name())
			t.Logf("%s said:\n%s", program, said)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("%s ended before it listened at %s", program, address)
		default:
		}
		if connection, err := net.Dial("tcp", address); err == nil {
			connection.Close()
			return stop
		}
	}
	t.Fatalf("%s does not listen at %s", program, address)
	return nil
}

func writeFile(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(path, text, 0o600))
	return path
}

// newKey makes a key pair and returns the verifier line.
func newKey(t *testing.T, name, file string, flags ...string) string {
	t.Helper()
	printed := upline(t, append([]string{"key", "new", name, "--out", file}, flags...)...)
	public := must(os.ReadFile(file + ".pub"))(t)
	if string(public) != printed {
		t.Errorf("key new printed %q and wrote %q", printed, public)
	}
	if mode := must(os.Stat(file))(t).Mode().Perm(); mode != 0o600 {
		t.Errorf("the private key has mode %o", mode)
	}
	return strings.TrimSuffix(printed, "\n")
}

// A ledger is an event log, what upline made of it, and the key its checkpoints are signed with.
type ledger struct {
	log, data, key, vkey string
	verifier             note.Verifier
	lines                int64 // events appended so far
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	dir := t.TempDir()
	l := &ledger{log: "file:" + filepath.Join(dir, "log"), data: filepath.Join(dir, "data"),
		key: filepath.Join(dir, "key")}
	l.vkey = newKey(t, "upline.example/ledger", l.key)
	l.verifier = must(note.NewVerifier(l.vkey))(t)
	if l.verifier.Name() != "upline.example/ledger/0" {
		t.Errorf("the key's name is %q", l.verifier.Name())
	}
	signer := must(note.NewSigner(strings.TrimSpace(string(must(os.ReadFile(l.key))(t)))))(t)
	if signer.Name() != l.verifier.Name() || signer.KeyHash() != l.verifier.KeyHash() {
		t.Errorf("private key %s %08x, public key %s", signer.Name(), signer.KeyHash(), l.vkey)
	}
	return l
}

// grow appends events and makes entries of them, one each.
func (l *ledger) grow(t *testing.T, events []string) {
	t.Helper()
	upline(t, "produce", "--log", l.log, writeFile(t, []byte(strings.Join(events, "\n")+"\n")))
	upline(t, "run", "--log", l.log, "--data", l.data, "--once")
	l.lines += int64(len(events))
}

// head is the tree as the ledger tells it.
func (l *ledger) head(t *testing.T) tlog.Tree {
	t.Helper()
	var head struct {
		Partition int
		Size      int64
		Root      string
	}
	ok(t, json.Unmarshal([]byte(upline(t, "show", "head", "--data", l.data, "--json")), &head))
	return tlog.Tree{N: head.Size, Hash: parseHex(t, head.Root)}
}

func (l *ledger) checkpoint(t *testing.T) []byte {
	t.Helper()
	return []byte(upline(t, "checkpoint", "--data", l.data, "--key", l.key))
}

// sign has the ledger sign its present state.
func (l *ledger) sign(t *testing.T) tlog.Tree {
	t.Helper()
	return l.open(t, l.checkpoint(t))
}

// open is a reader's check of a checkpoint: by x/mod, by transparency-dev and by torchwood.
func (l *ledger) open(t *testing.T, signed []byte) tlog.Tree {
	t.Helper()
	opened := must(note.Open(signed, note.VerifierList(l.verifier)))(t)
	plain := must(torchwood.ParseCheckpoint(opened.Text))(t)
	checkpoint, rest, _, err := formats.ParseCheckpoint(signed, l.verifier.Name(), l.verifier)
	ok(t, err)
	if len(rest) != 0 {
		t.Errorf("the checkpoint has more lines: %q", rest)
	}
	if plain.N != int64(checkpoint.Size) || !bytes.Equal(plain.Hash[:], checkpoint.Hash) {
		t.Errorf("two readers, two trees: %v %v", plain, checkpoint)
	}
	_, _, err = torchwood.VerifyCheckpoint(signed, l.policy())
	ok(t, err)
	return plain.Tree
}

// policy asks for the log's signature, and for those of the witnesses.
func (l *ledger) policy(witnesses ...note.Verifier) torchwood.Policy {
	parts := []torchwood.Policy{torchwood.OriginPolicy(l.verifier.Name()), torchwood.SingleVerifierPolicy(l.verifier)}
	for _, witness := range witnesses {
		parts = append(parts, torchwood.SingleVerifierPolicy(witness))
	}
	return torchwood.ThresholdPolicy(len(parts), parts...)
}

func (l *ledger) proveEntry(t *testing.T, index int64) []byte {
	t.Helper()
	return []byte(upline(t, "prove", "entry", strconv.FormatInt(index, 10), "--data", l.data))
}

// proveConsistency is what a witness would be sent: the proof, and the checkpoint it leads to.
func (l *ledger) proveConsistency(t *testing.T, old int64) (tlog.TreeProof, []byte) {
	t.Helper()
	size := strconv.FormatInt(old, 10)
	body := upline(t, "prove", "consistency", size, "--data", l.data)
	lines, checkpoint, found := strings.Cut(body, "\n\n")
	first, hashes, _ := strings.Cut(lines, "\n")
	if !found || first != "old "+size {
		t.Fatalf("not the body of an add-checkpoint request for %s: %q", size, body)
	}
	proof := tlog.TreeProof{}
	for line := range strings.Lines(hashes) {
		proof = append(proof, must(tlog.ParseHash(strings.TrimSuffix(line, "\n")))(t))
	}
	return proof, []byte(checkpoint)
}

func parseHex(t *testing.T, text string) tlog.Hash {
	t.Helper()
	hash := must(hex.DecodeString(text))(t)
	if len(hash) != tlog.HashSize {
		t.Fatalf("%q is no hash", text)
	}
	return tlog.Hash(hash)
}

// hashBytes is a proof as transparency-dev's functions take it.
func hashBytes(hashes []tlog.Hash) [][]byte {
	var all [][]byte
	for _, hash := range hashes {
		all = append(all, bytes.Clone(hash[:]))
	}
	return all
}

func testData(t *testing.T, name string) io.Reader {
	t.Helper()
	dir := os.Getenv("UPLINE_TEST_DATA")
	if dir == "" {
		dir = "../data"
	}
	return bytes.NewReader(must(os.ReadFile(filepath.Join(dir, name)))(t))
}

func linesOf(t *testing.T, from io.Reader) []string {
	t.Helper()
	text := must(io.ReadAll(from))(t)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// edgeEvents are few: less than a tile of them.
func edgeEvents(t *testing.T) []string {
	t.Helper()
	return linesOf(t, testData(t, "edge.jsonl"))
}

// lifecycleEvents are some 16,000.
func lifecycleEvents(t *testing.T) []string {
	t.Helper()
	return linesOf(t, must(gzip.NewReader(testData(t, "cdnow-sample.lifecycle.jsonl.gz")))(t))
}
