package live

import (
	"context"

	"alcove/room"
)

// A Seat is what one connection holds of a room. It is good until Client.End; a resume makes another. All methods are safe
// for concurrent use; errors are *room.Error.
type Seat struct {
	id room.ParticipantID
}

// ID names the participant.
func (s *Seat) ID() room.ParticipantID { return s.id }

// Do asks for something and waits until the media plane obeys, where it must. By of the command is set to the own seat,
// whatever it was. Join, Resume, Confirm, Disconnect, Publish and Tick are refused: they have ways of their own.
func (s *Seat) Do(ctx context.Context, c room.Command) (room.Outcome, error) {
	return room.Outcome{}, &room.Error{Code: room.Unavailable, Detail: "no rooms yet"}
}

// Offer negotiates the PeerConnection of this seat. Participant of the offer is set to the own seat.
func (s *Seat) Offer(ctx context.Context, o Offer) (Answer, error) {
	return Answer{}, &room.Error{Code: room.Unavailable, Detail: "no rooms yet"}
}

// Disconnect says that the connection is gone; the seat stays for the policy's ResumeWindow. It does nothing if a newer
// connection resumed the seat. Client.End still comes, once, when the seat ends or is resumed.
func (s *Seat) Disconnect() {}

// Confirm says that the client holds the newest secret: the one before dies.
func (s *Seat) Confirm() {}
