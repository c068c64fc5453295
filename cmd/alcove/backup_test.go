package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/dev"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room"
)

// TestBackupDrill follows the procedure of the upgrade page: stop, copy the state and separately the keys, start, and lose the disk. A
// daemon on both copies must have the seats, bars, locks and consents of the backup, and a log that verifies.
func TestBackupDrill(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	host, ann, ben := p.Enter(careHost), p.Enter(careAnn), p.Enter(strings.ReplaceAll(strings.ReplaceAll(careAnn, "ann", "ben"), "Ann", "Ben"))
	ann.Must("passcode.enter", map[string]any{"code": dev.Passcode})
	ann.Must("agreement.acknowledge", map[string]any{"textHash": ann.Agreement[0].TextHash})
	host.Must("mod.verify", map[string]any{"participantId": ann.Seat, "verified": true})
	host.Must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})
	host.Must("recording.start", scopes)
	ann.Must("consent.respond", ann.Answer("recording.audio", "refused"))
	host.Must("mod.remove", map[string]any{"participantId": ben.Seat})
	host.Must("room.lock", demotest.Nothing)

	p.Stop()
	state, keys, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	p.CopyTo(state, "store", "audit")
	if files, err := os.ReadDir(filepath.Join(state, "store")); err != nil || len(files) != 1 || files[0].Name() != "store.db" {
		t.Errorf("the store is not one file: %v, %v", files, err)
	}
	p.CopyTo(keys, keyfile.StoreFile, keyfile.AuditFile, keyfile.AuditPublicFile, keyfile.PersonFile, keyfile.SigningFile, "jwks.json")
	p.CopyTo(elsewhere, "audit") // for its newest checkpoint, which a second place would have
	p.Start()
	host = p.Resume(host)
	host.Must("room.end", demotest.Nothing) // after the backup
	p.Stop()
	later := filepath.Join(t.TempDir(), "checkpoints")
	data, err := os.ReadFile(filepath.Join(p.Dir, "audit", "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	alcovetest.WriteFile(t, later, string(data))
	if err := os.RemoveAll(p.Dir); err != nil {
		t.Fatal(err)
	}

	// A new folder, from the two copies.
	p.Dir = filepath.Join(t.TempDir(), "restored")
	for _, copied := range []string{state, keys} {
		if err := os.CopyFS(p.Dir, os.DirFS(copied)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{keyfile.StoreFile, keyfile.AuditFile, keyfile.PersonFile, keyfile.SigningFile} { // tar keeps modes, this copy does not
		if err := os.Chmod(filepath.Join(p.Dir, name), keyfile.ModeSecret); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := p.VerifyAudit(filepath.Join(elsewhere, "audit", "checkpoints")); err != nil || !strings.Contains(said, "proven") {
		t.Errorf("the log against the checkpoint of the backup: %v\n%s", err, said)
	}
	if said, err := p.VerifyAudit(later); err == nil {
		t.Errorf("the log is as whole as a later checkpoint, although it is older:\n%s", said)
	}
	if got := p.Exported("canary-ann"); !slices.Equal(got, []string{"agreement acknowledged", "recording.audio refused"}) {
		t.Errorf("Ann's answers are %q", got)
	}
	p.Start()
	if s := p.Dial(); s.Ask("hello", p.Resumption(ben)).OK {
		t.Error("who was removed is back")
	}
	ann = p.Resume(ann)
	if ann.State != "admitted" {
		t.Errorf("Ann is %s", ann.State)
	}
	ann.Heard("room.updated", `"locked":true`)
	for _, token := range p.Used { // those that the backup knows
		s := p.Dial()
		if a := s.Ask("hello", map[string]any{"token": token, "client": demotest.Client}); a.Error.Code != "invalid_token" {
			t.Errorf("a used token after the restore: %+v", a)
		}
		s.Conn.Close()
	}
	p.Stop()
	if said, err := p.VerifyAudit(filepath.Join(elsewhere, "audit", "checkpoints")); err != nil {
		t.Errorf("the log that goes on after the restore: %v\n%s", err, said)
	}
	entries, err := os.ReadFile(filepath.Join(p.Dir, "audit", "entries"))
	if err != nil || !strings.Contains(string(entries), `"act":"`+room.ActResumed+`"`) || strings.Contains(string(entries), `"act":"`+room.ActSessionEnded+`"`) {
		t.Errorf("the log is not the one of the backup, gone on: %v", err)
	}
}

// TestBackupWithAnotherKey checks that a backup does not open without its keys, and that the error says so.
func TestBackupWithAnotherKey(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	p.Enter(canaryHost)
	p.Stop()
	state := t.TempDir()
	p.CopyTo(state, "store", "audit")
	other := t.TempDir()
	if _, _, err := keyfile.Generate(other); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"store", "audit"} {
		if err := os.CopyFS(filepath.Join(other, name), os.DirFS(filepath.Join(state, name))); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	err := runDev(cli.Terminal{Out: io.Discard, Err: &said}, []string{"--data", other, "--listen", "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "cannot open the audit log") {
		t.Errorf("a daemon with other keys: %v", err)
	}
}

// TestDamagedBackup checks that a truncated copy of the store is refused, and that the error names the file.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	p.Enter(canaryHost)
	p.Stop()
	file := filepath.Join(p.Dir, "store", "store.db")
	if err := os.Truncate(file, 12<<10); err != nil { // all that names the root, and not all that it names
		t.Fatal(err)
	}
	var said bytes.Buffer
	err := runDev(cli.Terminal{Out: io.Discard, Err: &said}, []string{"--data", p.Dir, "--listen", "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "the store is damaged: restore it") {
		t.Errorf("a daemon with half a store: %v", err)
	}
}
