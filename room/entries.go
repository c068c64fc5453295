package room

import (
	"strconv"
	"strings"
	"time"

	"alcove/auth"
)

// An EntryContext holds what all entries of one decision share.
type EntryContext struct {
	Session string
	At      time.Time
	By      ParticipantID // the actor: a seat, ByClinic or ByDaemon
}

// EntriesOf returns the audit entries of a decision; before is the state it was made on. Equal inputs give equal entries.
func EntriesOf(t EntryContext, before State, events []Event) []Entry {
	return collectEntries(t, before, events, func(State, Event) bool { return true })
}

// OpeningEntriesOf returns those of EntriesOf whose events open something (see Opens).
func OpeningEntriesOf(t EntryContext, before State, events []Event) []Entry {
	return collectEntries(t, before, events, opens)
}

func collectEntries(t EntryContext, before State, events []Event, wanted func(State, Event) bool) []Entry {
	var list []Entry
	s := before
	for _, e := range events {
		if !wanted(s, e) {
			s = Apply(s, e)
			continue
		}
		for _, entry := range entriesOf(s, e) {
			entry.At, entry.Session, entry.By = t.At, t.Session, t.By
			if p, ok := s.seat(entry.Subject); ok && entry.Person == "" {
				entry.Person = p.Person
			}
			list = append(list, entry)
		}
		s = Apply(s, e)
	}
	return list
}

// entriesOf returns the entries of one event. Mutes, raised hands and media changes have none: an audit does not need them.
func entriesOf(s State, e Event) []Entry {
	one := func(act string, subject ParticipantID, detail string) []Entry {
		return []Entry{{Act: act, Subject: subject, Detail: detail}}
	}
	switch e := e.(type) {
	case SeatTaken:
		act := ActWaiting
		if e.Seat.Access == Admitted {
			act = ActAdmitted
		}
		return []Entry{{Act: act, Subject: e.Seat.ID, Person: e.Seat.Person, Detail: string(e.Seat.Role)}}
	case SeatAdmitted:
		p, _ := s.seat(e.ID)
		return one(ActAdmitted, e.ID, string(p.Role))
	case SeatSentBack:
		return one(ActSentBack, e.ID, "")
	case SeatEnded:
		return one(ActEnded, e.ID, e.Reason)
	case SeatDropped:
		return one(ActDropped, e.ID, "")
	case SeatResumed:
		return one(ActResumed, e.ID, "")
	case PersonBarred, PersonUnbarred, RevokeUndone:
		return barEntriesOf(s, e)
	case OverridesSet:
		return overrideEntries(s, e)
	case RoleSet:
		return one(ActRole, e.ID, string(e.Role))
	case VerifiedSet:
		return one(choose(e.Verified, ActVerified, ActUnverified), e.ID, "")
	case PasscodePassed:
		return one(ActPasscode, e.ID, "")
	case HelpSet:
		return one(choose(e.Raised, ActHelp, choose(e.Withdrawn, ActHelpWithdrawn, ActHelpAnswered)), e.ID, "")
	case NameSet:
		return one(ActRenamed, e.ID, "")
	case SideRoomOpened:
		return one(ActSideRoom, e.Room.Guest, "")
	case SideRoomClosed:
		return one(ActSideRoomClosed, e.Room.Guest, "")
	case ConsentGiven:
		act := map[Answer]string{Granted: ActGranted, Refused: ActRefused, Withdrawn: ActWithdrawn}[e.Consent.Answer]
		return one(act, e.ID, string(e.Consent.Scope)+" "+e.Consent.TextHash)
	case SessionStarted:
		return one(ActStarted, "", choose(s.Policy.E2EE == E2EERequired, detailE2EE, ""))
	case GroupAdvanced:
		if e.Entry.Kind == EntryCreate {
			return one(ActGroup, e.Entry.From, choose(e.Entry.SideRoom, "side_room ", "main ")+strconv.FormatUint(e.Entry.Number, 10))
		}
		return nil
	case KeysReleaseBegan:
		return one(ActKeysReleased, e.ID, string(e.Scope))
	case TextAcknowledged:
		if e.ID != "" {
			return one(ActAcknowledged, e.ID, e.Hash)
		}
	}
	return sessionEntriesOf(e)
}

// barEntriesOf is entriesOf for events that bar a person or let them in again.
func barEntriesOf(s State, e Event) []Entry {
	unbarred := func(is func(Bar) bool, detail string) []Entry {
		for _, b := range s.Barred {
			if is(b) {
				return []Entry{{Act: ActUnbarred, Subject: b.Participant, Person: b.Person, Detail: detail}}
			}
		}
		return nil
	}
	switch e := e.(type) {
	case PersonBarred:
		return []Entry{{Act: ActBarred, Subject: e.Bar.Participant, Person: e.Bar.Person, Detail: choose(e.Bar.Revoked, "revoked", "")}}
	case PersonUnbarred:
		return unbarred(func(b Bar) bool { return b.Participant == e.ID }, "")
	case RevokeUndone:
		return unbarred(func(b Bar) bool { return b.revokes(e.Person) }, "revoked")
	}
	return nil
}

// sessionEntriesOf is entriesOf for events that affect no single seat.
func sessionEntriesOf(e Event) []Entry {
	one := func(act, detail string) []Entry { return []Entry{{Act: act, Detail: detail}} }
	switch e := e.(type) {
	case LockSet:
		return one(choose(e.Locked, ActLocked, ActUnlocked), "")
	case EndMoved:
		return one(ActExtended, e.At.UTC().Format(time.RFC3339))
	case SessionEnded:
		return one(ActSessionEnded, e.Reason)
	case HostsLeft:
		if e.Locked {
			return append(one(ActHostsAbsent, ""), one(ActLocked, "absence")...)
		}
		return one(ActHostsAbsent, "")
	case AbsenceLimited:
		return one(ActHostsLimited, e.Limit.String())
	case HostsBack:
		if e.Unlocked {
			return append(one(ActHostsBack, ""), one(ActUnlocked, "absence")...)
		}
		return one(ActHostsBack, "")
	case ConsentAsked:
		if len(e.Scopes) == 0 {
			return one(ActRecordStopped, "")
		}
		var scopes []string
		for _, scope := range e.Scopes {
			scopes = append(scopes, string(scope))
		}
		return one(ActAsked, strings.Join(scopes, " "))
	case RecordingBegan:
		return one(ActRecordBegan, "")
	case RecordingFailed:
		return one(ActRecordFailed, string(e.Fault))
	case PolicySet:
		return one(ActPolicy, "")
	}
	return nil
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// overrideEntries lists the sources that a participant may publish after the event but not before, or the other way round.
func overrideEntries(s State, e OverridesSet) []Entry {
	var list []Entry
	p, _ := s.seat(e.ID)
	now, _ := Apply(s, e).seat(e.ID)
	for _, source := range []Source{Microphone, Camera, Screen} {
		before, after := may(s, p, source.act()), may(s, now, source.act())
		if before != after {
			list = append(list, Entry{Act: choose(after, ActPermissionGiven, ActPermissionTaken), Subject: e.ID, Detail: string(source)})
		}
	}
	return list
}

// ConsentsOf returns the records of the answers in a decision.
func ConsentsOf(t EntryContext, before State, events []Event) []ConsentRecord {
	var list []ConsentRecord
	for _, e := range events {
		switch e := e.(type) {
		case TextAcknowledged:
			if e.ID == "" {
				continue // recorded in the earlier session
			}
			text := textOf(before.Policy.Agreement, e.Hash)
			list = append(list, ConsentRecord{
				At: t.At, Session: t.Session, Person: e.Person, Kind: "agreement", TextID: text.ID, Version: text.Version,
				TextHash: e.Hash, Locale: text.Locale, Decision: "acknowledged",
			})
		case ConsentGiven:
			c := e.Consent
			f, _ := before.Policy.consentForm(c.Scope)
			text := textOf(f.Texts, c.TextHash)
			list = append(list, ConsentRecord{
				At: t.At, Session: t.Session, Person: c.Person, Kind: string(c.Scope), Purpose: f.Purpose, TextID: text.ID,
				Version: text.Version, TextHash: c.TextHash, Locale: text.Locale, Decision: string(c.Answer),
			})
		}
	}
	return list
}

// textOf finds a text by its hash; the result is empty if the policy no longer has it.
func textOf(texts []Text, hash string) Text {
	for _, t := range texts {
		if t.Hash == hash {
			return t
		}
	}
	return Text{}
}

// Opens reports whether a decision lets anybody do or see more than before. Such a decision is written to the audit log before it is
// applied, and refused if it cannot be written. The start of a recording opens nothing, because the consents that allow it were
// written.
func Opens(before State, events []Event) bool {
	s := before
	for _, e := range events {
		if opens(s, e) {
			return true
		}
		s = Apply(s, e)
	}
	return false
}

func opens(s State, e Event) bool {
	switch e := e.(type) {
	case SeatTaken:
		return e.Seat.Access == Admitted
	case SeatAdmitted, PersonUnbarred, RevokeUndone, PasscodePassed, EndMoved:
		return true
	case GroupAdvanced: // so that no number is sent twice, over a restart either
		return e.Reserved > 0
	case LockSet:
		return !e.Locked
	case HostsBack:
		return e.Unlocked
	case TextAcknowledged:
		return e.ID != ""
	case VerifiedSet:
		return e.Verified
	case ConsentGiven:
		return e.Consent.Answer == Granted
	case ConsentAsked:
		return len(e.Scopes) > 0
	case RoleSet:
		p, _ := s.seat(e.ID)
		return rank[e.Role] > rank[p.Role]
	case OverridesSet:
		for _, entry := range overrideEntries(s, e) {
			if entry.Act == ActPermissionGiven {
				return true
			}
		}
	}
	return false
}

// rank orders the roles by their permissions.
var rank = map[auth.Role]int{auth.Observer: 1, auth.Participant: 2, auth.Cohost: 3, auth.Host: 4}

// NeedsRecord reports whether a decision has to be stored, so that it survives a restart of the daemon. Mutes, hands and media
// connections need not: after a restart every connection is new.
func NeedsRecord(events []Event) bool {
	for _, e := range events {
		switch e := e.(type) {
		case MutedSet, HandSet, SourcesPublished, MediaStateSet, KeyPackageSet, KeysReleaseEnded:
		case GroupAdvanced:
			if e.Reserved > 0 {
				return true
			}
		default:
			return true
		}
	}
	return false
}
