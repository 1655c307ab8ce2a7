// SPDX-License-Identifier: Apache-2.0
package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// An ourWitness is upline that runs as a witness.
type ourWitness struct {
	url, vkey string
	stop      func()
}

func startOurWitness(t *testing.T, key, vkey, state string, log *goLog) *ourWitness {
	t.Helper()
	address := freeAddress(t)
	stop := serve(t, address, uplineProgram(t), "witness", "--key", key, "--log", log.vkey, "--state", state,
		"--listen", address)
	return &ourWitness{"http://" + address, vkey, stop}
}

type answer struct {
	status            int
	contentType, body string
}

func (w *ourWitness) post(t *testing.T, body []byte) answer {
	t.Helper()
	response, err := http.Post(w.url+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{response.StatusCode, response.Header.Get("Content-Type"), string(said)}
}

// add is the request of C2SP's tlog-witness.
func (w *ourWitness) add(t *testing.T, old int64, proof tlog.TreeProof, checkpoint []byte) answer {
	t.Helper()
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintf(&body, "%v\n", hash)
	}
	fmt.Fprintf(&body, "\n%s", checkpoint)
	return w.post(t, body.Bytes())
}

// cosigns asks for a cosignature, which must come, and has torchwood and formats verify it.
func (w *ourWitness) cosigns(t *testing.T, log *goLog, old int64, proof tlog.TreeProof, checkpoint []byte) {
	t.Helper()
	answer := w.add(t, old, proof, checkpoint)
	if answer.status != http.StatusOK {
		t.Fatalf("from %d on: %+v", old, answer)
	}
	for _, witness := range []note.Verifier{
		must(torchwood.NewCosignatureVerifier(w.vkey))(t),
		must(formats.NewVerifierForCosignatureV1(w.vkey))(t),
	} {
		opened, err := note.Open([]byte(string(checkpoint)+answer.body), note.VerifierList(log.verifier, witness))
		ok(t, err)
		if len(opened.Sigs) != 2 || strings.Count(answer.body, "\n") != 1 {
			t.Fatalf("the answer is not one cosignature:\n%s", answer.body)
		}
		moment := time.Unix(must(torchwood.CosignatureTimestamp(opened.Sigs[1]))(t), 0)
		if age := time.Since(moment); age < -time.Minute || age > time.Minute {
			t.Errorf("the cosignature says it was made at %v", moment)
		}
	}
}

// refuses expects one of the statuses, and no cosignature.
func refuses(t *testing.T, got answer, statuses ...int) {
	t.Helper()
	if !slices.Contains(statuses, got.status) {
		t.Errorf("status %d, want %d: %q", got.status, statuses, got.body)
	}
	if strings.Contains(got.body, "—") {
		t.Errorf("refused, and signed all the same: %q", got.body)
	}
}

// refusesTheSize expects to be told the size that the witness has.
func refusesTheSize(t *testing.T, got answer, size int64) {
	t.Helper()
	want := answer{http.StatusConflict, "text/x.tlog.size", fmt.Sprintf("%d\n", size)}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func leaves(t *testing.T, log *goLog, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		log.add(t, fmt.Appendf(nil, "leaf %d", i))
	}
}

func TestWeWitnessAGoLog(t *testing.T) {
	dir := t.TempDir()
	key, state := filepath.Join(dir, "key"), filepath.Join(dir, "state")
	ok(t, os.Mkdir(state, 0o700))
	vkey := newKey(t, "upline.example/witness", key, "--witness")

	log := newGoLog(t, "go.example/log")
	leaves(t, log, 0, 40)
	// A second past of the same log: it parts from the first after the third leaf.
	fork := *log
	fork.n, fork.hashes = 0, nil
	leaves(t, &fork, 0, 3)
	leaves(t, &fork, 1003, 1040)

	w := startOurWitness(t, key, vkey, state, log)
	refuses(t, w.add(t, 0, log.proveTree(t, 3, 5), log.sign(t, 5)), 400, 422) // nothing is to be proved yet
	refusesTheSize(t, w.add(t, 2, log.proveTree(t, 2, 5), log.sign(t, 5)), 0)
	w.cosigns(t, log, 0, nil, log.sign(t, 5))
	w.cosigns(t, log, 5, log.proveTree(t, 5, 9), log.sign(t, 9))
	w.cosigns(t, log, 9, nil, log.sign(t, 9)) // the same once more, with a later time
	w.cosigns(t, log, 9, log.proveTree(t, 9, 16), log.sign(t, 16))

	t.Run("wrong old size", func(t *testing.T) {
		for _, old := range []int64{0, 5, 15, 17} {
			refusesTheSize(t, w.add(t, old, log.proveTree(t, old, 20), log.sign(t, 20)), 16)
		}
	})
	t.Run("smaller tree", func(t *testing.T) {
		refusesTheSize(t, w.add(t, 9, nil, log.sign(t, 9)), 16)
		refusesTheSize(t, w.add(t, 5, log.proveTree(t, 5, 9), log.sign(t, 9)), 16)
	})
	t.Run("old size above the new one", func(t *testing.T) {
		refuses(t, w.add(t, 16, nil, log.sign(t, 9)), 400)
		refuses(t, w.add(t, 21, nil, log.sign(t, 20)), 400)
	})
	t.Run("fork", func(t *testing.T) {
		refuses(t, w.add(t, 16, fork.proveTree(t, 16, 20), fork.sign(t, 20)), 422)
		refuses(t, w.add(t, 16, log.proveTree(t, 16, 20), fork.sign(t, 20)), 422)
		refuses(t, w.add(t, 16, nil, fork.sign(t, 16)), 409, 422) // editions of the specification differ
	})
	t.Run("bad proof", func(t *testing.T) {
		good := log.proveTree(t, 16, 21)
		for at := range good {
			bad := slices.Clone(good)
			bad[at][7] ^= 1
			refuses(t, w.add(t, 16, bad, log.sign(t, 21)), 422)
		}
		refuses(t, w.add(t, 16, good[1:], log.sign(t, 21)), 422)
		refuses(t, w.add(t, 16, append(good, good[0]), log.sign(t, 21)), 422)
		refuses(t, w.add(t, 16, nil, log.sign(t, 21)), 422)
	})
	t.Run("unknown origin", func(t *testing.T) {
		other := newGoLog(t, "go.example/other")
		leaves(t, other, 0, 20)
		refuses(t, w.add(t, 0, nil, other.sign(t, 20)), 404)
	})
	t.Run("bad signature", func(t *testing.T) {
		liar := newGoLog(t, log.origin)
		leaves(t, liar, 0, 20)
		refuses(t, w.add(t, 16, liar.proveTree(t, 16, 20), liar.sign(t, 20)), 403)
		changed := bytes.Replace(log.sign(t, 20), []byte("\n20\n"), []byte("\n21\n"), 1)
		refuses(t, w.add(t, 16, log.proveTree(t, 16, 20), changed), 403)
	})
	t.Run("not a request", func(t *testing.T) {
		signed := string(log.sign(t, 20))
		for _, body := range []string{"", "old 16\n", "old sixteen\n\n" + signed, "old -1\n\n" + signed,
			"old 16\nno hash\n\n" + signed, "16\n\n" + signed} {
			refuses(t, w.post(t, []byte(body)), 400)
		}
	})
	w.stop()
	w = startOurWitness(t, key, vkey, state, log)
	t.Run("after a new start", func(t *testing.T) {
		refusesTheSize(t, w.add(t, 0, nil, log.sign(t, 5)), 16)
		w.cosigns(t, log, 16, log.proveTree(t, 16, 20), log.sign(t, 20))
	})
	t.Run("many at once", func(t *testing.T) {
		var asked sync.WaitGroup
		answers := make([]answer, 20)
		for at := range answers {
			n := int64(21 + at)
			proof, checkpoint := log.proveTree(t, 20, n), log.sign(t, n)
			asked.Go(func() { answers[at] = w.add(t, 20, proof, checkpoint) })
		}
		asked.Wait()
		accepted := 0
		for _, answer := range answers {
			if answer.status == http.StatusOK {
				accepted++
			} else {
				refuses(t, answer, 409)
			}
		}
		if accepted != 1 {
			t.Errorf("%d trees were each accepted as the one after the same tree", accepted)
		}
	})
}
