package room

import (
	"slices"
	"time"
)

// mayStay is the part of the admission check that applies to everyone, with or without a seat.
func mayStay(s State, person PersonID) *Error {
	switch {
	case s.EndedFor != "":
		return refuse(RoomEnded, "the session is over")
	case s.isBarred(person):
		return refuse(BarredPerson, "a host removed this person")
	}
	return nil
}

// mayEnter is the only check for admission to the group, made at every entry: first join, admission by a host, resume, a new offer.
// A participant who is already admitted stays, even if the room was locked meanwhile.
func mayEnter(now time.Time, s State, p Participant) *Error {
	if err := mayStay(s, p.Person); err != nil {
		return err
	}
	if seat, ok := s.seat(p.ID); ok && seat.Access == Admitted {
		return nil
	}
	if s.Locked && !p.Role.Hosts() && !p.Returning {
		return refuse(RoomLocked, "nobody new enters")
	}
	limit := s.Policy.MaxParticipants
	if p.Role.Hosts() {
		limit += hostReserve
	}
	if s.count(Admitted) >= limit {
		return refuse(RoomFull, "no seat")
	}
	if err := checkSchedule(now, s, p, 0); err != nil {
		return err
	}
	if err := checkLogin(now, s, p); err != nil {
		return err
	}
	return checkRequirements(s, p)
}

// join gives a seat to the holder of a grant: hosts in the group, all others in the waiting room.
func join(now time.Time, s State, c Join) (Decision, *Error) {
	p, err := newSeat(now, s, c)
	if err != nil {
		return Decision{}, err
	}
	var d Decision
	d.setSchedule(s, c)
	endOlderSeats(&d, s, p)
	d.addAcknowledged(s, p.Person, c.Acknowledged)
	after := ApplyAll(s, d.Events)
	if p.Role.Hosts() {
		err = mayEnter(now, after, p)
	} else {
		err = mayWait(now, after, p)
	}
	if err != nil {
		return Decision{}, err
	}
	d.add(SeatTaken{Seat: p})
	return d, nil
}

// setSchedule fixes the schedule with the first seat of the session, from the token or else from the policy.
func (d *Decision) setSchedule(s State, c Join) {
	e := ScheduleSet{c.NotBefore, c.NotAfter}
	if e == (ScheduleSet{}) {
		e = ScheduleSet{s.Policy.NotBefore, s.Policy.NotAfter}
	}
	if len(s.Participants) == 0 && e != (ScheduleSet{}) {
		d.add(e)
	}
}

// newSeat builds the seat that a grant allows.
func newSeat(now time.Time, s State, c Join) (Participant, *Error) {
	policy := c.Grant.Policy
	if policy == "" {
		policy = defaultPolicy
	}
	person := PersonID(c.Grant.Person)
	if policy != s.Policy.Name {
		return Participant{}, refuse(PolicyMismatch, "the room runs under another policy")
	}
	if err := checkE2EE(s, c.Grant.E2EE, c.E2EE); err != nil {
		return Participant{}, err
	}
	if _, taken := s.seat(c.Participant); taken || c.Participant == "" || c.Participant == ByClinic || person == "" {
		return Participant{}, refuse(BadRequest, "a seat needs a new name and a person")
	}
	if !isRole(c.Grant.Role) {
		return Participant{}, refuse(Forbidden, "no such role")
	}
	shown, verified := displayNames(c.DisplayName, c.Grant.Name)
	p := Participant{
		ID: c.Participant, Person: person, Role: c.Grant.Role, TokenRole: c.Grant.Role, DisplayName: shown, VerifiedName: verified,
		Access: Waiting, Since: now, Returning: s.wasAdmitted(person), Connected: true, Secret: c.Secret,
		PasscodeOK: c.PasscodeOK, Login: Login{AMR: c.Grant.AMR, ACR: c.Grant.ACR, At: c.Grant.AuthTime},
	}
	if p.Role.Hosts() {
		p.Access = Admitted
	}
	return p, nil
}

// endOlderSeats ends the older seats of a person who joins again. A person has at most one seat in the group, that of the device that was
// admitted last, so that no forgotten device keeps listening. Hosts are admitted at once, so all their older seats end at once. Those of
// others end when a host admits the new one (admitOne); only a disconnected seat in the waiting room ends at once.
func endOlderSeats(d *Decision, s State, p Participant) {
	for _, old := range s.Participants {
		if old.Person == p.Person && (p.Role.Hosts() || !old.Connected && old.Access == Waiting) {
			d.endSeat(old.ID, Left, "replaced", "")
		}
	}
}

// mayWait is the check for the waiting room.
func mayWait(now time.Time, s State, p Participant) *Error {
	if err := mayStay(s, p.Person); err != nil {
		return err
	}
	if err := checkSchedule(now, s, p, s.Policy.EarlyEntry); err != nil {
		return err
	}
	if err := checkLogin(now, s, p); err != nil {
		return err
	}
	seats := 0
	for _, other := range s.Participants {
		if other.Person == p.Person {
			seats++
		}
	}
	switch {
	case s.Locked && !p.Returning:
		return refuse(RoomLocked, "nobody new enters")
	case seats >= maxSeatsPerPerson:
		return refuse(RoomFull, "this person has too many seats")
	case s.count(Waiting) >= s.Policy.MaxWaiting:
		return refuse(RoomFull, "no place in the waiting room")
	}
	return nil
}

// resume moves a dropped seat to a new connection that presents its secret.
func resume(now time.Time, s State, c Resume) (Decision, *Error) {
	p, ok := s.seat(c.Participant)
	if !ok || !p.Secret.Matches(c.Secret) && !p.OldSecret.Matches(c.Secret) {
		return Decision{}, refuse(ResumeExpired, "unknown, used or late")
	}
	if err := checkE2EE(s, "", c.E2EE); err != nil {
		return Decision{}, err
	}
	gate := mayEnter
	if p.Access == Waiting {
		gate = func(_ time.Time, s State, p Participant) *Error { return mayStay(s, p.Person) }
	}
	if err := gate(now, s, p); err != nil {
		return Decision{}, err
	}
	return Decision{Events: []Event{SeatResumed{ID: p.ID, Secret: c.Next, Old: c.Secret}}}, nil
}

// admit admits participants in the order of the request, each after mayEnter. Admission ends the person's older seats.
func admit(now time.Time, s State, by ParticipantID, c Admit) (Decision, *Error) {
	if _, err := authorize(s, by, actAdmit); err != nil {
		return Decision{}, err
	}
	if c.Verify {
		if _, err := authorize(s, by, actVerify); err != nil {
			return Decision{}, err
		}
	}
	targets := c.Targets
	if c.All {
		targets = waiting(s)
	}
	if len(targets) > maxTargets || !c.All && len(targets) == 0 {
		return Decision{}, refuse(BadRequest, "participantIds: 1 to 500")
	}
	var d Decision
	for i, id := range targets {
		if slices.Contains(targets[:i], id) {
			continue
		}
		one, err := admitOne(now, s, id, c.Verify)
		if err != nil {
			d.Outcome.Refused = append(d.Outcome.Refused, Refusal{Participant: id, Code: err.Code})
			continue
		}
		s = ApplyAll(s, one.Events)
		d.add(one.Events...)
		d.emit(one.Effects...)
		d.Outcome.Admitted = append(d.Outcome.Admitted, id)
	}
	if len(d.Outcome.Admitted) > 0 || len(targets) == 0 { // "all" of an empty waiting room succeeds
		return d, nil
	}
	return Decision{}, refuse(d.Outcome.Refused[0].Code, "nobody could be admitted")
}

// waiting lists who waits and is connected: who closed the page may not know of an admission, so a host names them.
func waiting(s State) []ParticipantID {
	var ids []ParticipantID
	for _, p := range s.Participants {
		if p.Access == Waiting && p.Connected {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func admitOne(now time.Time, s State, id ParticipantID, verify bool) (Decision, *Error) {
	p, err := findTarget(s, id, Waiting)
	if err != nil {
		return Decision{}, err
	}
	var d Decision
	if verify && !p.Verified {
		d.add(VerifiedSet{ID: id, Verified: true})
		p.Verified = true
	}
	after := false // seats taken after this one may keep waiting
	for _, old := range s.Participants {
		if old.ID == id {
			after = true
		} else if old.Person == p.Person && (old.Access == Admitted || !after) {
			d.endSeat(old.ID, Left, "replaced", "")
		}
	}
	if err := mayEnter(now, ApplyAll(s, d.Events), p); err != nil {
		return Decision{}, err
	}
	d.add(SeatAdmitted{ID: id, At: now})
	d.emit(AccessReason{To: id, Reason: "admitted"})
	return d, nil
}

// deny refuses a waiting participant. The person may join again with another token; remove bars a person.
func deny(s State, by ParticipantID, c Deny) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actDeny); err != nil {
		return Decision{}, err
	}
	if err := checkMessage(c.Message); err != nil {
		return Decision{}, err
	}
	p, err := findTarget(s, c.Target, Waiting)
	if err != nil {
		return Decision{}, err
	}
	var d Decision
	d.endSeat(p.ID, Denied, "denied", c.Message)
	return d, nil
}

// sendBack moves an admitted participant to the waiting room. Hosts never wait, so they cannot be sent there.
func sendBack(now time.Time, s State, by ParticipantID, c SendBack) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actSendBack); err != nil {
		return Decision{}, err
	}
	if err := checkMessage(c.Message); err != nil {
		return Decision{}, err
	}
	p, err := findTarget(s, c.Target, Admitted)
	if err != nil {
		return Decision{}, err
	}
	if p.Role.Hosts() {
		return Decision{}, refuse(Forbidden, "hosts do not wait")
	}
	return Decision{
		Events:  []Event{SeatSentBack{ID: p.ID, At: now}},
		Effects: []Effect{AccessReason{To: p.ID, Reason: "sent_back", Message: c.Message}},
	}, nil
}
