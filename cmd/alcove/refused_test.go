package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRefusalsAreLogged: what was refused stands in the audit log of the daemon when it has stopped, in words of closed lists.
func TestRefusalsAreLogged(t *testing.T) {
	p := newProcess(t)
	ann := p.dial()
	ann.ask("hello", map[string]any{"token": p.token("sub=CANARY"), "client": client})
	if a := ann.ask("room.end", map[string]any{}); a.OK {
		t.Error("one who waits ended the room")
	}
	ann.ask("CANARY", map[string]any{})
	stranger := p.dial()
	if a := stranger.ask("hello", map[string]any{"token": "a.b.CANARY", "client": client}); a.OK {
		t.Error("a token of nobody is taken")
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
	entries, err := os.ReadFile(filepath.Join(p.dir, "audit", "entries"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"act":"act.refused"`, `"detail":"room.end/not_admitted"`, `"detail":"unknown/unknown_type"`, `"act":"token.refused"`, `"detail":"malformed"`,
	} {
		if !strings.Contains(string(entries), want) {
			t.Errorf("no %s in\n%s", want, entries)
		}
	}
	if strings.Contains(string(entries), "CANARY") {
		t.Error("what a client sent stands in the log")
	}
}
