package room

// A Plan is all that the media plane may do for a room. Who is not in it has no peer.
type Plan struct {
	Seats []Seat // admitted participants, in order of arrival
}

// A Seat says what one participant may send and whom they receive.
type Seat struct {
	Participant ParticipantID
	Sends       []Publication   // what is not listed, or Muted, is dropped at the door
	Hears       []ParticipantID // whose publications go to this participant
}

// PlanOf says what the media plane must do. Mutes and missing permissions are one thing to it: nothing is sent.
func PlanOf(s State) Plan {
	var plan Plan
	for _, p := range s.Participants {
		if p.Access != Admitted || s.EndedFor != "" {
			continue
		}
		seat := Seat{Participant: p.ID}
		for _, pub := range p.Publications {
			pub.Muted = pub.Muted || !may(s, p, pub.Source.act())
			seat.Sends = append(seat.Sends, pub)
		}
		for _, other := range s.Participants {
			if other.Access == Admitted && other.ID != p.ID {
				seat.Hears = append(seat.Hears, other.ID)
			}
		}
		plan.Seats = append(plan.Seats, seat)
	}
	return plan
}
