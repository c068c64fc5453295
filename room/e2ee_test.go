package room

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"alcove/auth"
)

// sealedGroup is group, encrypted end to end, in which host made the main group.
func sealedGroup(t *testing.T) *script {
	t.Helper()
	r := group(t)
	r.s.Policy.E2EE = E2EERequired
	r.do(as("host", CreateGroup{Group: "main"}))
	return r
}

// addition is a commit to the group after number 1 that adds participants.
func addition(to ...ParticipantID) CommitGroup {
	return CommitGroup{Group: "main", After: 1, Commit: "commit", Welcome: "welcome", To: to}
}

func commit(after uint64) CommitGroup {
	return CommitGroup{Group: "main", After: after, Commit: "commit"}
}

// told lists the numbers of entries and the welcomes in the effects, by recipient.
func told(d Decision) map[ParticipantID][]string {
	m := map[ParticipantID][]string{}
	for _, e := range d.Effects {
		switch e := e.(type) {
		case EntrySent:
			m[e.To] = append(m[e.To], fmt.Sprint(e.Entry.Kind, " ", e.Entry.Number, " after ", e.Entry.Previous))
		case WelcomeSent:
			m[e.To] = append(m[e.To], fmt.Sprint("welcome ", e.Entry.Number))
		case GroupMessageSent:
			m[e.To] = append(m[e.To], fmt.Sprint("message ", e.Number))
		}
	}
	return m
}

// TestFirstCommitOfANumberWins checks that of two commits after one number the first is accepted and sent to all admitted participants, and
// the second is stale.
func TestFirstCommitOfANumberWins(t *testing.T) {
	r := sealedGroup(t)
	d := r.do(as("cohost", addition("ann", "obs")))
	want := map[ParticipantID][]string{
		"host": {"commit 2 after 1"}, "cohost": {"commit 2 after 1"}, "ben": {"commit 2 after 1"},
		"ann": {"commit 2 after 1", "welcome 2"}, "obs": {"commit 2 after 1", "welcome 2"},
	}
	if got := told(d); !reflect.DeepEqual(got, want) {
		t.Fatalf("sent %v", got)
	}
	r.refused(as("host", addition("ben")), E2EEStale)
	r.refused(as("host", commit(1)), E2EEStale)
	r.refused(as("host", commit(3)), E2EEStale)
	r.do(as("host", commit(2)))
	r.do(as("ben", commit(3))) // who is no host removes
	if r.s.Groups.Number != 4 {
		t.Fatalf("number %d", r.s.Groups.Number)
	}
}

// TestGroupIsMadeAnew checks that a new main group must name the one that it replaces, that the first host to do so succeeds, and that the
// old group accepts no more entries.
func TestGroupIsMadeAnew(t *testing.T) {
	r := sealedGroup(t)
	r.refused(as("cohost", CreateGroup{Group: "other"}), E2EEStale)
	r.refused(as("cohost", CreateGroup{Group: "other", Replaces: "never"}), E2EEStale)
	r.refused(as("cohost", CreateGroup{Group: "main", Replaces: "main"}), InvalidState)
	r.refused(as("cohost", CreateGroup{Replaces: "main"}), BadRequest)
	d := r.do(as("cohost", CreateGroup{Group: "second", Replaces: "main"}))
	entry := d.Effects[0].(EntrySent).Entry
	if want := (GroupEntry{Group: "second", Number: 2, Kind: EntryCreate, From: "cohost", Replaces: "main"}); !reflect.DeepEqual(entry, want) {
		t.Fatalf("entry %+v", entry)
	}
	r.refused(as("host", CreateGroup{Group: "third", Replaces: "main"}), E2EEStale)
	r.refused(as("host", commit(1)), E2EEStale)
	r.refused(as("host", SendToGroup{Group: "main", After: 1, Message: "m"}), E2EEStale)
	r.do(as("host", CommitGroup{Group: "second", After: 2, Commit: "c"}))
}

// TestSideRoomHasAGroupOfItsOwn checks that the group of a side room takes its numbers from the session's counter, accepts messages of its
// two participants only, and ends with the side room.
func TestSideRoomHasAGroupOfItsOwn(t *testing.T) {
	r := sealedGroup(t)
	r.do(as("host", OpenSideRoom{Target: "ann"}))
	d := r.do(as("host", CreateGroup{Group: "side"}))
	if entry := d.Effects[0].(EntrySent).Entry; !entry.SideRoom || entry.Number != 2 || len(told(d)) != 5 {
		t.Fatalf("told %v, %+v", told(d), entry)
	}
	toSide := func(after uint64) CommitGroup {
		return CommitGroup{Group: "side", After: after, Commit: "c", Welcome: "w", To: ids("ann")}
	}
	r.refused(as("cohost", toSide(2)), Forbidden)
	r.refused(as("cohost", SendToGroup{Group: "side", After: 2, Message: "m"}), Forbidden)
	r.refused(as("host", CommitGroup{Group: "side", After: 2, Commit: "c", Welcome: "w", To: ids("ben")}), E2EEStale)
	r.do(as("cohost", commit(1))) // the main group goes on
	r.do(as("host", toSide(2)))
	if want := []Group{{ID: "main", Number: 3}, {ID: "side", Number: 4, SideRoom: SideRoom{"host", "ann"}}}; !reflect.DeepEqual(r.s.Groups.List, want) {
		t.Fatalf("groups %+v", r.s.Groups.List)
	}
	if got := told(r.do(as("ann", SendToGroup{Group: "side", After: 4, Message: "m"}))); !reflect.DeepEqual(got, map[ParticipantID][]string{"host": {"message 4"}}) {
		t.Fatalf("sent %v", got)
	}
	for viewer, want := range map[ParticipantID]GroupsView{"ann": {4, "main", "side"}, "ben": {4, "main", ""}} {
		if got := ViewOf(r.s, viewer).Groups; *got != want {
			t.Errorf("%s sees %+v", viewer, *got)
		}
	}
	d = r.do(as("host", CreateGroup{Group: "third", Replaces: "main"})) // who is aside makes the main group by naming the one before
	if entry := d.Effects[0].(EntrySent).Entry; entry.SideRoom {
		t.Fatalf("entry %+v", entry)
	}
	r.do(as("ann", CloseSideRoom{}))
	r.refused(as("host", toSide(4)), E2EEStale)
	r.do(as("host", OpenSideRoom{Target: "ann"}))
	r.do(as("host", CreateGroup{Group: "side"})) // the id is free again
	r.do(as("host", CreateGroup{Group: "side again"}))
	if got := r.s.Groups.ofSideRoom(SideRoom{"host", "ann"}); got.ID != "side again" || len(r.s.Groups.List) != 2 {
		t.Fatalf("groups %+v", r.s.Groups.List)
	}
}

// TestWaitingHearNothingOfGroups checks that hosts receive the key package of a waiting participant, who receives no number.
func TestWaitingHearNothingOfGroups(t *testing.T) {
	r := sealedGroup(t)
	key := KeyPackage{Sealed: "key", TokenHash: "hash", Proof: "proof"}
	if d := r.do(as("wait", SetKeyPackage{key})); len(d.Effects) != 0 || !reflect.DeepEqual(d.Outcome, Outcome{}) {
		t.Fatalf("told %+v", d)
	}
	r.do(as("ann", SetKeyPackage{key}))
	r.do(as("host", SetKeyPackage{key}))
	for viewer, want := range map[ParticipantID][]ParticipantID{"host": ids("ann", "wait"), "cohost": ids("host", "ann", "wait"), "ann": nil, "wait": nil, ByClinic: nil} {
		var got []ParticipantID
		for _, k := range ViewOf(r.s, viewer).KeyPackages {
			got = append(got, k.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sees the keys of %v", viewer, got)
		}
	}
	v := ViewOf(r.s, "wait")
	v.Self = Self{}
	if !reflect.DeepEqual(v, View{}) {
		t.Fatalf("who waits sees %+v", v)
	}
	for _, c := range []Command{
		CreateGroup{Group: "x", Replaces: "main"}, commit(1), addition("ann"), SendToGroup{Group: "main", After: 1, Message: "m"}, SyncGroup{},
		ReleaseKeys{Scope: RecordingAudio, Number: 1, Sealed: "s", Keys: []ReleasedKey{{1, "k"}}},
	} {
		r.refused(as("wait", c), NotAdmitted)
	}
	r.refused(as("host", addition("wait")), E2EEStale)
	r.refused(as("host", SendToGroup{Group: "main", After: 1, Message: "m", To: ids("wait")}), TargetNotFound)
	for _, d := range []Decision{r.do(as("host", addition("ann"))), r.do(as("host", SendToGroup{Group: "main", After: 2, Message: "m"}))} {
		if _, ok := told(d)["wait"]; ok {
			t.Fatalf("who waits is sent %v", told(d)["wait"])
		}
	}
}

// TestKeyPackageReplacesTheOneBefore checks that a participant has one key package, and that the same one again causes no event.
func TestKeyPackageReplacesTheOneBefore(t *testing.T) {
	r := sealedGroup(t)
	first, second := KeyPackage{Sealed: "one", TokenHash: "h"}, KeyPackage{Sealed: "two", TokenHash: "h"}
	r.do(as("ann", SetKeyPackage{first}))
	if d := r.do(as("ann", SetKeyPackage{first})); len(d.Events) != 0 {
		t.Fatalf("news %+v", d.Events)
	}
	r.do(as("ann", SetKeyPackage{second}))
	if got := ViewOf(r.s, "host").KeyPackages; !reflect.DeepEqual(got, []KeyPackageView{{"ann", second}}) {
		t.Fatalf("%+v", got)
	}
	r.do(as("ann", Leave{}))
	if got := ViewOf(r.s, "host").KeyPackages; got != nil {
		t.Fatalf("of one who left: %+v", got)
	}
}

// TestCommitsAreChecked checks that commits with inconsistent fields are refused, whoever sends them.
func TestCommitsAreChecked(t *testing.T) {
	r := sealedGroup(t)
	var many []ParticipantID
	for i := range maxAdded + 1 {
		many = append(many, ParticipantID(fmt.Sprint("p", i)))
	}
	for name, tt := range map[string]struct {
		c    Command
		want Code
	}{
		"nothing":                 {CommitGroup{Group: "main", After: 1}, BadRequest},
		"a welcome for nobody":    {CommitGroup{Group: "main", After: 1, Commit: "c", Welcome: "w"}, BadRequest},
		"somebody, no welcome":    {CommitGroup{Group: "main", After: 1, Commit: "c", To: ids("ann")}, BadRequest},
		"proofs alone":            {CommitGroup{Group: "main", After: 1, Commit: "c", Proofs: []Sealed{"p"}}, BadRequest},
		"too few proofs":          {CommitGroup{Group: "main", After: 1, Commit: "c", Welcome: "w", To: ids("ann", "ben"), Proofs: []Sealed{"p"}}, BadRequest},
		"too many":                {addition(many...), BadRequest},
		"twice":                   {addition("ann", "ann"), BadRequest},
		"oneself":                 {addition("host"), BadRequest},
		"one who left":            {addition("gone"), E2EEStale},
		"a group there never was": {CommitGroup{Group: "never", After: 1, Commit: "c"}, E2EEStale},
		"an empty message":        {SendToGroup{Group: "main", After: 1}, BadRequest},
		"a message of before":     {SendToGroup{Group: "main", After: 2, Message: "m"}, E2EEStale},
		"a message to one twice":  {SendToGroup{Group: "main", After: 1, Message: "m", To: ids("ann", "ann")}, TargetNotFound},
		"an empty key package":    {SetKeyPackage{KeyPackage{TokenHash: "h"}}, BadRequest},
		"no token hash":           {SetKeyPackage{KeyPackage{Sealed: "k"}}, BadRequest},
	} {
		t.Run(name, func(t *testing.T) { r.refused(as("host", tt.c), tt.want) })
	}
}

// TestPlainSessionHasNoGroups checks that a session without the policy refuses every request about groups and shows none.
func TestPlainSessionHasNoGroups(t *testing.T) {
	r := group(t)
	r.s.Policy.Recording, r.s.Policy.Consents = WithEach, forms
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	for _, c := range []Command{
		SetKeyPackage{KeyPackage{Sealed: "k", TokenHash: "h"}}, CreateGroup{Group: "g"}, commit(1), SendToGroup{Group: "main", After: 1, Message: "m"},
		SyncGroup{}, ReleaseKeys{Scope: RecordingAudio, Number: 1, Sealed: "s", Keys: []ReleasedKey{{1, "k"}}},
	} {
		r.refused(as("host", c), InvalidState)
	}
	if v := ViewOf(r.s, "host"); v.Groups != nil || v.KeyPackages != nil {
		t.Fatalf("%+v %+v", v.Groups, v.KeyPackages)
	}
}

// TestLogIsBounded checks that the log is bounded in entries and in bytes, that older entries are gone, and that the newest entry is always
// kept.
func TestLogIsBounded(t *testing.T) {
	r := sealedGroup(t)
	for n := uint64(1); n < 200; n++ {
		r.do(as("host", commit(n)))
		if len(r.s.Groups.Log) > maxLogEntries {
			t.Fatalf("%d entries", len(r.s.Groups.Log))
		}
	}
	r.refused(as("ann", SyncGroup{After: 200 - maxLogEntries - 1}), E2EEGone)
	r.refused(as("ann", SyncGroup{After: 201}), E2EEGone)
	d := r.do(as("ann", SyncGroup{After: 200 - maxLogEntries}))
	if n := len(told(d)["ann"]); n != maxLogEntries || d.Outcome.Through != 200 || len(told(d)) != 1 {
		t.Fatalf("%d entries through %d", n, d.Outcome.Through)
	}
	if d := r.do(as("ann", SyncGroup{After: 200})); len(d.Effects) != 0 || d.Outcome.Through != 200 {
		t.Fatalf("nothing new: %+v", d)
	}
	big := Sealed(strings.Repeat("A", 300<<10))
	for n := uint64(200); n < 230; n++ {
		r.do(as("host", CommitGroup{Group: "main", After: n, Commit: big}))
		sum := 0
		for _, e := range r.s.Groups.Log {
			sum += e.size()
		}
		if sum != r.s.Groups.LogSize || sum > maxLogSize {
			t.Fatalf("%d bytes, counted %d", sum, r.s.Groups.LogSize)
		}
	}
	if n := len(r.s.Groups.Log); n != maxLogSize/(300<<10) {
		t.Fatalf("%d large entries are kept", n)
	}
}

// TestSyncFitsTheConnection checks that each e2ee.sync returns at least one entry and no more than fits the connection's queue, and that
// the next request continues there.
func TestSyncFitsTheConnection(t *testing.T) {
	r := sealedGroup(t)
	big := Sealed(strings.Repeat("A", 200<<10))
	for n := uint64(1); n <= 7; n++ {
		c := CommitGroup{Group: "main", After: n, Commit: big}
		if n == 3 {
			c.Commit, c.Welcome, c.To = big+big+big, "w", ids("ann")
		}
		r.do(as("host", c))
	}
	var got []string
	after := uint64(1)
	for range 10 {
		d := r.do(as("ann", SyncGroup{After: after}))
		got = append(got, strings.Join(told(d)["ann"], ", "))
		if after = d.Outcome.Through; after == 8 {
			break
		}
	}
	want := []string{"commit 2 after 1, commit 3 after 2", "commit 4 after 3, welcome 4", "commit 5 after 4, commit 6 after 5", "commit 7 after 6, commit 8 after 7"}
	if !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	if d := r.do(as("ben", SyncGroup{After: 3})); len(told(d)["ben"]) != 1 {
		t.Fatalf("ben is sent the welcome of ann: %v", told(d))
	}
}

// TestNumberSurvivesRestart checks that after a restart groups continue with the next number and the same mode, whatever the configuration
// says, and that no blob is stored.
func TestNumberSurvivesRestart(t *testing.T) {
	r := sealedGroup(t)
	r.do(as("ann", SetKeyPackage{KeyPackage{Sealed: "SECRETKEY", TokenHash: "SECRETHASH"}}))
	r.do(as("host", CommitGroup{Group: "main", After: 1, Commit: "SECRETCOMMIT", Welcome: "SECRETWELCOME", To: ids("ann"), Proofs: []Sealed{"SECRETPROOF"}}))
	kept := EncodeState(r.s)
	if strings.Contains(string(kept), "SECRET") {
		t.Fatalf("kept: %s", kept)
	}
	stored, err := DecodeState(kept)
	if err != nil {
		t.Fatal(err)
	}
	off := r.s.Policy
	off.E2EE = E2EEOff
	paused, _ := Pause(stored)
	r.s = Restore(r.now, paused, off)
	if r.s.Policy.E2EE != E2EERequired || r.s.Groups.Number != 2 {
		t.Fatalf("%q at %d", r.s.Policy.E2EE, r.s.Groups.Number)
	}
	r.refused(Resume{Participant: "host", Secret: hash("host"), Next: hash("next")}, NeedsE2EE)
	r.do(Resume{Participant: "host", Secret: hash("host"), Next: hash("next"), E2EE: true})
	r.refused(as("host", SyncGroup{After: 1}), E2EEGone)
	r.do(as("host", SyncGroup{After: 2}))
	r.refused(as("host", commit(1)), E2EEStale)
	r.do(as("host", commit(2)))
	if r.s.Groups.Number != 3 {
		t.Fatalf("number %d", r.s.Groups.Number)
	}
	r.do(UpdatePolicy{Policy: off})
	if r.s.Policy.E2EE != E2EERequired {
		t.Fatal("a running session changed its mode")
	}
	before, plain := r.s, r.s
	plain.Policy.E2EE = E2EEOff
	if EncodeState(plain); !reflect.DeepEqual(before, r.s) {
		t.Fatal("changed")
	}
}

// TestModeIsChecked checks that an encrypted session refuses clients that cannot encrypt, and that every session refuses tokens that name
// another mode.
func TestModeIsChecked(t *testing.T) {
	for _, tt := range []struct {
		mode   E2EEMode
		claim  string
		speaks bool
		want   Code
	}{
		{E2EEOff, "", false, ""}, {E2EEOff, "", true, ""}, {E2EEOff, "off", false, ""}, {E2EEOff, "required", true, PolicyMismatch},
		{E2EERequired, "", true, ""}, {E2EERequired, "required", true, ""}, {E2EERequired, "off", true, PolicyMismatch},
		{E2EERequired, "", false, NeedsE2EE}, {E2EERequired, "required", false, NeedsE2EE},
	} {
		for _, role := range []auth.Role{auth.Host, auth.Participant} {
			r := newScript(t)
			r.s.Policy.E2EE = tt.mode
			c := joinAs("x", "x", role)
			c.Grant.E2EE, c.E2EE = tt.claim, tt.speaks
			if _, err := decide(r.now, r.s, c); codeOf(err) != tt.want {
				t.Errorf("%q, claim %q, speaks %v: %v", tt.mode, tt.claim, tt.speaks, err)
			}
		}
	}
}

// TestOnlyReleasedKeysAreRecorded checks that under end-to-end encryption a consent counts once its participant released keys for it, until they
// withdraw or have no media any more: with `each` that participant is left out, and with `everyone` nothing is recorded.
func TestOnlyReleasedKeysAreRecorded(t *testing.T) {
	for _, rule := range []RecordingRule{WithEach, WithEveryone} {
		r := sealedGroup(t)
		r.s.Policy.Recording, r.s.Policy.Consents = rule, forms
		voice := func(id ParticipantID, generation uint32) Publish {
			return Publish{Generation: generation, Sources: []Publication{{ID: PublicationID(id) + "-voice", Source: Microphone}}}
		}
		for _, id := range ids("host", "ann") {
			r.do(as(id, voice(id, 1)))
		}
		recorded := func(where string, want ...ParticipantID) {
			t.Helper()
			if rule == WithEveryone && len(want) < 2 {
				want = nil
			}
			var got []ParticipantID
			for _, p := range PlanOf(r.s).Record {
				got = append(got, p.Participant)
			}
			if !slices.Equal(got, want) || RecordingOf(r.s).Records() != (len(want) > 0) {
				t.Errorf("%s, %s: %v are recorded, %s", rule, where, got, RecordingOf(r.s))
			}
		}
		release := ReleaseKeys{Scope: RecordingAudio, Number: 1, Sealed: "s", Keys: []ReleasedKey{{KID: 1, Key: "k"}}}
		yes := AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash, Granted: true}
		r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
		for _, p := range r.s.Participants {
			if p.Access == Admitted && p.ID != "host" && p.ID != "ann" {
				r.do(as(p.ID, Leave{}))
			}
		}
		r.do(as("host", release))
		r.do(as("host", yes))
		r.do(as("ann", yes))
		recorded("no keys", "host")
		r.do(as("ann", ReleaseKeys{Scope: RecordingAudio, Number: 1, Keys: release.Keys}))
		recorded("keys that nothing opens", "host")
		r.do(as("ann", release))
		recorded("keys", "host", "ann")
		r.do(as("ann", WithdrawConsent{}))
		r.do(as("ann", yes))
		recorded("another consent", "host")
		r.do(as("ann", release))
		recorded("keys again", "host", "ann")
		r.do(as("host", SendBack{Target: "ann"}))
		r.do(as("host", Admit{Targets: ids("ann")}))
		r.do(as("ann", voice("ann", 2)))
		recorded("admitted again: the recorder has forgotten the keys", "host")
		r.do(as("ann", release))
		recorded("keys after that", "host", "ann")
		r.s = Restore(r.now, r.s, r.s.Policy)
		r.do(Resume{Participant: "host", Secret: hash("host"), Next: hash("next"), E2EE: true})
		r.do(as("host", voice("host", 1)))
		r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
		recorded("after a restart")
		r.do(as("host", release))
		recorded("after a restart, with keys", "host")
	}
}

// TestReleaseOfKeys checks that a participant who is asked for consent may release keys before the answer and while the consent is valid,
// and into their own recording only.
func TestReleaseOfKeys(t *testing.T) {
	r := sealedGroup(t)
	r.s.Policy.Recording, r.s.Policy.Consents = WithEach, forms
	keys := []ReleasedKey{{KID: 0x80000001, Key: "k"}}
	first := ReleaseKeys{Scope: RecordingAudio, Number: 1, Sealed: "s", Keys: keys}
	later := ReleaseKeys{Scope: RecordingAudio, Number: 1, Keys: keys}
	r.refused(as("ann", first), InvalidState)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.refused(as("ann", ReleaseKeys{Scope: RecordingAudio, Number: 2, Sealed: "s", Keys: keys}), BadRequest)
	r.refused(as("ann", ReleaseKeys{Scope: RecordingAudio, Number: 1, Sealed: "s"}), BadRequest)
	r.refused(as("ann", ReleaseKeys{Scope: RecordingVideo, Number: 1, Sealed: "s", Keys: keys}), InvalidState)
	before := r.s
	d := r.do(as("ann", first))
	if want := []Effect{KeysReleased{Participant: "ann", Person: "ann", ReleaseKeys: first}}; !reflect.DeepEqual(d.Effects, want) {
		t.Fatalf("effects %+v", d.Effects)
	}
	if got := EntriesOf(EntryContext{By: "ann"}, before, d.Events); len(got) != 1 || got[0].Act != ActKeysReleased || got[0].Detail != "recording.audio" {
		t.Fatalf("entries %+v", got)
	}
	if d := r.do(as("ann", later)); len(d.Events) != 0 || len(d.Effects) != 1 { // a key that changed before the answer
		t.Fatalf("%+v", d)
	}
	r.do(as("ann", AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash, Granted: true}))
	if d := r.do(as("ann", later)); len(d.Events) != 0 || len(d.Effects) != 1 {
		t.Fatalf("%+v", d)
	}
	r.do(as("host", StopRecording{}))
	r.refused(as("ann", later), InvalidState)
}

// TestGroupEntries checks that the audit log records the mode of a session and the groups that were made, and no commits.
func TestGroupEntries(t *testing.T) {
	r := newScript(t)
	r.s.Policy.E2EE = E2EERequired
	join := joinAs("host", "host", auth.Host)
	join.E2EE = true
	entries := func(c Command) (list []string) {
		before := r.s
		d := r.do(c)
		for _, e := range EntriesOf(EntryContext{}, before, d.Events) {
			list = append(list, e.Act+" "+e.Detail)
		}
		return list
	}
	if got := entries(join); !slices.Contains(got, "session.started e2ee_required") {
		t.Errorf("%q", got)
	}
	if got := entries(as("host", CreateGroup{Group: "g"})); !slices.Equal(got, []string{"e2ee.group main 1"}) {
		t.Errorf("%q", got)
	}
	if got := entries(as("host", CommitGroup{Group: "g", After: 1, Commit: "c"})); got != nil {
		t.Errorf("%q", got)
	}
	if NeedsRecord([]Event{KeyPackageSet{}}) {
		t.Error("a key package is not stored")
	}
}

// TestNumbersAreReserved checks that a number is sent only once a record reserves it, that few commits need a record for it, and that after
// a crash numbers continue after the reserved ones, whichever record was the last.
func TestNumbersAreReserved(t *testing.T) {
	r := sealedGroup(t)
	written := r.s // the newest record
	records := 0
	for after := uint64(1); after <= 3*numberBlock; after++ {
		before := r.s
		d := r.do(as("host", commit(after)))
		if Opens(before, d.Events) != NeedsRecord(d.Events) {
			t.Fatalf("commit after %d: written late", after)
		}
		if NeedsRecord(d.Events) {
			written, records = r.s, records+1
		}
		if number := r.s.Groups.Number; written.Groups.Reserved < number || Restore(r.now, written, r.s.Policy).Groups.Number < number {
			t.Fatalf("number %d was sent, and %+v is written", number, written.Groups)
		}
	}
	if records != 3 {
		t.Errorf("%d records for %d commits", records, 3*numberBlock)
	}
	stored, err := DecodeState(EncodeState(written))
	if err != nil {
		t.Fatal(err)
	}
	r.s = Restore(r.now, stored, r.s.Policy)
	if paused, changed := Pause(r.s); changed || paused.Groups.Number != 4*numberBlock {
		t.Errorf("after a crash: %+v", r.s.Groups)
	}
	r.do(Resume{Participant: "host", Secret: hash("host"), Next: hash("next"), E2EE: true})
	r.refused(as("host", SyncGroup{After: 1 + 3*numberBlock}), E2EEGone)
	before := r.s
	if d := r.do(as("host", CreateGroup{Group: "new", Replaces: "main"})); !Opens(before, d.Events) || r.s.Groups.Number != 4*numberBlock+1 {
		t.Errorf("the next number: %+v", r.s.Groups)
	}
}

// TestSealedIsNotPrinted checks that no way of printing writes a blob to a log.
func TestSealedIsNotPrinted(t *testing.T) {
	e := EntrySent{To: "ann", Entry: GroupEntry{Commit: "SECRET", Welcome: "SECRET", Proofs: []Sealed{"SECRET"}}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "e", e, "s", e.Entry.Commit)
	coded, err := json.Marshal(e)
	for _, text := range []string{fmt.Sprint(e), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e), log.String(), string(coded)} {
		if strings.Contains(text, "SECRET") || err != nil {
			t.Errorf("%s %v", text, err)
		}
	}
}

// TestRandomGroups plays long sessions of requests about groups, from a fixed start, while people come, go and step aside.
func TestRandomGroups(t *testing.T) {
	reached := map[string]int{}
	for n := range uint64(6) {
		r := sealedGroup(t)
		d := &generator{data: randomBytes(n, 24000), n: 8}
		for len(d.data) > 0 {
			d.s = r.s
			c := d.groupSession()
			dec, err := decide(r.now, r.s, c)
			next := ApplyAll(r.s, dec.Events)
			if err != nil {
				reached[string(codeOf(err))]++
			}
			if len(next.Participants) == 0 || next.EndedFor != "" {
				break
			}
			checkState(t, next)
			checkGroups(t, r.s, next, c, dec)
			r.s = next
			if len(next.Groups.Log) == maxLogEntries {
				reached["as many entries as are kept"]++
			}
			if next.Groups.LogSize > maxLogSize-600<<10 {
				reached["as many bytes"]++
			}
			if len(next.Groups.List) > 1 {
				reached["the group of a side room"]++
			}
		}
	}
	for _, what := range []string{"as many entries as are kept", "as many bytes", "the group of a side room", "e2ee_stale", "e2ee_gone", "forbidden", "not_admitted"} {
		if reached[what] == 0 {
			t.Errorf("no session comes to %s: %v", what, reached)
		}
	}
}
