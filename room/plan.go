package room

// A Plan is everything that the media plane may forward for a room. Participants without an entry have no peer.
type Plan struct {
	Entries []PlanEntry           // admitted participants, in order of arrival
	Record  []RecordedPublication // publications that the recorder may receive; everyone is notified before it does

	Encrypted bool // end to end: nobody can open what was sent before they joined
}

// A RecordedPublication is one publication whose owner's consent to Scope is in force.
type RecordedPublication struct {
	Publication PublicationID
	Participant ParticipantID
	Person      PersonID // the owner: the recording is sealed with their key, and erased with it
	Scope       Scope
}

// A PlanEntry lists what one participant may send and whom they receive.
type PlanEntry struct {
	Participant ParticipantID
	Host        bool            // leads the session: others see this camera first where their path is narrow
	Sends       []Publication   // packets of publications that are Muted or not listed are dropped on arrival
	Receives    []ParticipantID // whose publications go to this participant
}

// PlanOf computes what the media plane must do. A missing permission has the same effect as a mute.
func PlanOf(s State) Plan {
	plan := Plan{Encrypted: s.Policy.E2EE == E2EERequired}
	for _, p := range s.Participants {
		if !mayHaveMedia(s, p) {
			continue
		}
		seat := PlanEntry{Participant: p.ID, Host: p.Role.Hosts()}
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

// mayHaveMedia checks admission a second time: a participant who does not meet the requirements gets no media, even if a bug admitted
// them.
func mayHaveMedia(s State, p Participant) bool {
	return p.Access == Admitted && s.EndedFor == "" && checkRequirements(s, p) == nil
}
