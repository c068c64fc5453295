package live

import (
	"alcove/auth"
	"alcove/room"
)

// A Client is the connection of one seat, as the room sees it. Neither method blocks; a client whose queue is full closes itself.
// One goroutine at a time calls them, and it may before Join or Resume returns: a client keeps notices back until the welcome is
// written. A client must not wait for a method of its Seat inside of them.
type Client interface {
	// Deliver passes one notice on.
	Deliver(Notice)
	// End passes the last notice on; the connection closes after it. It is called exactly once for every client that got a seat,
	// also after Seat.Disconnect, and nothing is delivered after it. It may precede the answer to the command that caused it.
	End(room.Closing)
}

// A Notice is one change that a client is notified of; signaling encodes it as an event of the protocol.
type Notice interface{ notice() }

type (
	// AccessChanged carries the own access and permissions.
	AccessChanged struct {
		Self            room.Self
		Reason, Message string
	}
	// SelfUpdated carries what is asked of this participant (needs, agreement, consents) and the side room, also while they wait.
	// The first of it is in the welcome.
	SelfUpdated struct{ Self room.Self }
	// RoomUpdated carries the state of the room.
	RoomUpdated struct{ Room room.RoomView }
	// Roster lists the admitted participants.
	Roster struct{ People []room.PersonView }
	// PersonJoined adds a participant to the roster.
	PersonJoined struct{ Person room.PersonView }
	// PersonUpdated replaces a participant in the roster.
	PersonUpdated struct{ Person room.PersonView }
	// PersonLeft removes a participant from the roster.
	PersonLeft struct {
		ID     room.ParticipantID
		Reason string
	}
	// WaitingList lists the waiting participants, for hosts.
	WaitingList struct{ Waiting []room.WaiterView }
	// WaiterAdded adds one to it.
	WaiterAdded struct{ Waiter room.WaiterView }
	// WaiterUpdated replaces one in it.
	WaiterUpdated struct{ Waiter room.WaiterView }
	// WaiterRemoved removes one from it.
	WaiterRemoved struct{ ID room.ParticipantID }
	// BarredList lists the barred people, for hosts.
	BarredList struct{ Barred []room.BarView }
	// MediaReady asks for an offer.
	MediaReady struct {
		Session        SessionID // whose media it is
		Generation     uint32
		Pairs, Screens int
	}
	// SlotMap says which publication each slot carries. MediaRoom.Announced is called once the notice is in the queue of the connection.
	SlotMap struct{ Slots []SlotOwner }
	// Speakers lists the active speakers, loudest first.
	Speakers struct{ IDs []room.ParticipantID }
	// EncodingsWanted says which encodings of an own source have subscribers.
	EncodingsWanted struct {
		Source room.Source
		RIDs   []string
	}
	// HandshakeFailed tells a participant, and the hosts, why the DTLS handshake of that participant failed.
	HandshakeFailed struct {
		Participant room.ParticipantID
		Code        string // of a closed list, see PROTOCOL.md
	}
	// EffectNotice carries an effect that leaves no trace: room.Asked, room.UnmuteAsked, room.HelpSignalled, room.Reminded, room.Warning,
	// room.RecorderFailed, room.QualityWarned or room.Said.
	EffectNotice struct{ Effect room.Effect }
	// GroupState says at which number the groups of the session are, "" where there is none: the main group, and that of the own side room.
	GroupState struct {
		Number         uint64
		Main, SideRoom room.GroupID
	}
	// KeyPackageGiven carries the key package of a participant to hosts.
	KeyPackageGiven struct {
		Participant room.ParticipantID
		KeyPackage  room.KeyPackage
	}
	// RoomEnded says that the session is over.
	RoomEnded struct{ Reason string }
)

// A SlotOwner says whose publication one slot carries.
type SlotOwner struct {
	Kind        string // audio, video or screen
	Index       int
	Publication room.PublicationID
	Participant room.ParticipantID
	CSRC        uint32
}

func (AccessChanged) notice()   {}
func (SelfUpdated) notice()     {}
func (RoomUpdated) notice()     {}
func (Roster) notice()          {}
func (PersonJoined) notice()    {}
func (PersonUpdated) notice()   {}
func (PersonLeft) notice()      {}
func (WaitingList) notice()     {}
func (WaiterAdded) notice()     {}
func (WaiterUpdated) notice()   {}
func (WaiterRemoved) notice()   {}
func (BarredList) notice()      {}
func (MediaReady) notice()      {}
func (SlotMap) notice()         {}
func (Speakers) notice()        {}
func (EncodingsWanted) notice() {}
func (HandshakeFailed) notice() {}
func (EffectNotice) notice()    {}
func (GroupState) notice()      {}
func (KeyPackageGiven) notice() {}
func (RoomEnded) notice()       {}

// A SessionID names a seat for a resume: the key of its room, and the participant.
type SessionID string

// SessionOf is that of a participant; key is that of their MediaSession.
func SessionOf(key string, p room.ParticipantID) SessionID { return SessionID(key + "." + string(p)) }

// Welcome describes the seat that a client took.
type Welcome struct {
	Room    string // the name that tokens give it
	Session SessionID
	Secret  auth.Secret // resumes the seat
	Self    room.Self
	Policy  room.Policy
}
