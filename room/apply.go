package room

import (
	"slices"
	"time"

	"alcove/auth"
)

// Apply returns the state after an event. It copies what it changes: s and its slices stay unmodified.
func Apply(s State, e Event) State {
	switch e := e.(type) {
	case SeatTaken:
		s.Participants = append(slices.Clip(s.Participants), e.Seat)
		if e.Seat.Access == Admitted {
			s.Known = addPerson(s.Known, e.Seat.Person)
		}
	case SeatAdmitted:
		p, _ := s.seat(e.ID)
		s.Known = addPerson(s.Known, p.Person)
		s = s.withSeat(e.ID, func(p *Participant) { p.Access, p.Since = Admitted, e.At })
	case SeatSentBack:
		s = s.withSeat(e.ID, func(p *Participant) {
			p.Access, p.Since, p.Returning = Waiting, e.At, true
			p.Publications, p.Media, p.HandRaised, p.HandRaisedAt = nil, MediaState{}, false, time.Time{}
			p.Overrides = p.Overrides.kept()
		})
	case SeatEnded:
		s.Participants = without(s.Participants, func(p Participant) bool { return p.ID == e.ID })
	case SeatDropped:
		s = s.withSeat(e.ID, func(p *Participant) { p.Connected, p.LostAt = false, e.At })
	case SeatResumed:
		s = s.withSeat(e.ID, func(p *Participant) { p.Connected, p.Secret, p.OldSecret = true, e.Secret, e.Old })
	case SecretConfirmed:
		s = s.withSeat(e.ID, func(p *Participant) { p.OldSecret = auth.SecretHash{} })
	case PersonBarred:
		s.Barred = append(slices.Clip(s.Barred), e.Bar)
	case PersonUnbarred:
		s.Barred = without(s.Barred, func(b Bar) bool { return b.Participant == e.ID })
	case RevokeUndone:
		s.Barred = without(s.Barred, func(b Bar) bool { return b.revokes(e.Person) })
	case LockSet:
		s.Locked = e.Locked
	case SessionEnded:
		s.EndedFor = e.Reason
	case SourcesPublished:
		s.LastCSRC = e.LastCSRC
		s = s.withSeat(e.ID, func(p *Participant) { p.Generation, p.Publications = e.Generation, e.Publications })
	case MutedSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.Publications = withMuted(p.Publications, e.Source, e.Muted) })
	case MediaStateSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.Media = e.Media })
	case OverridesSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.Overrides = e.Overrides })
	case NameSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.DisplayName = e.DisplayName })
	case RoleSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.Role = e.Role })
	case HandSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.HandRaised, p.HandRaisedAt = e.Raised, e.At })
	case VerifiedSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.Verified = e.Verified })
	case PasscodePassed:
		s = s.withSeat(e.ID, func(p *Participant) { p.PasscodeOK = true })
	case HelpSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.HelpRaised = e.Raised })
	case TextAcknowledged:
		s.Acknowledged = append(slices.Clip(s.Acknowledged), Acknowledgement{e.Person, e.Hash})
	case ConsentAsked:
		if s.Asked = e.Scopes; len(e.Scopes) == 0 {
			s.Recorder = ""
		}
	case RecordingBegan:
		s.Recorder = RecorderWrites
	case RecordingInterrupted:
		s.Recorder = RecorderInterrupted
	case RecordingFailed:
		s.Asked, s.Recorder = nil, ""
	case ConsentGiven:
		c := e.Consent
		s.Consents = append(without(s.Consents, func(old Consent) bool {
			return old.Person == c.Person && old.Scope == c.Scope
		}), c)
		if c.Answer != Granted {
			s = s.withoutReleases(c.Person, c.Scope)
		}
	case ScheduleSet:
		s.NotBefore, s.NotAfter = e.NotBefore, e.NotAfter
	case SessionStarted:
		s.StartedAt, s.EndsAt, s.Warned = e.At, e.EndsAt, e.Mark
	case EndMoved:
		s.EndsAt, s.Warned = e.At, e.Mark
	case Warned:
		s.Warned = e.Mark
	case HostsLeft:
		s.AbsentSince, s.HostAside, s.AbsenceLock, s.Locked = e.At, e.Aside, e.Locked, s.Locked || !e.Aside
	case HostsBack:
		s.AbsentSince, s.AbsenceLimit, s.HostAside, s.AbsenceLock, s.Locked = time.Time{}, 0, false, false, s.Locked && !e.Unlocked
	case AbsenceLimited:
		s.AbsenceLimit = e.Limit
	case AloneSet:
		s.AloneSince = e.At
	case SideRoomOpened:
		s.SideRooms = append(slices.Clip(s.SideRooms), e.Room)
		s = s.withSeat(e.Room.Host, func(p *Participant) { p.AwayMessage = e.Message })
	case KeyPackageSet:
		s = s.withSeat(e.ID, func(p *Participant) { p.KeyPackage = e.KeyPackage })
	case KeysReleaseBegan:
		s = s.withSeat(e.ID, func(p *Participant) { p.Released = append(without(p.Released, e.Scope.is), e.Scope) })
	case KeysReleaseEnded:
		s = s.withSeat(e.ID, func(p *Participant) { p.Released = nil })
	case GroupAdvanced:
		s.Groups = s.Groups.with(e.Entry, e.SideRoom)
		s.Groups.Reserved = max(s.Groups.Reserved, e.Reserved)
	case SideRoomClosed:
		s.Groups = s.Groups.withoutSideRoom(e.Room)
		s.SideRooms = without(s.SideRooms, func(r SideRoom) bool { return r == e.Room })
		s = s.withSeat(e.Room.Host, func(p *Participant) { p.AwayMessage = "" })
	case SourceWithheld:
		s.Withheld = addPerson(s.Withheld, e.Person)
	case PolicySet:
		s.Policy = e.Policy
	}
	return s
}

// ApplyAll applies events in their order.
func ApplyAll(s State, events []Event) State {
	for _, e := range events {
		s = Apply(s, e)
	}
	return s
}

// withSeat returns a state with the seat id changed.
func (s State) withSeat(id ParticipantID, change func(*Participant)) State {
	s.Participants = slices.Clone(s.Participants)
	for i := range s.Participants {
		if s.Participants[i].ID == id {
			change(&s.Participants[i])
		}
	}
	return s
}

func withMuted(pubs []Publication, source Source, muted bool) []Publication {
	pubs = slices.Clone(pubs)
	for i := range pubs {
		if pubs[i].Source == source {
			pubs[i].Muted = muted
		}
	}
	return pubs
}

func addPerson(known []PersonID, p PersonID) []PersonID {
	if slices.Contains(known, p) {
		return known
	}
	return append(slices.Clip(known), p)
}

func without[T any](list []T, remove func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), remove)
}

// seat returns the seat id.
func (s State) seat(id ParticipantID) (Participant, bool) {
	for _, p := range s.Participants {
		if p.ID == id {
			return p, true
		}
	}
	return Participant{}, false
}

// wasAdmitted reports whether the person was admitted in this session.
func (s State) wasAdmitted(p PersonID) bool { return slices.Contains(s.Known, p) }

// isBarred reports whether a host removed the person, or the clinic revoked them.
func (s State) isBarred(p PersonID) bool {
	return slices.ContainsFunc(s.Barred, func(b Bar) bool { return b.Person == p })
}

// count counts the seats with the given access.
func (s State) count(a Access) int {
	n := 0
	for _, p := range s.Participants {
		if p.Access == a {
			n++
		}
	}
	return n
}

// publication returns the publication of a source.
func (p Participant) publication(source Source) (Publication, bool) {
	for _, pub := range p.Publications {
		if pub.Source == source {
			return pub, true
		}
	}
	return Publication{}, false
}
