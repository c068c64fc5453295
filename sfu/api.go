package sfu

import "log/slog"

type (
	// PeerID names one participant of one room to the media plane.
	PeerID string
	// Source is what a publication shows or sounds.
	Source string
)

// The sources, as W3C Media Capture and Streams names them.
const (
	Microphone Source = "microphone"
	Camera     Source = "camera"
	Screen     Source = "screen"
)

// Kinds of slots.
const (
	slotAudio  = "audio"
	slotVideo  = "video"
	slotScreen = "screen"
)

// A Plan is all that may happen in a room; who is not in it has no peer.
type Plan struct {
	Entries []PlanEntry
	Record  []string // publications that the room's Tap may have; muted ones are silent there too
}

// A PlanEntry says what one peer may send and whom it receives, in order.
type PlanEntry struct {
	Peer     PeerID
	Sends    []Send
	Receives []PeerID
}

// A Send is one source that a peer may publish.
//
// The CSRC of a publication never changes. A packet that is sent again without RTX leaves under the index under which it left
// first; were anything in it different, such as the CSRC, two packets would share one nonce, which gives the authentication key away
// (RFC 7714, section 8.1; RFC 5116, section 5.1.1). A plan that breaks the rule ends the flow into all slots, which forget what they
// sent: as for another publication.
type Send struct {
	ID     string // of the publication
	Source Source
	CSRC   uint32 // what names it in packets
	Muted  bool   // dropped at the door
}

// An Offer is a client's session description with the sources of its m-lines.
type Offer struct {
	Peer       PeerID
	Generation uint32 // of the PeerConnection: the same renegotiates, a higher replaces
	SDP        string
	Tracks     []Track
}

// A Track says which source an m-line carries.
type Track struct {
	MID    string
	Source Source
}

// An Answer is the server's session description and what its sending m-lines are for.
type Answer struct {
	SDP   string
	Slots []Slot
}

// A Slot is one sending m-line: kind audio, video or screen; audio and video of one index show the same peer.
type Slot struct {
	MID   string
	Kind  string
	Index int
}

// A SlotOwner says whose publication a slot carries.
type SlotOwner struct {
	Kind        string
	Index       int
	Publication string
	Peer        PeerID
	CSRC        uint32
}

// An Event is news from a room's media.
type Event interface{ event() }

type (
	// SlotsMapped says what the slots of Peer carry from now on. Nothing flows through a new mapping before
	// Room.Announced(Peer, Version).
	SlotsMapped struct {
		Peer    PeerID
		Version uint64
		Slots   []SlotOwner
	}
	// SpeakersChanged says who speaks, loudest first.
	SpeakersChanged struct{ Peers []PeerID }
	// EncodingsWanted says which encodings of a simulcast of Peer somebody watches; the others need not be sent.
	EncodingsWanted struct {
		Peer   PeerID
		Source Source
		RIDs   []string
	}
	// RateExceeded says that a publication of Peer sends more than it may: what is above is dropped. Withheld: it is sound, it
	// stayed above, and nothing of it passes until a plan mutes it and another unmutes it.
	RateExceeded struct {
		Peer        PeerID
		Publication string
		Source      Source
		Withheld    bool
	}
	// HandshakeFailed says why the connection of Peer got no keys; it has ended.
	HandshakeFailed struct {
		Peer       PeerID
		Generation uint32
		Fault      HandshakeFault
	}
	// Failed says that the room's media ended because of a bug of ours.
	Failed struct{}
)

func (SlotsMapped) event()     {}
func (SpeakersChanged) event() {}
func (EncodingsWanted) event() {}
func (RateExceeded) event()    {}
func (HandshakeFailed) event() {}
func (Failed) event()          {}

// A Config sets up an Engine.
type Config struct {
	Listen      string   // address of the first worker's socket; the next workers take the next ports
	Workers     int      // sockets and goroutines, 1 at least
	Advertise   []string // public addresses behind 1:1 NAT, instead of the listening one
	AllowAES128 bool     // also AEAD_AES_128_GCM and AES128_CM_HMAC_SHA1_80
	Log         *slog.Logger

	// MaxBitrates is what senders of pictures are told, in bit/s at most: of each encoding of a source, the lowest first.
	MaxBitrates map[Source][]int
}
