package room

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/auth"
)

// otherCommand is the second half of command.
func (d *generator) otherCommand() Command {
	scope := func() Scope { return []Scope{RecordingAudio, RecordingVideo, "smell"}[d.next(3)] }
	hash := func() string {
		return []Text{audioText, videoText, houseRules, hausregeln, newRules, newAudio}[d.next(6)].Hash
	}
	switch d.next(19) {
	case 0, 1:
		return as(d.seat(), Acknowledge{TextHash: hash()})
	case 2:
		return as(d.seat(), PasscodeEntered{OK: d.flag()})
	case 3:
		return as(d.by(), Verify{Target: d.seat(), Verified: d.flag()})
	case 4:
		return as(d.by(), AskConsent{Scopes: []Scope{scope()}})
	case 17:
		return as(d.by(), AskConsent{Scopes: []Scope{RecordingAudio}})
	case 5:
		switch {
		case RecordingOf(d.s) == RecordingStarting:
			return ConfirmRecording{}
		case d.s.Recorder != "":
			return FailRecording{Fault: DiskFull}
		}
		return as(d.by(), StopRecording{})
	case 6, 7:
		if d.next(4) == 0 {
			return as(d.seat(), AnswerConsent{Scope: scope(), TextHash: hash(), Granted: d.flag()})
		}
		f := d.s.Policy.Consents[d.next(2)]
		return as(d.seat(), AnswerConsent{Scope: f.Scope, TextHash: f.Texts[0].Hash, Granted: d.next(8) > 0})
	case 8:
		return as(d.seat(), WithdrawConsent{Scope: []Scope{"", scope()}[d.next(2)]})
	case 9:
		return as(d.by(), Extend{Minutes: d.next(70)})
	case 10:
		return as(d.by(), OpenSideRoom{Target: d.seat(), Message: "soon"})
	case 11:
		return as(d.seat(), d.small())
	case 12:
		by := d.seat()
		if p, ok := d.s.seat(by); ok && p.Role.Hosts() && len(p.Publications) > 0 { // who cannot call for help
			return RateExceeded{Target: by, Publication: p.Publications[0].ID, Withheld: true}
		}
		return as(by, RequestHelp{})
	case 13:
		by, target := d.by(), d.seat()
		if len(d.s.Policy.Agreement) == 0 {
			return as(by, ClearHelp{Target: target})
		}
		return as(by, ShowAgreement{})
	case 14:
		return as(d.by(), SetRole{Target: d.seat(), Role: []auth.Role{auth.Cohost, auth.Participant, auth.Observer, auth.Host}[d.next(4)]})
	case 15:
		switch d.next(4) {
		case 0:
			return Revoke{Persons: []PersonID{PersonID(fmt.Sprint("p", d.next(12)))}}
		case 1:
			return UndoRevoke{Person: PersonID(fmt.Sprint("p", d.next(12)))}
		}
		return as(ByClinic, Admit{All: true})
	case 16:
		if d.next(4) > 0 {
			return d.publish()
		}
		return UpdatePolicy{Policy: d.policy()}
	}
	return d.join()
}

// small returns a request with few consequences.
func (d *generator) small() Command {
	switch d.next(8) {
	case 0:
		return Rename{DisplayName: []string{"", "Robin"}[d.next(2)]}
	case 1:
		return Rename{Target: d.seat(), DisplayName: "Kim"}
	case 2:
		return WithdrawHelp{}
	case 3:
		return ReplyHelp{Target: d.seat(), Text: "soon"}
	}
	return CloseSideRoom{}
}

// groupCommand returns a command about end-to-end encryption, mostly one that fits.
func (d *generator) groupCommand() Command {
	group := Group{ID: "never", Number: uint64(d.next(4))}
	if n := len(d.s.Groups.List); n > 0 && d.next(8) > 0 {
		group = d.s.Groups.List[d.next(n)]
	}
	blob := Sealed(strings.Repeat("A", []int{0, 4, 4, 4, 200 << 10}[d.next(5)]))
	switch d.next(8) {
	case 0:
		return as(d.seat(), SetKeyPackage{KeyPackage{Sealed: Sealed(fmt.Sprint(len(d.data))), TokenHash: "h"}})
	case 1:
		c := CreateGroup{Group: GroupID(fmt.Sprint(len(d.data)))}
		if d.flag() {
			c.Replaces = d.s.Groups.main().ID
		}
		return as(d.by(), c)
	case 2:
		return as(d.by(), CommitGroup{Group: group.ID, After: group.Number, Commit: "c", Welcome: blob, To: ids(d.seat())})
	case 3:
		return as(d.seat(), SendToGroup{Group: group.ID, After: group.Number, Message: blob})
	case 4:
		return as(d.seat(), SyncGroup{After: max(d.s.Groups.Number, uint64(d.next(80))) - uint64(d.next(80))})
	case 5:
		return as(d.seat(), ReleaseKeys{Scope: RecordingAudio, Number: d.s.Groups.Number, Sealed: blob, Keys: []ReleasedKey{{1, "k"}}})
	}
	return as(d.seat(), CommitGroup{Group: group.ID, After: group.Number, Commit: blob})
}

// groupSession returns a request about groups, or what changes who may make one.
func (d *generator) groupSession() Command {
	switch d.next(40) {
	case 0:
		return as("host", OpenSideRoom{Target: d.seat()})
	case 1:
		return as("host", CloseSideRoom{})
	case 2:
		return as("cohost", SendBack{Target: d.seat()})
	case 3, 4:
		return as("cohost", Admit{All: true})
	}
	return d.groupCommand()
}

// checkGroups holds that numbers count up by one and are told to nobody who waits, and that the log is bounded and complete.
func checkGroups(t *testing.T, s, next State, c Command, d Decision) {
	t.Helper()
	accepted := uint64(0)
	for _, e := range d.Events {
		if e, ok := e.(GroupAdvanced); ok {
			accepted++
			if e.Entry.Number != s.Groups.Number+1 {
				t.Fatalf("%s: number %d after %d", commandName(c), e.Entry.Number, s.Groups.Number)
			}
		}
	}
	if g := next.Groups; g.Number != s.Groups.Number+accepted || len(g.Log) > maxLogEntries || g.LogSize > maxLogSize {
		t.Fatalf("%s: number %d, %d entries of %d bytes", commandName(c), g.Number, len(g.Log), g.LogSize)
	}
	for i, e := range next.Groups.Log {
		if e.Number != next.Groups.Number-uint64(len(next.Groups.Log)-1-i) {
			t.Fatalf("%s: a gap in the log at %d", commandName(c), e.Number)
		}
	}
	sideRooms := append([]SideRoom{{}}, next.SideRooms...)
	for _, g := range next.Groups.List {
		if !slices.Contains(sideRooms, g.SideRoom) || g.Number > next.Groups.Number {
			t.Fatalf("%s: group %+v", commandName(c), g)
		}
	}
	for _, e := range d.Effects {
		var to ParticipantID
		switch e := e.(type) {
		case EntrySent:
			to = e.To
		case WelcomeSent:
			to = e.To
		case GroupMessageSent:
			to = e.To
		default:
			continue
		}
		if p, ok := next.seat(to); !ok || p.Access != Admitted || next.Policy.E2EE != E2EERequired {
			t.Fatalf("%s: %s, who is not admitted, is sent %T", commandName(c), to, e)
		}
	}
}

var newAudio = NewText("audio", "2", "en", "May we record your voice, for longer?")

// policy picks one of many policies; its sizes and name stay the same.
func (d *generator) policy() Policy {
	p := Policy{Name: "default", MaxParticipants: 4, MaxWaiting: 4, ResumeWindow: time.Minute, ScreenForAll: d.flag()}
	switch d.next(6) {
	case 1:
		p.Agreement = []Text{houseRules, hausregeln}
	case 2:
		p.Agreement = []Text{newRules}
	}
	p.Verify, p.Passcode = d.next(6) == 1, d.next(6) == 1
	if d.next(8) == 1 {
		p.Entry.AMR = []string{"mfa"}
	}
	p.Recording = []RecordingRule{WithEach, WithEveryone, WithEach, NoRecording}[d.next(4)]
	p.Consents = slices.Clone(forms)
	if d.next(4) == 1 {
		p.Consents[0].Texts = []Text{newAudio}
	}
	if d.next(3) > 0 {
		p.E2EE = E2EERequired
	}
	limits := []time.Duration{0, 0, 2 * time.Minute, 10 * time.Minute}
	p.WaitingLimit, p.IdleLimit, p.HostGrace = limits[d.next(4)], limits[d.next(4)], limits[d.next(4)]
	p.SessionLimit = 2 * limits[d.next(4)]
	return p
}
