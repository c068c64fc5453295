package main

import (
	"encoding/base64"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/dev"
	"alcove/room"
)

// erase runs recording erase on the folder of a demo.
func erase(t *testing.T, dir, sub string) (string, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "alcove.yaml")
	alcovetest.WriteFile(t, name, strings.NewReplacer("DIR", dir, "ISSUER", dev.Issuer).Replace(`listen: 127.0.0.1:8443
auth: {issuer: ISSUER, audience: alcove, jwks_file: DIR/jwks.json, person_key_file: DIR/person.key}
control: DIR/alcove.sock
store: {dir: DIR/store, key_file: DIR/store.key}
audit: {dir: DIR/audit, key_file: DIR/audit.key}
files: {dir: DIR/files}
recording: {dir: DIR/recordings, recipients_file: DIR/recipients.txt, erasure_keys_file: DIR/erasure.keys, erasure_key_file: DIR/erasure.key,
  erasure_copy: DIR/second/erasure.keys}
`))
	out, err := exec.Command(alcovetest.Binary(t), "recording", "erase", "--config", name, "--sub", sub).CombinedOutput()
	return string(out), err
}

// TestEraseFiles checks that erasing a person deletes the files that they sent in sessions, also if nothing of them was recorded, while the
// daemon runs and while it is stopped, and keeps the files of others.
func TestEraseFiles(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	host, ann := p.Enter(filesHost), p.Enter(filesAnn)
	host.Must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})
	ann.Heard("access.changed", "admitted")
	sealed := base64.StdEncoding.EncodeToString([]byte("a key that only a page can open"))
	send := func(from, to *demotest.Session) (fileClient, string) {
		client := newFileClient(t, p, from)
		id := createFile(t, from, map[string]any{"size": 1000, "to": []string{to.Seat}, "sealed": sealed})
		client.patch(id, 0, make([]byte, 1000))
		return client, id
	}
	hosts, kept := send(host, ann)
	anns, gone := send(ann, host)

	want := func(out string, err error, words ...string) {
		t.Helper()
		for _, w := range words {
			if err != nil || !strings.Contains(out, w) {
				t.Fatalf("%v, without %q: %s", err, w, out)
			}
		}
	}
	out, err := erase(t, p.Dir, "canary-ann")
	want(out, err, "erased   ", "files    1 ", "receipt  ")
	if status, _, _ := hosts.ask("GET", "/"+gone, nil); status != http.StatusNotFound {
		t.Errorf("the file of who was erased is answered %d", status)
	}
	if status, _, _ := anns.ask("GET", "/"+kept, nil); status != http.StatusOK {
		t.Errorf("the file of somebody else is answered %d", status)
	}
	onDisk := func() []string {
		left, err := filepath.Glob(filepath.Join(p.Dir, "files", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	if left := onDisk(); len(left) != 1 || filepath.Base(left[0]) != kept {
		t.Errorf("left %v", left)
	}
	if out, err := erase(t, p.Dir, "canary-ann"); err == nil || !strings.Contains(out, "nothing was recorded of this person") {
		t.Errorf("again: %v %s", err, out)
	}
	p.Stop()
	out, err = erase(t, p.Dir, "canary-host")
	want(out, err, "files    1 ", "receipt  ", "the receipt is in the log")
	if left := onDisk(); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	p.CheckLog(map[string]int{room.ActFileDeleted: 2, room.ActErased: 2})
}
