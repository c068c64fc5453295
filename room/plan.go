package room

// A Plan is all that the media plane may do for a room. Who is not in it has no peer.
type Plan struct {
	Entries []PlanEntry           // admitted participants, in order of arrival
	Record  []RecordedPublication // what a recorder may subscribe to; the state of it is told to all before
}

// RecordedPublication is one publication whose owner's consent to Scope stands.
type RecordedPublication struct {
	Publication PublicationID
	Participant ParticipantID
	Person      PersonID // whose recording it is: it is sealed for them, and erased with them
	Scope       Scope
}

// A PlanEntry says what one participant may send and whom they receive.
type PlanEntry struct {
	Participant ParticipantID
	Sends       []Publication   // what is not listed, or Muted, is dropped at the door
	Receives    []ParticipantID // whose publications go to this participant
}

// PlanOf says what the media plane must do. Mutes and missing permissions are one thing to it: nothing is sent.
func PlanOf(s State) Plan {
	var plan Plan
	for _, p := range s.Participants {
		if !mayHaveMedia(s, p) {
			continue
		}
		seat := PlanEntry{Participant: p.ID}
		for _, pub := range p.Publications {
			pub.Muted = pub.Muted || !may(s, p, pub.Source.act())
			seat.Sends = append(seat.Sends, pub)
		}
		for _, other := range s.Participants {
			if other.ID != p.ID && mayHaveMedia(s, other) && CanHear(s, p.ID, other.ID) {
				seat.Receives = append(seat.Receives, other.ID)
			}
		}
		plan.Entries = append(plan.Entries, seat)
	}
	plan.Record = Recordable(s)
	return plan
}

// mayHaveMedia is the shadow of the gate: who is admitted without having done what the policy asks gets no media, whatever happened.
func mayHaveMedia(s State, p Participant) bool {
	return p.Access == Admitted && s.EndedFor == "" && checkRequirements(s, p) == nil
}
