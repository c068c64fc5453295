package room

import (
	"time"

	"alcove/auth"
)

// An Event is one thing that became true. Apply knows no rules: whatever Decide says is so.
type Event interface{ event() }

type (
	// SeatTaken: Seat is new, waiting or admitted.
	SeatTaken struct{ Seat Participant }
	// SeatAdmitted: one who waited is in the group.
	SeatAdmitted struct {
		ID ParticipantID
		At time.Time
	}
	// SeatSentBack: one of the group waits again, without publications, grants and raised hand.
	SeatSentBack struct {
		ID ParticipantID
		At time.Time
	}
	// SeatEnded: the seat is gone. Reason is as participant.left or access.changed names it.
	SeatEnded struct {
		ID     ParticipantID
		Access Access
		Reason string
	}
	// SeatDropped: the connection is gone, the seat waits for it.
	SeatDropped struct {
		ID ParticipantID
		At time.Time
	}
	// SeatResumed: the connection is back; Old is good until Secret is confirmed.
	SeatResumed struct {
		ID          ParticipantID
		Secret, Old auth.SecretHash
	}
	// SecretConfirmed: the secret before the newest is dead.
	SecretConfirmed struct{ ID ParticipantID }
	// PersonBarred: this person takes no seat until the bar is lifted.
	PersonBarred struct{ Bar Bar }
	// BarLifted: the bar that names the seat ID is gone.
	BarLifted struct{ ID ParticipantID }
	// LockSet: the room is locked or open.
	LockSet struct{ Locked bool }
	// SessionEnded: nothing comes after.
	SessionEnded struct{ Reason string }
	// SourcesPublished: the PeerConnection Generation of ID carries Publications and no others.
	SourcesPublished struct {
		ID           ParticipantID
		Generation   uint32
		Publications []Publication
		LastCSRC     uint32
	}
	// MutedSet: a source of ID is muted or live.
	MutedSet struct {
		ID     ParticipantID
		Source Source
		Muted  bool
	}
	// ScreenGrantSet: ID may share a screen, or may no longer.
	ScreenGrantSet struct {
		ID      ParticipantID
		Granted bool
	}
	// HandSet: the hand of ID is up or down.
	HandSet struct {
		ID     ParticipantID
		Raised bool
	}
)

func (SeatTaken) event()        {}
func (SeatAdmitted) event()     {}
func (SeatSentBack) event()     {}
func (SeatEnded) event()        {}
func (SeatDropped) event()      {}
func (SeatResumed) event()      {}
func (SecretConfirmed) event()  {}
func (PersonBarred) event()     {}
func (BarLifted) event()        {}
func (LockSet) event()          {}
func (SessionEnded) event()     {}
func (SourcesPublished) event() {}
func (MutedSet) event()         {}
func (ScreenGrantSet) event()   {}
func (HandSet) event()          {}
