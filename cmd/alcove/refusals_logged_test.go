package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"alcove/cmd/alcove/internal/demotest"
)

// TestRefusalsAreLogged checks that the audit log contains each refusal after the daemon stopped, and describes it only with the words of
// closed lists.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	ann := p.Dial()
	ann.Ask("hello", map[string]any{"token": p.Token("sub=CANARY"), "client": demotest.Client})
	if a := ann.Ask("room.end", map[string]any{}); a.OK {
		t.Error("one who waits ended the room")
	}
	ann.Ask("CANARY", map[string]any{})
	stranger := p.Dial()
	if a := stranger.Ask("hello", map[string]any{"token": "a.b.CANARY", "client": demotest.Client}); a.OK {
		t.Error("a token of nobody is taken")
	}
	p.Cmd.Process.Signal(syscall.SIGTERM)
	p.Cmd.Wait()
	entries, err := os.ReadFile(filepath.Join(p.Dir, "audit", "entries"))
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
