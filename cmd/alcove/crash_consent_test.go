package main

import (
	"os"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/dev"
	"alcove/room"
)

const (
	careHost = "policy=care&room=canary-care&sub=canary-host&name=CanaryHost&role=host"
	careAnn  = "policy=care&room=canary-care&sub=canary-ann&name=CanaryAnn"
)

var scopes = map[string]any{"scopes": []string{"recording.audio", "recording.video"}}

// TestKillDuringEntryAndConsent kills the daemon between the steps of entering a room with requirements, and after each answer to a consent
// request. What was acknowledged must hold: nobody is asked twice, and no withdrawn consent is valid again.
func TestKillDuringEntryAndConsent(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	host, ann := p.Enter(careHost), p.Enter(careAnn)
	if got := strings.Join(ann.Needs, " "); got != "passcode agreement verification" {
		t.Fatalf("Ann needs %q", got)
	}
	if a := ann.Ask("passcode.enter", map[string]any{"code": "canary-guess"}); a.Error.Code != "passcode_wrong" {
		t.Errorf("a wrong passcode: %+v", a)
	}
	ann.Must("waiting.message", map[string]any{"text": "canary-question"})
	ann.Must("agreement.acknowledge", map[string]any{"textHash": ann.Agreement[0].TextHash})

	p.Crash() // after an agreement
	host, ann = p.Resume(host), p.Resume(ann)
	if got := strings.Join(ann.Needs, " "); got != "passcode verification" || len(ann.Agreement) != 0 {
		t.Errorf("Ann needs %q and has %d texts to read", got, len(ann.Agreement))
	}
	ann.Must("passcode.enter", map[string]any{"code": dev.Passcode})
	host.Must("mod.verify", map[string]any{"participantId": ann.Seat, "verified": true})

	p.Crash() // after a passcode and a verification
	host, ann = p.Resume(host), p.Resume(ann)
	if len(ann.Needs) != 0 {
		t.Errorf("Ann needs %v", ann.Needs)
	}
	host.Must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})
	offer := "v=0\r\no=- 1 1 IN IP4 " + demotest.CanaryCandidate + "\r\ns=canary-session\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 " +
		demotest.CanaryCandidate + "\r\na=ice-ufrag:canary\r\n"
	if a := ann.Ask("media.offer", map[string]any{"generation": 1, "sdp": offer, "tracks": []any{}}); a.OK {
		t.Error("half an offer is answered")
	}
	host.Must("recording.start", scopes)
	ann.Must("consent.respond", ann.Answer("recording.audio", "granted"))
	ann.Must("consent.respond", ann.Answer("recording.video", "refused"))

	p.Crash() // after consent, and a refusal
	host, ann = p.Resume(host), p.Resume(ann)
	if got := ann.Answers()["recording.audio"]; got != "granted" {
		t.Errorf("Ann's consent is %q", got)
	}
	host.Must("recording.start", scopes) // a recording does not go on by itself
	if got := ann.Texts(`"refused"`); got["recording.audio"] != "granted" || got["recording.video"] != "refused" {
		t.Errorf("Ann answered %v", got)
	}
	ann.Must("consent.withdraw", demotest.Nothing)

	p.Crash() // after consent was taken back
	host, ann = p.Resume(host), p.Resume(ann)
	host.Must("recording.start", scopes)
	if got := ann.Texts(`"withdrawn"`); got["recording.audio"] != "withdrawn" || got["recording.video"] != "refused" {
		t.Errorf("Ann answered %v", got)
	}
	ann.Send("consent.respond", ann.Answer("recording.audio", "granted"))

	p.Crash() // while an answer is under way: it stands as a whole, in the room and in the records, or not at all
	host, ann = p.Resume(host), p.Resume(ann)
	last := ann.Answers()["recording.audio"] // nobody asks now: it is told only if it stands
	_, metrics := alcovetest.Get(t, p.Admin+"/metrics")
	host.Must("room.end", demotest.Nothing)
	if next := p.Enter(strings.Replace(careAnn, "canary-care", "canary-next", 1)); strings.Join(next.Needs, " ") != "passcode verification" {
		t.Errorf("in the next session Ann needs %v", next.Needs)
	}
	if err := p.Cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	want := "agreement acknowledged, recording.audio granted, recording.video refused, recording.audio withdrawn"
	if last == "granted" {
		want += ", recording.audio granted"
	}
	if got := strings.Join(p.Exported("canary-ann"), ", "); got != want {
		t.Errorf("the records say %s\nwant %s", got, want)
	}
	p.CheckLog(map[string]int{
		room.ActAcknowledged: 1, room.ActPasscode: 1, room.ActVerified: 1, room.ActAsked: 1, room.ActGranted: 1, room.ActRefused: 1,
		room.ActWithdrawn: 1, room.ActSessionEnded: 1,
	})
	p.CheckClear(metrics, host.Secret, ann.Secret, dev.Passcode)
	if !strings.Contains(p.Log.String(), "level=DEBUG") && !strings.Contains(p.Log.String(), "level=INFO") {
		t.Error("the daemon logged nothing: the test looks at nothing")
	}
}
