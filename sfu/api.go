package sfu

import "log/slog"

type (
	// PeerID names one participant of one room to the media plane.
	PeerID string
	// Source is the kind of media source of a publication.
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

// A Plan states everything that may happen in a room. A participant outside it has no peer.
type Plan struct {
	Entries []PlanEntry
	Record  []string // publications that the room's Tap may have; muted ones are silent there too

	Encrypted bool // frames are encrypted end to end: who joins cannot open what was sent before
}

// A PlanEntry lists what one peer may send and from which peers it receives, in order.
type PlanEntry struct {
	Peer     PeerID
	Sends    []Send
	Receives []PeerID
	Priority bool // its camera comes before others' where a receiver's path is narrow
	Echo     bool // it may receive itself: the check of a connection, never a session
}

// A Send is one source that a peer may publish.
//
// The CSRC of a publication never changes. A retransmission without RTX reuses the SRTP index of the original packet; if anything in it
// differed, such as the CSRC, two packets would share one nonce, which reveals the authentication key (RFC 7714, section 8.1; RFC 5116,
// section 5.1.1). A plan that changes the CSRC is treated as a new publication: all slots detach and forget what they sent.
type Send struct {
	ID     string // of the publication
	Source Source
	CSRC   uint32 // identifies it in packets
	Muted  bool   // its packets are dropped on arrival
}

// An Offer is a client's session description with the sources of its m-lines.
type Offer struct {
	Peer       PeerID
	Generation uint32 // of the PeerConnection: the same renegotiates, a higher replaces
	SDP        string
	Tracks     []Track
}

// A Track is the source that an m-line carries.
type Track struct {
	MID    string
	Source Source
}

// An Answer is the server's session description with the use of its sending m-lines.
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

// A SlotOwner is the publication that a slot carries.
type SlotOwner struct {
	Kind        string
	Index       int
	Publication string
	Peer        PeerID
	CSRC        uint32
}

// A PeerLine is the rating of a peer's line.
type PeerLine struct {
	Peer PeerID
	Lost bool // nothing arrives; else it is weak
}

// An Event reports a change in a room's media.
type Event interface{ event() }

type (
	// SlotsMapped lists what the slots of Peer carry from now on. No media flows through a new mapping before
	// Room.Announced(Peer, Version).
	SlotsMapped struct {
		Peer    PeerID
		Version uint64
		Slots   []SlotOwner
	}
	// SpeakersChanged lists the active speakers, loudest first.
	SpeakersChanged struct{ Peers []PeerID }
	// LinesChanged lists the peers whose line to this server is not good, in the order of the plan.
	LinesChanged struct{ Lines []PeerLine }
	// VideosPaused lists the publications that Peer is not sent because its path is too narrow.
	VideosPaused struct {
		Peer         PeerID
		Publications []string
	}
	// EncodingsWanted lists the encodings of Peer's simulcast that have a receiver; the client may pause the others.
	EncodingsWanted struct {
		Peer   PeerID
		Source Source
		RIDs   []string
	}
	// RateExceeded reports that a publication of Peer exceeds its limit; the excess is dropped. Withheld is set for audio that
	// stayed above the limit: it is blocked until a plan mutes it and a later plan unmutes it.
	RateExceeded struct {
		Peer        PeerID
		Publication string
		Source      Source
		Withheld    bool
	}
	// HandshakeFailed reports why the DTLS handshake of Peer failed. The connection has ended.
	HandshakeFailed struct {
		Peer       PeerID
		Generation uint32
		Fault      HandshakeFault
	}
	// Connected reports that the connection of Peer has keys, and whether they are for AES-128.
	Connected struct {
		Peer       PeerID
		Generation uint32
		AES128     bool
	}
	// Failed reports that the room's media ended after a panic.
	Failed struct{}
)

func (SlotsMapped) event()     {}
func (SpeakersChanged) event() {}
func (LinesChanged) event()    {}
func (VideosPaused) event()    {}
func (EncodingsWanted) event() {}
func (RateExceeded) event()    {}
func (HandshakeFailed) event() {}
func (Connected) event()       {}
func (Failed) event()          {}

// A Config sets up an Engine.
type Config struct {
	Listen      string   // address of the first worker's socket; the next workers take the next ports
	ListenIPv6  string   // where Listen is IPv4, an IPv6 address that it listens on as well; "": none
	Workers     int      // sockets and goroutines, 1 at least
	Advertise   []string // public addresses behind 1:1 NAT, instead of the listening one
	AllowAES128 bool     // also AEAD_AES_128_GCM and AES128_CM_HMAC_SHA1_80
	Log         *slog.Logger

	// MaxBitrates is the highest bitrate announced to senders of video, in bit/s, for each encoding of a source, lowest first.
	MaxBitrates map[Source][]int
}
