package room

import (
	"math"
	"slices"
	"time"
)

// act is the action of the role table that publishing a source needs.
func (s Source) act() action {
	switch s {
	case Microphone:
		return actPublishMicrophone
	case Camera:
		return actPublishCamera
	case Screen:
		return actPublishScreen
	}
	return "" // allowed to no role
}

// publish records the sources of an offer. A new PeerConnection replaces all publications; a renegotiation keeps those that it
// still contains. A muted microphone or camera stays muted when its connection is replaced: only its owner unmutes it.
func publish(now time.Time, s State, by ParticipantID, c Publish) (Decision, *Error) {
	p, err := authorize(s, by, actOffer)
	if err != nil {
		return Decision{}, err
	}
	if err := mayEnter(now, s, p); err != nil {
		return Decision{}, err
	}
	switch {
	case c.Generation == 0:
		return Decision{}, refuse(BadRequest, "generation: starts at 1")
	case c.Generation < p.Generation:
		return Decision{}, refuse(StaleGeneration, "a newer PeerConnection exists")
	}
	e := SourcesPublished{ID: p.ID, Generation: c.Generation, LastCSRC: s.LastCSRC}
	seen := map[Source]bool{}
	for _, offered := range c.Sources {
		if offered.Source.act() == "" || offered.ID == "" || seen[offered.Source] {
			return Decision{}, refuse(BadRequest, "tracks: each of microphone, camera, screen at most once")
		}
		seen[offered.Source] = true
		if !mayEverPublish(s, p, offered.Source) {
			continue
		}
		old, existed := p.publication(offered.Source)
		if existed && c.Generation == p.Generation {
			e.Publications = append(e.Publications, old)
			continue
		}
		if e.LastCSRC == math.MaxUint32 {
			return Decision{}, refuse(Unavailable, "no CSRC left in this session")
		}
		e.LastCSRC++
		muted := offered.Source == Screen || existed && old.Muted || !may(s, p, offered.Source.act())
		e.Publications = append(e.Publications, Publication{ID: offered.ID, Source: offered.Source, Muted: muted, CSRC: e.LastCSRC})
	}
	return Decision{Events: []Event{e}}, nil
}

// mayEverPublish reports whether a source gets a publication: it is permitted now, or a host may permit it later without a new
// offer. It stays muted until it is permitted.
func mayEverPublish(s State, p Participant, source Source) bool {
	return may(s, p, source.act()) || participants[p.Role]
}

// setMuted mutes or unmutes a source of the actor. There is no other way to unmute.
func setMuted(s State, by ParticipantID, c SetMuted) (Decision, *Error) {
	p, err := authorize(s, by, actSetMuted)
	if err != nil {
		return Decision{}, err
	}
	if c.Source.act() == "" {
		return Decision{}, refuse(BadRequest, "source: microphone, camera or screen")
	}
	if !c.Muted && !may(s, p, c.Source.act()) {
		return Decision{}, refuse(Forbidden, "you may not "+string(c.Source.act()))
	}
	return changeMuted(p, c.Source, c.Muted)
}

// mute mutes a source of another participant.
func mute(s State, by ParticipantID, c Mute) (Decision, *Error) {
	p, err := authorizeSource(s, by, c.Target, c.Source, actMute)
	if err != nil {
		return Decision{}, err
	}
	return changeMuted(p, c.Source, true)
}

func changeMuted(p Participant, source Source, muted bool) (Decision, *Error) {
	pub, ok := p.publication(source)
	if !ok {
		return Decision{}, refuse(InvalidState, "no such publication")
	}
	if pub.Muted == muted {
		return Decision{}, nil
	}
	return Decision{Events: []Event{MutedSet{ID: p.ID, Source: source, Muted: muted}}}, nil
}

// rateExceeded mutes a publication that the media plane withholds, and notifies the hosts and the owner, who may unmute it as after a
// host's mute. The second time in a session it also takes the permission away until a host restores it, because otherwise the owner
// could keep flooding the group. Publications that were replaced or muted meanwhile are ignored.
func rateExceeded(s State, c RateExceeded) (Decision, *Error) {
	p, ok := s.seat(c.Target)
	if !ok || p.Access != Admitted {
		return Decision{}, nil
	}
	i := slices.IndexFunc(p.Publications, func(pub Publication) bool { return pub.ID == c.Publication })
	if i < 0 || p.Publications[i].Muted {
		return Decision{}, nil
	}
	var d Decision
	source := p.Publications[i].Source
	warning := QualityWarned{Participant: p.ID, Source: source, Withheld: c.Withheld}
	recipients := hosts(s)
	if c.Withheld {
		warning.Taken = d.withhold(s, p, source)
		if !slices.Contains(recipients, p.ID) {
			recipients = append(recipients, p.ID)
		}
	}
	for _, id := range recipients {
		warning.To = id
		d.emit(warning)
	}
	return d, nil
}

// setMedia records the state of a participant's media connection.
func setMedia(s State, id ParticipantID, m MediaState) (Decision, *Error) {
	p, ok := s.seat(id)
	if !ok || p.Access != Admitted || p.Media == m {
		return Decision{}, nil
	}
	return Decision{Events: []Event{MediaStateSet{ID: id, Media: m}}}, nil
}

// withhold mutes a source, and reports whether it also takes the permission away: from a participant, the second time. Hosts and
// cohosts keep theirs, because they could restore it to each other.
func (d *Decision) withhold(s State, p Participant, source Source) bool {
	d.add(MutedSet{ID: p.ID, Source: source, Muted: true})
	if !participants[p.Role] {
		return false
	}
	if !slices.Contains(s.Withheld, p.Person) {
		d.add(SourceWithheld{ID: p.ID, Person: p.Person})
		return false
	}
	d.add(OverridesSet{ID: p.ID, Overrides: p.Overrides.with(source, Taken)})
	return true
}

// askUnmute asks a muted participant to unmute. It is refused if they are not permitted to.
func askUnmute(s State, by ParticipantID, c AskUnmute) (Decision, *Error) {
	p, err := authorizeSource(s, by, c.Target, c.Source, actAskUnmute)
	if err != nil {
		return Decision{}, err
	}
	if pub, ok := p.publication(c.Source); !ok || !pub.Muted || !may(s, p, c.Source.act()) {
		return Decision{}, refuse(InvalidState, "not muted, or not theirs to unmute")
	}
	return Decision{Effects: []Effect{UnmuteAsked{To: p.ID, Source: c.Source}}}, nil
}

// muteAll mutes a source of everybody who does not lead. There is nothing to refuse if nobody has it on.
func muteAll(s State, by ParticipantID, c MuteAll) (Decision, *Error) {
	p, err := authorize(s, by, actMute)
	if err != nil {
		return Decision{}, err
	}
	if c.Source.act() == "" {
		return Decision{}, refuse(BadRequest, "source: microphone, camera or screen")
	}
	var d Decision
	for _, other := range s.Participants {
		pub, ok := other.publication(c.Source)
		if ok && !pub.Muted && guests[other.Role] && sees(s, p.ID, other.ID) {
			d.add(MutedSet{ID: other.ID, Source: c.Source, Muted: true})
		}
	}
	return d, nil
}

// sees reports whether a participant is in the group, or the side room, of the viewer.
func sees(s State, viewer, id ParticipantID) bool {
	r, aside := s.sideRoomOf(id)
	return !aside || r.has(viewer)
}

// lowerHands lowers the hands of others. A hand that its owner lowered meanwhile is no reason to refuse the rest.
func lowerHands(s State, by ParticipantID, c LowerHands) (Decision, *Error) {
	p, err := authorize(s, by, actLowerHands)
	if err != nil {
		return Decision{}, err
	}
	for _, id := range c.Targets {
		if _, err := findTarget(s, id, Admitted); err != nil {
			return Decision{}, err
		}
	}
	var d Decision
	for _, other := range s.Participants {
		if other.HandRaised && sees(s, p.ID, other.ID) && (c.All || slices.Contains(c.Targets, other.ID)) {
			d.add(HandSet{ID: other.ID})
		}
	}
	return d, nil
}

// setHand raises or lowers the actor's hand.
func setHand(now time.Time, s State, by ParticipantID, c SetHand) (Decision, *Error) {
	p, err := authorize(s, by, actHand)
	if err != nil {
		return Decision{}, err
	}
	if p.HandRaised == c.Raised {
		return Decision{}, nil
	}
	set := HandSet{ID: p.ID, Raised: c.Raised}
	if c.Raised {
		set.At = now
	}
	return Decision{Events: []Event{set}}, nil
}
