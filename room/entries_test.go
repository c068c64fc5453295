package room

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/auth"
)

// entriesOf runs a command and returns its audit entries and consent records.
func (r *script) entriesOf(by ParticipantID, c Command) ([]string, []ConsentRecord) {
	r.t.Helper()
	before := r.s
	d := r.do(c)
	t := EntryContext{Session: "key", At: r.now, By: by}
	var acts []string
	for _, e := range EntriesOf(t, before, d.Events) {
		if e.By != by || e.Session != "key" || !e.At.Equal(r.now) || e.Subject != "" && e.Person == "" {
			r.t.Errorf("%s: entry %+v", commandName(c), e)
		}
		acts = append(acts, strings.Join(strings.Fields(e.Act+" "+string(e.Subject)+" "+e.Detail), " "))
	}
	return acts, ConsentsOf(t, before, d.Events)
}

func TestEntries(t *testing.T) {
	r := recordScript(t, WithEach)
	r.s.Policy.Passcode, r.s.Policy.SessionLimit = true, time.Hour
	for i := range r.s.Participants {
		r.s.Participants[i].PasscodeOK = true
	}
	r.s.EndsAt = start.Add(time.Hour)
	steps := []struct {
		by   ParticipantID
		do   Command
		acts []string
		open bool
	}{
		{"x", joinAs("x", "xeno", auth.Participant), []string{"seat.waiting x participant"}, false},
		{"x", as("x", PasscodeEntered{OK: true}), []string{"passcode.entered x"}, true},
		{"host", as("host", Verify{Target: "x", Verified: true}), []string{"identity.verified x"}, true},
		{"host", as("host", Admit{All: true}), []string{"seat.admitted x participant"}, true},
		{"host", as("host", Verify{Target: "x"}), []string{"identity.withdrawn x"}, false},
		{"host", as("host", SetPermission{Target: "x", Source: Screen, Allowed: true}), []string{"permission.given x screen"}, true},
		{"host", as("host", SetPermission{Target: "x", Source: Microphone}), []string{"permission.taken x microphone"}, false},
		{"host", as("host", SetRole{Target: "x", Role: auth.Cohost}), []string{"role.set x cohost"}, true},
		{"host", as("host", SetRole{Target: "x", Role: auth.Observer}), []string{"role.set x observer"}, false},
		{"x", as("x", RequestHelp{}), []string{"help.called x"}, false},
		{"host", as("host", ClearHelp{Target: "x"}), []string{"help.answered x"}, false},
		{"host", as("host", OpenSideRoom{Target: "x"}), []string{"sideroom.opened x", "hosts.absent"}, false},
		{"x", as("x", CloseSideRoom{}), []string{"sideroom.closed x", "hosts.back"}, false},
		{"host", as("host", Lock{}), []string{"room.locked"}, false},
		{"host", as("host", Unlock{}), []string{"room.unlocked"}, true},
		{"host", as("host", Extend{Minutes: 5}), []string{"session.extended 2026-03-02T10:05:00Z"}, true},
		{"host", as("host", AskConsent{Scopes: []Scope{RecordingAudio}}), []string{"recording.asked recording.audio"}, true},
		{"ann", as("ann", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash, Granted: true}),
			[]string{"consent.granted ann recording.audio " + audioText.Hash}, true},
		{"", ConfirmRecording{}, []string{"recording.began"}, false},
		{"ann", as("ann", WithdrawConsent{}), []string{"consent.withdrawn ann recording.audio " + audioText.Hash}, false},
		{"ann", as("ann", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash}), []string{"consent.refused ann recording.audio " + audioText.Hash}, false},
		{"host", as("host", StopRecording{}), []string{"recording.stopped"}, false},
		{"", as("ann", Disconnect{}), []string{"seat.dropped ann"}, false},
		{"ann", Resume{Participant: "ann", Secret: hash("ann"), Next: hash("next")}, []string{"seat.resumed ann"}, false},
		{"host", as("host", SendBack{Target: "x"}), []string{"seat.sent_back x"}, false},
		{"host", as("host", Remove{Target: "x"}), []string{"person.barred x", "seat.ended x removed"}, false},
		{"host", as("host", Unbar{Target: "x"}), []string{"person.lifted x"}, true},
		{"host", as("host", Leave{}), []string{"seat.ended host left", "hosts.absent", "room.locked absence"}, false},
		{"h2", joinAs("h2", "host", auth.Host), []string{"seat.admitted h2 host", "hosts.back", "room.unlocked absence"}, true},
		{"", Revoke{Persons: []PersonID{"ben"}}, []string{"person.barred ben revoked", "seat.ended ben removed"}, false},
		{"", UndoRevoke{Person: "ben"}, []string{"person.lifted ben revoked"}, true},
		{"ann", as("ann", SetHand{Raised: true}), nil, false},
		{"h2", as("h2", End{}), []string{"seat.ended ann ended", "seat.ended h2 ended", "session.ended host"}, false},
	}
	for _, step := range steps {
		before := r.s
		acts, _ := r.entriesOf(step.by, step.do)
		if !slices.Equal(acts, step.acts) {
			t.Errorf("%s: %q, want %q", commandName(step.do), acts, step.acts)
		}
		d, _ := decide(r.now, before, step.do)
		if Opens(before, d.Events) != step.open || (len(OpeningEntriesOf(EntryContext{}, before, d.Events)) > 0) != step.open {
			t.Errorf("%s opens: %v", commandName(step.do), !step.open)
		}
		if hand := acts == nil; NeedsRecord(d.Events) == hand {
			t.Errorf("%s is kept: %v", commandName(step.do), !hand)
		}
	}
}

// TestEntriesHoldNoNames checks that entries and consent records contain no person's name, room name or message.
func TestEntriesHoldNoNames(t *testing.T) {
	r := newScript(t)
	r.s.Name = "canary-room"
	c := joinAs("host", "host", auth.Host)
	c.DisplayName, c.Grant.Name = "canary-display", "canary-clinic"
	var all []string
	for _, step := range []Command{c, joinAs("ann", "ann", auth.Participant), as("host", Deny{Target: "ann", Message: "canary-words"}), as("host", End{})} {
		acts, _ := r.entriesOf("host", step)
		all = append(all, acts...)
	}
	if text := strings.Join(all, "\n"); len(all) < 5 || strings.Contains(text, "canary") {
		t.Fatalf("entries:\n%s", text)
	}
}

func TestConsentRecords(t *testing.T) {
	r := recordScript(t, WithEach)
	r.s.Policy.Agreement = []Text{houseRules, hausregeln}
	for _, p := range r.s.Participants {
		r.s = Apply(r.s, TextAcknowledged{Person: p.Person, Hash: houseRules.Hash})
	}
	_, got := r.entriesOf("ann", as("ann", Acknowledge{TextHash: hausregeln.Hash}))
	want := ConsentRecord{At: r.now, Session: "key", Person: "ann", Kind: "agreement", TextID: hausregeln.ID, Version: hausregeln.Version, TextHash: hausregeln.Hash, Locale: "de", Decision: "acknowledged"}
	if !reflect.DeepEqual(got, []ConsentRecord{want}) {
		t.Fatalf("%+v", got)
	}
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	_, got = r.entriesOf("ann", as("ann", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash, Granted: true}))
	want = ConsentRecord{At: r.now, Session: "key", Person: "ann", Kind: "recording.audio", Purpose: "supervision", TextID: audioText.ID, Version: audioText.Version, TextHash: audioText.Hash, Locale: "en", Decision: "granted"}
	if !reflect.DeepEqual(got, []ConsentRecord{want}) {
		t.Fatalf("%+v", got)
	}
}

func TestStateRoundTrip(t *testing.T) {
	r := recordScript(t, WithEach)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.consents("ann", RecordingAudio)
	r.do(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("next")})
	r.do(as("host", Lock{}))
	kept := EncodeState(r.s)
	back, err := DecodeState(kept)
	if err != nil || back.Policy.Name != "default" || back.Policy.MaxParticipants != 0 {
		t.Fatalf("%+v %v", back.Policy, err)
	}
	s := Restore(r.now.Add(time.Hour), back, r.s.Policy)
	r.s, r.now = s, r.now.Add(time.Hour)
	r.wantRecording(RecordingOff)
	if !s.Locked || !hasConsent(s, "ann", RecordingAudio) {
		t.Fatalf("revived %+v", s)
	}
	r.refused(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("x")}, ResumeExpired)
	r.now = r.now.Add(59 * time.Second)
	r.do(Resume{Participant: "ann", Secret: hash("next"), Next: hash("x")})
	if p := s.Participants[0]; p.Connected || p.Publications != nil {
		t.Fatalf("revived %+v", p)
	}
}

func TestDecodeStateIsStrict(t *testing.T) {
	kept := EncodeState(State{Name: "g"})
	for name, data := range map[string][]byte{
		"nothing":       nil,
		"half":          kept[:len(kept)/2],
		"more":          append(bytes.Clone(kept), '{'),
		"another field": bytes.Replace(kept, []byte(`"Policy"`), []byte(`"Fancy":1,"Policy"`), 1),
		"later version": bytes.Replace(kept, []byte(`"Version":1`), []byte(`"Version":2`), 1),
		"no version":    []byte("{}"),
	} {
		if s, err := DecodeState(data); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestRestoreAppliesChangedTexts restores a session whose agreement text changed while the daemon was down.
func TestRestoreAppliesChangedTexts(t *testing.T) {
	r := rulesScript(t)
	r.do(as("ann", Acknowledge{TextHash: houseRules.Hash}))
	r.do(as("host", Admit{All: true}))
	p := r.s.Policy
	p.Agreement = []Text{newRules}
	r.s = Restore(r.now, r.s, p)
	r.wantAccess("ann", Waiting)
}
