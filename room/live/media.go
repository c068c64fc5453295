package live

import "alcove/room"

// Media opens the media plane of one room; cmd/alcove/internal/daemon implements it with sfu.
type Media interface {
	// Open places a room. events is called on any goroutine and must not block.
	Open(session MediaSession, events func(MediaEvent)) (MediaRoom, error)
}

// A MediaSession names a room for the recorder. Neither field identifies a person.
type MediaSession struct {
	Key    string // as in the audit log
	Policy string
	E2EE   bool // media is encrypted end to end
}

// A MediaRoom is the media plane of one room. No method blocks. Callbacks run on any goroutine: done exactly once, accept at most once.
type MediaRoom interface {
	// Answer negotiates the PeerConnection of one participant of the Plan. accept is called when the offer is valid and can be
	// answered, before it changes anything, on a goroutine that it may block; its error refuses the offer.
	Answer(o Offer, accept func() error, done func(Answer, error))
	// ApplyPlan replaces the plan. done is called once it is applied: from then on no packet passes that the plan does not allow.
	ApplyPlan(plan room.Plan, done func())
	// Announced reports that the slot map of this version was sent to the participant, so that media of its slots may be sent.
	Announced(p room.ParticipantID, version uint64)
	// View reports what the participant displays, so that no more than that is sent.
	View(p room.ParticipantID, v View)
	// Close ends all peers.
	Close()
}

// A KeyRecorder keeps keys that participants release beside what is recorded of them. A MediaRoom that records under end-to-end
// encryption is one. Release comes in order with Obey, does not block, and may come before anything of the participant is recorded.
type KeyRecorder interface {
	Release(room.KeysReleased)
}

// A View is what a participant displays: heights in pixels by publication, 0 for a hidden one. A publication that it does not name is
// displayed in full.
type View map[room.PublicationID]int

// An Offer is the description of a PeerConnection (RFC 8829) with the sources of its m-lines.
type Offer struct {
	Participant room.ParticipantID
	Generation  uint32
	SDP         string
	Tracks      []Track
}

// A Track is the source that an m-line carries.
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

// A Line rates the line of a participant to this server: weak, or lost.
type Line struct {
	Participant room.ParticipantID
	Lost        bool
}

// A MediaEvent is an event of the media plane.
type MediaEvent interface{ mediaEvent() }

type (
	// SlotsMapped: the slots of Participant carry Slots from now on; their media waits for Announced(Version).
	SlotsMapped struct {
		Participant room.ParticipantID
		Version     uint64
		Slots       []SlotOwner
	}
	// SpeakersChanged: the active speakers, loudest first.
	SpeakersChanged struct{ IDs []room.ParticipantID }
	// LinesChanged: the participants whose line to this server is not good.
	LinesChanged struct{ Lines []Line }
	// VideosPaused: the publications that Participant is not sent because their path is too narrow.
	VideosPaused struct {
		Participant  room.ParticipantID
		Publications []room.PublicationID
	}
	// EncodingsChanged: the encodings of a source of Participant that have subscribers now.
	EncodingsChanged struct {
		Participant room.ParticipantID
		Source      room.Source
		RIDs        []string
	}
	// ConnectionMade: the media connection of Participant got keys; AES128 if the client supports nothing stronger.
	ConnectionMade struct {
		Participant room.ParticipantID
		AES128      bool
	}
	// ConnectionFailed: the DTLS handshake of Participant failed, and the connection was closed.
	ConnectionFailed struct {
		Participant room.ParticipantID
		Code        string
	}
	// RecorderBegan: the first record of the recording is on disk.
	RecorderBegan struct{}
	// RecorderFailed: the recording of at least one publication cannot continue.
	RecorderFailed struct{ Fault room.Fault }
	// RateExceeded: a publication exceeds its limits. Withheld: its packets are dropped until a plan mutes it and a later one unmutes it.
	RateExceeded struct {
		Participant room.ParticipantID
		Publication room.PublicationID
		Withheld    bool
	}
	// MediaFailed: the media plane closed the room after a panic. The room ends too.
	MediaFailed struct{}
)

func (SlotsMapped) mediaEvent()      {}
func (SpeakersChanged) mediaEvent()  {}
func (LinesChanged) mediaEvent()     {}
func (VideosPaused) mediaEvent()     {}
func (EncodingsChanged) mediaEvent() {}
func (ConnectionMade) mediaEvent()   {}
func (ConnectionFailed) mediaEvent() {}
func (RecorderBegan) mediaEvent()    {}
func (RecorderFailed) mediaEvent()   {}
func (RateExceeded) mediaEvent()     {}
func (MediaFailed) mediaEvent()      {}
