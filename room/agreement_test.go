package room

import (
	"reflect"
	"strings"
	"testing"

	"alcove/auth"
)

// rulesScript is a session whose policy requires house rules to be acknowledged, in English or German.
func rulesScript(t *testing.T) *script {
	t.Helper()
	r := newScript(t)
	r.s.Policy.Agreement = []Text{houseRules, hausregeln}
	r.do(joinAs("host", "host", auth.Host))
	r.do(joinAs("ann", "ann", auth.Participant))
	return r
}

func TestAgreement(t *testing.T) {
	r := rulesScript(t)
	v := ViewOf(r.s, "ann")
	if !v.Self.Needs.Agreement || !reflect.DeepEqual(v.Self.Agreement, []Text{houseRules, hausregeln}) || v.Room != nil {
		t.Fatalf("asked %+v", v)
	}
	if w := ViewOf(r.s, "host").Waiting[0]; w.Needs != (Needs{Agreement: true}) {
		t.Fatalf("a host sees %+v", w)
	}
	r.refused(as("host", Admit{All: true}), AgreementRequired)
	r.refused(as("ann", Acknowledge{TextHash: newRules.Hash}), AgreementRequired)
	r.refused(as("gone", Acknowledge{TextHash: houseRules.Hash}), InvalidState)
	r.do(as("ann", Acknowledge{TextHash: hausregeln.Hash}))
	if d := r.do(as("ann", Acknowledge{TextHash: hausregeln.Hash})); d.Events != nil {
		t.Fatalf("acknowledged twice: %+v", d)
	}
	if v := ViewOf(r.s, "ann"); v.Self.Agreement != nil || v.Self.Needs != (Needs{}) {
		t.Fatalf("asked again: %+v", v)
	}
	r.do(as("host", Admit{All: true}))
	r.do(as("ann", Leave{}))
	r.do(joinAs("ann2", "ann", auth.Participant)) // in the same session it is not asked again
	r.do(as("host", Admit{All: true}))
}

func TestAgreementOfAnEarlierSession(t *testing.T) {
	r := rulesScript(t)
	c := joinAs("ben", "ben", auth.Participant)
	c.Acknowledged = []string{"an old text's", hausregeln.Hash, hausregeln.Hash}
	d := r.do(c)
	r.do(as("host", Admit{Targets: ids("ben")}))
	if len(r.s.Acknowledged) != 1 || len(ConsentsOf(EntryContext{}, r.s, d.Events)) != 0 {
		t.Fatalf("acknowledged %+v, recorded again %+v", r.s.Acknowledged, d.Events)
	}
}

func TestChangedTextIsRequiredAgain(t *testing.T) {
	r := rulesScript(t)
	r.do(as("ann", Acknowledge{TextHash: houseRules.Hash}))
	r.do(as("host", Admit{All: true}))
	r.do(offer("ann", 1))
	p := r.s.Policy
	p.Agreement = []Text{newRules}
	d := r.do(UpdatePolicy{Policy: p})
	r.wantAccess("ann", Waiting)
	r.wantAccess("host", Admitted)
	if !reflect.DeepEqual(d.Effects, []Effect{AccessReason{To: "ann", Reason: "sent_back"}}) || len(PlanOf(r.s).Entries) != 1 {
		t.Fatalf("told %+v", d.Effects)
	}
	r.refused(as("host", Admit{All: true}), AgreementRequired)
	r.do(as("ann", Acknowledge{TextHash: newRules.Hash}))
	r.do(as("host", Admit{All: true}))
	p.Name = "other"
	r.refused(UpdatePolicy{Policy: p}, PolicyMismatch)
}

func TestShowAgreement(t *testing.T) {
	r := full(t)
	d := r.do(as("cohost", ShowAgreement{}))
	if len(d.Events) != 0 {
		t.Errorf("a reminder changes %+v", d.Events)
	}
	told := map[ParticipantID]bool{}
	for _, e := range d.Effects {
		if e, ok := e.(AgreementShown); ok && len(e.Texts) == 1 && e.Texts[0] == houseRules {
			told[e.To] = true
		}
	}
	for _, p := range r.s.Participants {
		if told[p.ID] != (p.Access == Admitted) {
			t.Errorf("%s, %s: reminded %v", p.ID, p.Access, told[p.ID])
		}
	}
	r.s.Policy.Agreement = nil
	r.refused(as("host", ShowAgreement{}), Forbidden)
}

func TestTwoAgreements(t *testing.T) {
	r := rulesScript(t)
	privacy := NewText("privacy", "1", "en", "We keep nothing.")
	r.s.Policy.Agreement = append(r.s.Policy.Agreement, privacy)
	r.do(as("ann", Acknowledge{TextHash: houseRules.Hash}))
	r.refused(as("host", Admit{All: true}), AgreementRequired)
	if got := ViewOf(r.s, "ann").Self.Agreement; !reflect.DeepEqual(got, []Text{privacy}) {
		t.Fatalf("asked %+v", got)
	}
	r.do(as("ann", Acknowledge{TextHash: privacy.Hash}))
	r.do(as("host", Admit{All: true}))
}

func TestTextHash(t *testing.T) {
	// SHA-256 of "abc" (FIPS 180-2, appendix B.1).
	if h := NewText("", "", "", "abc").Hash; !strings.HasPrefix(h, "ba7816bf8f01cfea") || len(h) != 64 {
		t.Fatalf("hash %s", h)
	}
}
