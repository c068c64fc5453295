package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"alcove/room"
)

// stop ends the daemon as a service manager does.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("stopped with %v", err)
	}
}

// copyTo copies some of the state, as the upgrade page says.
func (p *process) copyTo(folder string, names ...string) {
	p.t.Helper()
	for _, name := range names {
		from := filepath.Join(p.dir, name)
		info, err := os.Stat(from)
		if err != nil {
			p.t.Fatal(err)
		}
		if info.IsDir() {
			if err := os.CopyFS(filepath.Join(folder, name), os.DirFS(from)); err != nil {
				p.t.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, modeSecret); err != nil {
			p.t.Fatal(err)
		}
	}
}

// verifyAudit says whether the audit log holds against a checkpoint.
func (p *process) verifyAudit(checkpoint string) (said string, err error) {
	p.t.Helper()
	var out bytes.Buffer
	err = runAudit(terminal{nil, &out, io.Discard}, []string{"verify", "--key", filepath.Join(p.dir, auditPublic),
		"--checkpoint", checkpoint, filepath.Join(p.dir, "audit")})
	return out.String(), err
}

// The drill of the upgrade page: stop, copy the state and, apart from it, the keys, start; later the disk is lost. Both copies in a new
// folder are a daemon whose seats, bars, locks and consents are those of the backup, and whose log proves itself.
func TestBackupDrill(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	host, ann, ben := p.enter(careHost), p.enter(careAnn), p.enter(strings.ReplaceAll(strings.ReplaceAll(careAnn, "ann", "ben"), "Ann", "Ben"))
	ann.must("passcode.enter", map[string]any{"code": devPasscode})
	ann.must("agreement.acknowledge", map[string]any{"textHash": ann.Agreement[0].TextHash})
	host.must("mod.verify", map[string]any{"participantId": ann.Seat, "verified": true})
	host.must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})
	host.must("recording.start", scopes)
	ann.must("consent.respond", ann.answer("recording.audio", "refused"))
	host.must("mod.remove", map[string]any{"participantId": ben.Seat})
	host.must("room.lock", nothing)

	p.stop()
	state, keys, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	p.copyTo(state, "store", "audit")
	if files, err := os.ReadDir(filepath.Join(state, "store")); err != nil || len(files) != 1 || files[0].Name() != "store.db" {
		t.Errorf("the store is not one file: %v, %v", files, err)
	}
	p.copyTo(keys, storeKeyFile, auditKeyFile, auditPublic, personKeyFile, signingKeyFile, "jwks.json")
	p.copyTo(elsewhere, "audit") // for its newest checkpoint, which a second place would have
	p.start()
	host = p.resume(host)
	host.must("room.end", nothing) // after the backup
	p.stop()
	later := filepath.Join(t.TempDir(), "checkpoints")
	data, err := os.ReadFile(filepath.Join(p.dir, "audit", "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, later, string(data))
	if err := os.RemoveAll(p.dir); err != nil {
		t.Fatal(err)
	}

	// A new folder, from the two copies.
	p.dir = filepath.Join(t.TempDir(), "restored")
	for _, copied := range []string{state, keys} {
		if err := os.CopyFS(p.dir, os.DirFS(copied)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{storeKeyFile, auditKeyFile, personKeyFile, signingKeyFile} { // tar keeps modes, this copy does not
		if err := os.Chmod(filepath.Join(p.dir, name), modeSecret); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := p.verifyAudit(filepath.Join(elsewhere, "audit", "checkpoints")); err != nil || !strings.Contains(said, "proven") {
		t.Errorf("the log against the checkpoint of the backup: %v\n%s", err, said)
	}
	if said, err := p.verifyAudit(later); err == nil {
		t.Errorf("the log is as whole as a later checkpoint, although it is older:\n%s", said)
	}
	if got := p.exported("canary-ann"); !slices.Equal(got, []string{"agreement acknowledged", "recording.audio refused"}) {
		t.Errorf("Ann's answers are %q", got)
	}
	p.start()
	if s := p.dial(); s.ask("hello", p.resumption(ben)).OK {
		t.Error("who was removed is back")
	}
	ann = p.resume(ann)
	if ann.State != "admitted" {
		t.Errorf("Ann is %s", ann.State)
	}
	ann.heard("room.updated", `"locked":true`)
	for _, token := range p.used { // those that the backup knows
		s := p.dial()
		if a := s.ask("hello", map[string]any{"token": token, "client": client}); a.Error.Code != "invalid_token" {
			t.Errorf("a used token after the restore: %+v", a)
		}
		s.conn.Close()
	}
	p.stop()
	if said, err := p.verifyAudit(filepath.Join(elsewhere, "audit", "checkpoints")); err != nil {
		t.Errorf("the log that goes on after the restore: %v\n%s", err, said)
	}
	entries, err := os.ReadFile(filepath.Join(p.dir, "audit", "entries"))
	if err != nil || !strings.Contains(string(entries), `"act":"`+room.ActResumed+`"`) || strings.Contains(string(entries), `"act":"`+room.ActSessionEnded+`"`) {
		t.Errorf("the log is not the one of the backup, gone on: %v", err)
	}
}

// A backup without its keys opens nothing, and says so.
func TestBackupWithAnotherKey(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.enter(canaryHost)
	p.stop()
	state := t.TempDir()
	p.copyTo(state, "store", "audit")
	other := t.TempDir()
	if _, _, err := makeKeys(other); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"store", "audit"} {
		if err := os.CopyFS(filepath.Join(other, name), os.DirFS(filepath.Join(state, name))); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	err := runDev(terminal{nil, io.Discard, &said}, []string{"--data", other, "--listen", "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "cannot open the audit log") {
		t.Errorf("a daemon with other keys: %v", err)
	}
}

// A copy of the store that was cut short is refused, by name.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.enter(canaryHost)
	p.stop()
	file := filepath.Join(p.dir, "store", "store.db")
	if err := os.Truncate(file, 12<<10); err != nil { // all that names the root, and not all that it names
		t.Fatal(err)
	}
	var said bytes.Buffer
	err := runDev(terminal{nil, io.Discard, &said}, []string{"--data", p.dir, "--listen", "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "the store is damaged: restore it") {
		t.Errorf("a daemon with half a store: %v", err)
	}
}
