package room

import (
	"reflect"
	"slices"
	"testing"

	"alcove/auth"
)

// recordScript is a group whose policy has the given recording rule.
func recordScript(t *testing.T, rule RecordingRule) *script {
	t.Helper()
	r := newScript(t)
	r.s.Policy.Recording, r.s.Policy.Consents = rule, forms
	r.seatOf("host", auth.Host)
	r.seatOf("ann", auth.Participant)
	r.seatOf("ben", auth.Participant)
	for _, id := range ids("host", "ann", "ben") {
		r.do(offer(id, 1))
	}
	return r
}

func (r *script) consents(id ParticipantID, scopes ...Scope) {
	r.t.Helper()
	for _, scope := range scopes {
		f, _ := r.s.Policy.consentForm(scope)
		r.do(as(id, AnswerConsent{Scope: scope, TextHash: f.Texts[0].Hash, Granted: true}))
	}
}

// wantRecording checks the state that everyone sees and the publications that are recorded.
func (r *script) wantRecording(state RecordingState, pubs ...PublicationID) {
	r.t.Helper()
	var record []PublicationID
	for _, rec := range PlanOf(r.s).Record {
		record = append(record, rec.Publication)
		if p, _ := r.s.seat(rec.Participant); p.Person != rec.Person || !slices.ContainsFunc(p.Publications, func(pub Publication) bool {
			return pub.ID == rec.Publication && pub.Source.scope() == rec.Scope
		}) {
			r.t.Fatalf("%+v is not of %+v", rec, p)
		}
	}
	if got := RecordingOf(r.s); got != state || !slices.Equal(record, pubs) {
		r.t.Fatalf("recording %s of %v, want %s of %v", got, record, state, pubs)
	}
	for _, p := range r.s.Participants {
		v := ViewOf(r.s, p.ID)
		if p.Access != Admitted {
			continue
		}
		there := slices.ContainsFunc(v.Roster, func(one PersonView) bool { return one.ID == RecorderID && one.Role == RecorderRole })
		if v.Room.Recording != state || there != state.Records() {
			r.t.Fatalf("%s sees %s, and the recorder %v", p.ID, v.Room.Recording, there)
		}
		if api := ViewOf(r.s, ByClinic); len(api.Roster) != r.s.count(Admitted) {
			r.t.Fatalf("the clinic's software counts %d people", len(api.Roster))
		}
	}
}

// wantRecordingStarts checks that the recording starts, that everyone sees it, and that it is on once the first record is written.
func (r *script) wantRecordingStarts(pubs ...PublicationID) {
	r.t.Helper()
	r.wantRecording(RecordingStarting, pubs...)
	before := r.s
	if d := r.do(ConfirmRecording{}); len(EntriesOf(EntryContext{}, before, d.Events)) != 1 || EntriesOf(EntryContext{}, before, d.Events)[0].Act != ActRecordBegan || Opens(before, d.Events) {
		r.t.Fatalf("the log holds %+v", d.Events)
	}
	r.wantRecording(RecordingOn, pubs...)
	if d := r.do(ConfirmRecording{}); d.Events != nil {
		r.t.Fatalf("confirmed twice: %+v", d.Events)
	}
}

// TestRecordingIsOnOnceWritten also checks that a late confirmation, or one after consent was withdrawn, has no effect.
func TestRecordingIsOnOnceWritten(t *testing.T) {
	r := recordScript(t, WithEach)
	confirm := func(state RecordingState, pubs ...PublicationID) {
		t.Helper()
		if d := r.do(ConfirmRecording{}); d.Events != nil {
			t.Fatalf("it has begun while %s: %+v", state, d.Events)
		}
		r.wantRecording(state, pubs...)
	}
	confirm(RecordingOff)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	confirm(RecordingAsking)
	r.consents("ann", RecordingAudio)
	r.wantRecording(RecordingStarting, "ann/microphone")
	r.do(as("ann", WithdrawConsent{}))
	confirm(RecordingAsking)
	r.consents("ann", RecordingAudio)
	r.wantRecordingStarts("ann/microphone")
	r.do(as("ann", WithdrawConsent{}))
	confirm(RecordingPaused)
	r.consents("ann", RecordingAudio)
	r.wantRecording(RecordingStarting, "ann/microphone")
	r.do(as("ann", WithdrawConsent{}))
	r.wantRecording(RecordingPaused)
	r.consents("ann", RecordingAudio)
	r.wantRecordingStarts("ann/microphone")
	r.do(as("host", StopRecording{}))
	confirm(RecordingOff)
}

func TestRecordingWithEach(t *testing.T) {
	r := recordScript(t, WithEach)
	r.wantRecording(RecordingOff)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio, RecordingVideo}}))
	r.wantRecording(RecordingAsking)
	r.do(as("ben", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash}))
	r.wantRecording(RecordingAsking)
	r.consents("ann", RecordingAudio)
	r.wantRecordingStarts("ann/microphone")
	r.consents("ann", RecordingVideo)
	r.wantRecording(RecordingOn, "ann/microphone", "ann/camera")
	r.do(as("host", SetPermission{Target: "ann", Source: Screen, Allowed: true}))
	r.wantRecording(RecordingOn, "ann/microphone", "ann/camera", "ann/screen")
	r.do(as("host", SetPermission{Target: "ann", Source: Camera}))
	r.wantRecording(RecordingOn, "ann/microphone", "ann/screen")
	r.do(as("ann", WithdrawConsent{Scope: RecordingAudio}))
	r.wantRecording(RecordingOn, "ann/screen")
	r.do(as("ann", WithdrawConsent{}))
	r.wantRecording(RecordingPaused)
	r.consents("ann", RecordingAudio) // until they consent again
	r.wantRecordingStarts("ann/microphone")
	r.do(as("host", StopRecording{}))
	r.wantRecording(RecordingOff)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.wantRecordingStarts("ann/microphone") // what was answered stands
}

func TestRecordingWithEveryone(t *testing.T) {
	r := recordScript(t, WithEveryone)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.consents("ann", RecordingAudio)
	r.consents("ben", RecordingAudio)
	r.wantRecording(RecordingAsking) // the host is one of everyone
	r.consents("host", RecordingAudio)
	r.wantRecordingStarts("host/microphone", "ann/microphone", "ben/microphone")
	r.seatOf("late", auth.Participant)
	r.wantRecording(RecordingPaused)
	r.do(as("late", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash}))
	r.wantRecording(RecordingPaused)
	r.consents("late", RecordingAudio)
	r.wantRecordingStarts("host/microphone", "ann/microphone", "ben/microphone")
	r.do(as("ben", WithdrawConsent{}))
	r.wantRecording(RecordingPaused)
	r.do(as("ben", Leave{}))
	r.wantRecordingStarts("host/microphone", "ann/microphone")
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingVideo}})) // now both are asked of everyone
	r.wantRecording(RecordingPaused)
}

func TestSideRoomIsNotRecorded(t *testing.T) {
	for _, rule := range []RecordingRule{WithEach, WithEveryone} {
		r := recordScript(t, rule)
		r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
		for _, id := range ids("host", "ann", "ben") {
			r.consents(id, RecordingAudio)
		}
		r.do(as("host", OpenSideRoom{Target: "ann"}))
		r.wantRecordingStarts("ben/microphone")
		r.do(as("ann", CloseSideRoom{}))
		r.wantRecording(RecordingOn, "host/microphone", "ann/microphone", "ben/microphone")
	}
}

func TestChangedConsentTextNeedsNewAnswer(t *testing.T) {
	r := recordScript(t, WithEach)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.consents("ann", RecordingAudio)
	r.wantRecordingStarts("ann/microphone")
	p := r.s.Policy
	p.Consents = []ConsentForm{{Scope: RecordingAudio, Purpose: "supervision", Texts: []Text{newAudio}}}
	r.do(UpdatePolicy{Policy: p})
	r.wantRecording(RecordingPaused)
	if c := ViewOf(r.s, "ann").Self.Consents; len(c) != 1 || c[0].Answer != "" || c[0].Texts[0] != newAudio {
		t.Fatalf("asked %+v", c)
	}
	r.refused(as("ann", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash, Granted: true}), ConsentRequired)
	r.consents("ann", RecordingAudio)
	r.wantRecordingStarts("ann/microphone")
}

func TestConsentIsPerPerson(t *testing.T) {
	r := recordScript(t, WithEveryone)
	if c := ViewOf(r.s, "ann").Self.Consents; c != nil {
		t.Fatalf("asked without a host's wish: %+v", c)
	}
	r.refused(as("ann", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash, Granted: true}), InvalidState)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	before, group := ViewOf(r.s, "host"), ViewOf(r.s, "ben")
	r.do(as("ann", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash}))
	if !reflect.DeepEqual(ViewOf(r.s, "host"), before) || !reflect.DeepEqual(ViewOf(r.s, "ben"), group) {
		t.Fatal("others see who refused")
	}
	if c := ViewOf(r.s, "ann").Self.Consents; len(c) != 1 || c[0].Answer != Refused {
		t.Fatalf("own answer %+v", c)
	}
}

func TestWithdrawIsNeverRefused(t *testing.T) {
	r := recordScript(t, WithEach)
	if d := r.do(as("ann", WithdrawConsent{})); d.Events != nil {
		t.Fatalf("withdrew nothing: %+v", d)
	}
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.consents("ann", RecordingAudio)
	r.do(as("host", StopRecording{}))
	r.do(as("host", SendBack{Target: "ann"}))
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingVideo}}))
	if c := ViewOf(r.s, "ann").Self.Consents; len(c) != 1 || c[0].Scope != RecordingAudio || c[0].Answer != Granted {
		t.Fatalf("who waits is told %+v", c) // what stands, not what the group is asked
	}
	r.do(as("ann", WithdrawConsent{Scope: RecordingAudio})) // stopped, and waiting
	if c := ViewOf(r.s, "ann").Self.Consents; c != nil {
		t.Fatalf("who waits and took it back is told %+v", c)
	}
	if answerOf(r.s, "ann", RecordingAudio) != Withdrawn {
		t.Fatalf("consents %+v", r.s.Consents)
	}
	r.refused(as("gone", WithdrawConsent{}), InvalidState)
}

func TestAskConsent(t *testing.T) {
	r := recordScript(t, NoRecording)
	r.refused(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}), RecordingUnavailable)
	r = recordScript(t, WithEach)
	r.refused(as("host", AskConsent{}), BadRequest)
	r.refused(as("host", AskConsent{Scopes: []Scope{"smell"}}), RecordingUnavailable)
	r.refused(as("ann", AskConsent{Scopes: []Scope{RecordingAudio}}), Forbidden)
	r.s.Policy.RecordingBy.AMR = []string{"mfa"}
	r.refused(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}), MFARequired)
	r.s.Policy.RecordingBy = Assurance{}
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	if d := r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}})); d.Events != nil {
		t.Fatalf("asked twice: %+v", d)
	}
	r.refused(as("ann", StopRecording{}), Forbidden)
	r.do(as("host", StopRecording{}))
	if d := r.do(as("host", StopRecording{})); d.Events != nil {
		t.Fatalf("stopped twice: %+v", d)
	}
}
