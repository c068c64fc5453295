package live

import (
	"alcove/auth"
	"alcove/room"
)

// A Client is the connection of one seat, as the room sees it. Both methods never block; a client that cannot take more closes
// itself. They are called by one goroutine at a time, before Join or Resume returns too: a client holds what it is given until
// the welcome is written. A client must not call its Seat from within them and wait.
type Client interface {
	// Deliver hands over one notice.
	Deliver(Notice)
	// End hands over the last notice; the connection closes after it. It comes exactly once for every client that got a seat,
	// after Seat.Disconnect too, and nothing comes after it. It may come before the answer to the act that caused it.
	End(room.Closing)
}

// A Notice is one thing that a client is told; signaling turns it into an event of the protocol.
type Notice interface{ notice() }

type (
	// AccessChanged tells the own state and permissions.
	AccessChanged struct {
		Self            room.Self
		Reason, Message string
	}
	// SelfUpdated tells what is asked of oneself (needs, agreement, consents) and where one is; one who waits hears it
	// too. At first the welcome says so.
	SelfUpdated struct{ Self room.Self }
	// RoomUpdated tells the state of the room.
	RoomUpdated struct{ Room room.RoomView }
	// Roster tells all who are admitted.
	Roster struct{ People []room.PersonView }
	// PersonJoined tells one who was admitted.
	PersonJoined struct{ Person room.PersonView }
	// PersonUpdated tells one who changed.
	PersonUpdated struct{ Person room.PersonView }
	// PersonLeft tells one who is no longer in the group.
	PersonLeft struct {
		ID     room.ParticipantID
		Reason string
	}
	// WaitingList tells hosts all who wait.
	WaitingList struct{ Waiting []room.WaiterView }
	// WaiterAdded tells hosts of one more.
	WaiterAdded struct{ Waiter room.WaiterView }
	// WaiterUpdated tells hosts of one who changed.
	WaiterUpdated struct{ Waiter room.WaiterView }
	// WaiterRemoved tells hosts of one who waits no longer.
	WaiterRemoved struct{ ID room.ParticipantID }
	// BarredList tells hosts who is barred.
	BarredList struct{ Barred []room.BarView }
	// MediaReady asks for an offer.
	MediaReady struct {
		Session        SessionID // whose media it is
		Generation     uint32
		Pairs, Screens int
	}
	// SlotMap tells who is shown where. Announced is called once the notice stands in the connection's queue.
	SlotMap struct{ Slots []SlotOwner }
	// Speakers tells who speaks, loudest first.
	Speakers struct{ IDs []room.ParticipantID }
	// EncodingsWanted tells which encodings of an own source somebody watches.
	EncodingsWanted struct {
		Source room.Source
		RIDs   []string
	}
	// HandshakeFailed tells a person, and the hosts, why that person's connection got no keys.
	HandshakeFailed struct {
		Participant room.ParticipantID
		Code        string // of a closed list, see PROTOCOL.md
	}
	// Words carries an effect that leaves no trace: room.Asked, room.UnmuteAsked, room.HelpSignalled, room.Reminded, room.Warning,
	// room.RecorderFailed, room.QualityWarned or room.Said.
	EffectNotice struct{ Effect room.Effect }
	// RoomEnded tells that the session is over.
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
func (RoomEnded) notice()       {}

// Media opens the media plane of one room; cmd/alcove/internal/daemon implements it with sfu.
type Media interface {
	// Open places a room. events is called on any goroutine and must not block.
	Open(session MediaSession, events func(MediaEvent)) (MediaRoom, error)
}

// A MediaSession says whose media a room is, to who records it. Neither is a name of people.
type MediaSession struct {
	Key    string // as the audit log has it
	Policy string
}

// A MediaRoom is the media plane of one room. No method blocks; each callback comes at most once, done always, on any goroutine.
type MediaRoom interface {
	// Answer negotiates the PeerConnection of one participant of the Plan. accept is called when the offer is valid and can be
	// answered, before it changes anything, on a goroutine that it may block; its error refuses the offer.
	Answer(o Offer, accept func() error, done func(Answer, error))
	// Obey makes the plan the only truth; done comes when it is in force: from then on no packet passes that it does not allow.
	Obey(plan room.Plan, done func())
	// Announced says that the slot map of this version was told to the participant: its media may flow.
	Announced(p room.ParticipantID, version uint64)
	// View says what the participant shows, so that no more is sent than is seen.
	View(p room.ParticipantID, v View)
	// Close ends all peers.
	Close()
}

// A View is what a participant shows: heights in pixels by publication, 0 for what is hidden. What it does not name counts as
// shown in full.
type View map[room.PublicationID]int

// An Offer is the description of a PeerConnection (RFC 8829) with the sources of its m-lines.
type Offer struct {
	Participant room.ParticipantID
	Generation  uint32
	SDP         string
	Tracks      []Track
}

// A Track says which source an m-line carries.
type Track struct {
	MID    string
	Source room.Source
}

// An Answer is the server's description and the roles of the receive-only m-lines.
type Answer struct {
	SDP   string
	Slots []Slot
}

// A Slot is one receive-only m-line.
type Slot struct {
	MID   string
	Kind  string // audio, video or screen
	Index int
}

// Codes of media errors (signaling/PROTOCOL.md, section 6).
const (
	SDPInvalid       room.Code = "sdp_invalid"
	CodecUnsupported room.Code = "codec_unsupported"
	TrackLimit       room.Code = "track_limit"
)

// A MediaEvent is news from the media plane.
type MediaEvent interface{ mediaEvent() }

type (
	// SlotsMapped: the slots of Participant show Slots from now on; waits for Announced(Version).
	SlotsMapped struct {
		Participant room.ParticipantID
		Version     uint64
		Slots       []SlotOwner
	}
	// SpeakersChanged: who speaks, loudest first.
	SpeakersChanged struct{ IDs []room.ParticipantID }
	// EncodingsChanged: what of a simulcast of Participant somebody watches now.
	EncodingsChanged struct {
		Participant room.ParticipantID
		Source      room.Source
		RIDs        []string
	}
	// ConnectionFailed: the connection of Participant got no keys, and has ended.
	ConnectionFailed struct {
		Participant room.ParticipantID
		Code        string
	}
	// RecorderBegan: the first record of what began is on the disk.
	RecorderBegan struct{}
	// RecorderFailed: nothing can be recorded any more, or not all that should be.
	RecorderFailed struct{ Fault room.Fault }
	// RateExceeded: a publication sends more than it may; Withheld: nothing of it passes until a plan mutes it and another unmutes it.
	RateExceeded struct {
		Participant room.ParticipantID
		Publication room.PublicationID
		Withheld    bool
	}
	// MediaFailed: the media of the room ended because of a bug of ours. The room ends too.
	MediaFailed struct{}
)

func (SlotsMapped) mediaEvent()      {}
func (SpeakersChanged) mediaEvent()  {}
func (EncodingsChanged) mediaEvent() {}
func (ConnectionFailed) mediaEvent() {}
func (RecorderBegan) mediaEvent()    {}
func (RecorderFailed) mediaEvent()   {}
func (RateExceeded) mediaEvent()     {}
func (MediaFailed) mediaEvent()      {}

// A SessionID finds a seat again: the key of its room and the participant.
type SessionID string

// SessionOf is that of a participant; key is that of their MediaSession.
func SessionOf(key string, p room.ParticipantID) SessionID { return SessionID(key + "." + string(p)) }

// Welcome is what a client is told of the seat it took.
type Welcome struct {
	Room    string // the name that tokens give it
	Session SessionID
	Secret  auth.Secret // resumes the seat
	Self    room.Self
	Policy  room.Policy
}
