package main

import (
	"os"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/room"
)

const (
	canaryHost = "room=canary-room&sub=canary-host&name=CanaryHost&role=host"
	canaryAnn  = "room=canary-room&sub=canary-ann&name=CanaryAnn"
	canaryBob  = "room=canary-room&sub=canary-bob&name=CanaryBob"
)

// TestKill kills the daemon five times during a session. What it acknowledged must hold, no act may apply twice, the log must verify, and
// no message may be on the disk in plaintext.
func TestKill(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	host, ann := p.Enter(canaryHost), p.Enter(canaryAnn)
	host.Must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})

	p.Crash() // after an admission
	host, ann = p.Resume(host), p.Resume(ann)
	if host.State != "admitted" || ann.State != "admitted" {
		t.Errorf("after the first crash the host is %s, Ann %s", host.State, ann.State)
	}
	host.Must("room.lock", demotest.Nothing)

	p.Crash() // after a lock
	host = p.Resume(host)
	host.Heard("room.updated", `"locked":true`)
	host.Must("mod.remove", map[string]any{"participantId": ann.Seat, "message": "canary-words"})

	p.Crash() // after a bar
	host = p.Resume(host)
	host.Heard("barred.list", ann.Seat)
	host.Heard("room.updated", `"locked":true`)
	s := p.Dial()
	if a := s.Ask("hello", p.Resumption(ann)); a.OK {
		t.Error("who was removed resumes after a crash")
	}
	s = p.Dial()
	token := p.Token(canaryAnn)
	if a := s.Ask("hello", map[string]any{"token": token, "client": demotest.Client}); a.Error.Code != "barred" && a.Error.Code != "removed" {
		t.Errorf("who is barred hears %+v", a)
	}
	p.Used = append(p.Used, token)
	host.Must("room.unlock", demotest.Nothing)
	bob := p.Enter(canaryBob)

	p.Crash() // after somebody came
	host = p.Resume(host)
	host.Heard("room.updated", `"locked":false`)
	if bob = p.Resume(bob); bob.State != "waiting" {
		t.Errorf("Bob is %s", bob.State)
	}
	host.Send("waiting.admit", map[string]any{"participantIds": []string{bob.Seat}})
	host.Send("room.lock", demotest.Nothing)

	p.Crash() // in the middle of two acts
	host = p.Resume(host)
	_, metrics := alcovetest.Get(t, p.Admin+"/metrics")
	host.Must("room.end", demotest.Nothing)
	if err := p.Cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	p.CheckLog(map[string]int{
		room.ActAdmitted: 2, room.ActLocked: 1, room.ActBarred: 1, room.ActUnlocked: 1, room.ActSessionEnded: 1,
	})
	p.CheckClear(metrics, host.Secret, bob.Secret)
}
