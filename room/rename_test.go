package room

import (
	"slices"
	"testing"

	"alcove/auth"
)

func TestRename(t *testing.T) {
	r := group(t)
	verified := func(id ParticipantID) string { p, _ := r.s.seat(id); return p.VerifiedName }
	shown := func(id ParticipantID) string { p, _ := r.s.seat(id); return p.DisplayName }
	for _, id := range ids("ann", "wait", "host") { // in the waiting room too
		before := verified(id)
		r.do(as(id, Rename{DisplayName: " Robin\u202e  M. "}))
		if shown(id) != "Robin M." || verified(id) != before || ViewOf(r.s, id).Self.DisplayName != "Robin M." {
			t.Errorf("%s is %q, on file %q", id, shown(id), verified(id))
		}
	}
	if d := r.do(as("ann", Rename{DisplayName: "Robin M."})); len(d.Events) != 0 {
		t.Errorf("the same name again: %+v", d.Events)
	}
	r.do(as("cohost", Rename{Target: "ann", DisplayName: "Ann"}))
	r.do(as("host", Rename{Target: "wait", DisplayName: "Kim"}))
	if shown("ann") != "Ann" || shown("wait") != "Kim" || ViewOf(r.s, "host").Waiting[0].DisplayName != "Kim" {
		t.Errorf("%q, %q", shown("ann"), shown("wait"))
	}
	r.refused(as("ann", Rename{DisplayName: " \u200b "}), BadRequest)
	r.refused(as("ann", Rename{Target: "ben", DisplayName: "Ben"}), Forbidden)
	r.refused(as("wait", Rename{Target: "ben", DisplayName: "Ben"}), NotAdmitted)
	r.refused(as("cohost", Rename{Target: "host", DisplayName: "x"}), Forbidden)
	r.refused(as("host", Rename{Target: "gone", DisplayName: "x"}), TargetNotFound)
	r.refused(as("gone", Rename{DisplayName: "x"}), InvalidState)
	r.refused(as(ByClinic, Rename{Target: "ann", DisplayName: "x"}), Forbidden)
	acts, _ := r.entriesOf("host", as("host", Rename{Target: "ben", DisplayName: "canary"}))
	if !slices.Equal(acts, []string{"name.changed ben"}) {
		t.Errorf("the audit log has %q", acts)
	}
}

// TestAdmitAllLeavesOutWhoIsGone checks that a person whose page is closed is not admitted with all others, but by name.
func TestAdmitAllLeavesOutWhoIsGone(t *testing.T) {
	r := group(t)
	r.do(joinAs("kim", "kim", auth.Participant))
	r.do(as("wait", Disconnect{}))
	if d := r.do(as("host", Admit{All: true})); !slices.Equal(d.Outcome.Admitted, ids("kim")) || len(d.Outcome.Refused) != 0 {
		t.Fatalf("admitted %+v", d.Outcome)
	}
	if d := r.do(as("host", Admit{All: true})); len(d.Outcome.Admitted)+len(d.Outcome.Refused) != 0 {
		t.Fatalf("admitted %+v", d.Outcome)
	}
	if d := r.do(as("host", Admit{Targets: ids("wait")})); !slices.Equal(d.Outcome.Admitted, ids("wait")) {
		t.Fatalf("by name: %+v", d.Outcome)
	}
}

// TestVerifyAndAdmit checks that a host verifies and admits in one act, which is refused as a whole.
func TestVerifyAndAdmit(t *testing.T) {
	r := group(t)
	r.s.Policy.Verify = true
	for i := range r.s.Participants {
		r.s.Participants[i].Verified = r.s.Participants[i].ID != "wait"
	}
	r.refused(as("host", Admit{Targets: ids("wait")}), VerificationRequired)
	d := r.do(as("host", Admit{Targets: ids("wait"), Verify: true}))
	p, _ := r.s.seat("wait")
	if p.Access != Admitted || !p.Verified || !slices.Equal(d.Outcome.Admitted, ids("wait")) {
		t.Fatalf("%+v, %+v", p, d.Outcome)
	}
	acts := EntriesOf(EntryContext{}, group(t).s, d.Events)
	if len(acts) != 2 || acts[0].Act != ActVerified || acts[1].Act != ActAdmitted {
		t.Fatalf("the audit log has %+v", acts)
	}
	r = group(t)
	r.s.Policy.Verify, r.s.Policy.Passcode = true, true
	r.s.Participants[slices.IndexFunc(r.s.Participants, func(p Participant) bool { return p.ID == "wait" })].PasscodeOK = false
	r.refused(as("host", Admit{Targets: ids("wait"), Verify: true}), PasscodeWrong)
}

func TestHelpIsTakenBackAndAnswered(t *testing.T) {
	r := group(t)
	r.do(as("ann", RequestHelp{}))
	d := r.do(as("cohost", ReplyHelp{Target: "ann", Text: "I see you. One minute."}))
	want := map[ParticipantID]bool{"ann": true, "host": true, "cohost": true}
	for _, e := range d.Effects {
		reply, ok := e.(HelpReplied)
		if !ok || !want[reply.To] || reply.Participant != "ann" || reply.Text != "I see you. One minute." {
			t.Errorf("told %+v", e)
		}
		delete(want, reply.To)
	}
	if len(want) != 0 || len(d.Events) != 0 {
		t.Errorf("not told: %v; %+v", want, d.Events)
	}
	r.refused(as("cohost", ReplyHelp{Target: "ann", Text: " \n"}), BadRequest)
	r.refused(as("cohost", ReplyHelp{Target: "ben", Text: "x"}), TargetNotFound)
	r.refused(as("ben", ReplyHelp{Target: "ann", Text: "x"}), Forbidden)
	acts, _ := r.entriesOf("ann", as("ann", WithdrawHelp{}))
	if p, _ := r.s.seat("ann"); p.HelpRaised || !slices.Equal(acts, []string{"help.withdrawn ann"}) {
		t.Fatalf("%+v, %q", p, acts)
	}
	if d := r.do(as("ann", WithdrawHelp{})); len(d.Events) != 0 {
		t.Fatalf("twice: %+v", d.Events)
	}
	r.do(as("ann", RequestHelp{}))
	r.do(as("host", SendBack{Target: "ann"}))
	r.do(as("ann", WithdrawHelp{})) // who was sent back, too
	r.refused(as("gone", WithdrawHelp{}), InvalidState)
}
