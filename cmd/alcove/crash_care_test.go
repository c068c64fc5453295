package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alcove/room"
)

const (
	careHost = "policy=care&room=canary-care&sub=canary-host&name=CanaryHost&role=host"
	careAnn  = "policy=care&room=canary-care&sub=canary-ann&name=CanaryAnn"
)

var scopes = map[string]any{"scopes": []string{"recording.audio", "recording.video"}}

// answers is what one answered, by scope.
func (c care) answers() map[string]string {
	all := map[string]string{}
	for _, one := range c.Consents {
		all[one.Scope] = one.Decision
	}
	return all
}

// told waits for what is asked to hold some text, and gives the own answers.
func (s *session) told(text string) map[string]string {
	s.t.Helper()
	s.heard("self.updated", text)
	var c care
	if err := json.Unmarshal(s.events["self.updated"], &c); err != nil {
		s.t.Fatal(err)
	}
	return c.answers()
}

// answer answers one scope with the hash of the text that is asked now.
func (s *session) answer(scope, decision string) map[string]any {
	s.t.Helper()
	s.heard("self.updated", scope)
	var c care
	if err := json.Unmarshal(s.events["self.updated"], &c); err != nil {
		s.t.Fatal(err)
	}
	for _, one := range c.Consents {
		if one.Scope == scope {
			return map[string]any{"scope": scope, "textHash": one.Texts[0].TextHash, "decision": decision}
		}
	}
	s.t.Fatalf("nobody asks for %s", scope)
	return nil
}

// exported reads the answers of a person from the store of a daemon that is gone, as "what decision".
func (p *process) exported(sub string) (all []string) {
	p.t.Helper()
	name := filepath.Join(p.t.TempDir(), "alcove.yaml")
	write(p.t, name, strings.NewReplacer("DIR", p.dir, "ISSUER", devIssuer).Replace(`listen: 127.0.0.1:8443
auth: {issuer: ISSUER, audience: alcove, jwks_file: DIR/jwks.json, person_key_file: DIR/person.key}
store: {dir: DIR/store, key_file: DIR/store.key}
audit: {dir: DIR/audit, key_file: DIR/audit.key}
`))
	var out bytes.Buffer
	if err := runConsent(terminal{nil, &out, io.Discard}, []string{"export", "--config", name, "--sub", sub}); err != nil {
		p.t.Fatal(err)
	}
	for d := json.NewDecoder(&out); d.More(); {
		var r room.ConsentRecord
		if err := d.Decode(&r); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, r.Kind+" "+r.Decision)
	}
	return all
}

// The daemon is killed between the steps that lead into a careful room, and after each answer to consent. What was acknowledged
// to a person holds: nobody is asked twice, and no consent that was taken back stands again.
func TestKillCare(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	host, ann := p.enter(careHost), p.enter(careAnn)
	if got := strings.Join(ann.Needs, " "); got != "passcode agreement verification" {
		t.Fatalf("Ann needs %q", got)
	}
	if a := ann.ask("passcode.enter", map[string]any{"code": "canary-guess"}); a.Error.Code != "passcode_wrong" {
		t.Errorf("a wrong passcode: %+v", a)
	}
	ann.must("waiting.message", map[string]any{"text": "canary-question"})
	ann.must("agreement.acknowledge", map[string]any{"textHash": ann.Agreement[0].TextHash})

	p.crash() // after an agreement
	host, ann = p.resume(host), p.resume(ann)
	if got := strings.Join(ann.Needs, " "); got != "passcode verification" || len(ann.Agreement) != 0 {
		t.Errorf("Ann needs %q and has %d texts to read", got, len(ann.Agreement))
	}
	ann.must("passcode.enter", map[string]any{"code": devPasscode})
	host.must("mod.verify", map[string]any{"participantId": ann.Seat, "verified": true})

	p.crash() // after a passcode and a verification
	host, ann = p.resume(host), p.resume(ann)
	if len(ann.Needs) != 0 {
		t.Errorf("Ann needs %v", ann.Needs)
	}
	host.must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})
	offer := "v=0\r\no=- 1 1 IN IP4 " + canaryCandidate + "\r\ns=canary-session\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 " +
		canaryCandidate + "\r\na=ice-ufrag:canary\r\n"
	if a := ann.ask("media.offer", map[string]any{"generation": 1, "sdp": offer, "tracks": []any{}}); a.OK {
		t.Error("half an offer is answered")
	}
	host.must("recording.start", scopes)
	ann.must("consent.respond", ann.answer("recording.audio", "granted"))
	ann.must("consent.respond", ann.answer("recording.video", "refused"))

	p.crash() // after consent, and a refusal
	host, ann = p.resume(host), p.resume(ann)
	if got := ann.answers()["recording.audio"]; got != "granted" {
		t.Errorf("Ann's consent is %q", got)
	}
	host.must("recording.start", scopes) // a recording does not go on by itself
	if got := ann.told(`"refused"`); got["recording.audio"] != "granted" || got["recording.video"] != "refused" {
		t.Errorf("Ann answered %v", got)
	}
	ann.must("consent.withdraw", nothing)

	p.crash() // after consent was taken back
	host, ann = p.resume(host), p.resume(ann)
	host.must("recording.start", scopes)
	if got := ann.told(`"withdrawn"`); got["recording.audio"] != "withdrawn" || got["recording.video"] != "refused" {
		t.Errorf("Ann answered %v", got)
	}
	ann.send("consent.respond", ann.answer("recording.audio", "granted"))

	p.crash() // while an answer is under way: it stands as a whole, in the room and in the records, or not at all
	host, ann = p.resume(host), p.resume(ann)
	last := ann.answers()["recording.audio"] // nobody asks now: it is told only if it stands
	_, metrics := get(t, p.admin+"/metrics")
	host.must("room.end", nothing)
	if next := p.enter(strings.Replace(careAnn, "canary-care", "canary-next", 1)); strings.Join(next.Needs, " ") != "passcode verification" {
		t.Errorf("in the next session Ann needs %v", next.Needs)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	want := "agreement acknowledged, recording.audio granted, recording.video refused, recording.audio withdrawn"
	if last == "granted" {
		want += ", recording.audio granted"
	}
	if got := strings.Join(p.exported("canary-ann"), ", "); got != want {
		t.Errorf("the records say %s\nwant %s", got, want)
	}
	p.checkLog(map[string]int{
		room.ActAcknowledged: 1, room.ActPasscode: 1, room.ActVerified: 1, room.ActAsked: 1, room.ActGranted: 1, room.ActRefused: 1,
		room.ActWithdrawn: 1, room.ActSessionEnded: 1,
	})
	p.checkClear(metrics, host.Secret, ann.Secret, devPasscode)
	if !strings.Contains(p.log.String(), "level=DEBUG") && !strings.Contains(p.log.String(), "level=INFO") {
		t.Error("the daemon logged nothing: the test looks at nothing")
	}
}
