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
