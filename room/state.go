package room

import (
	"time"

	"alcove/auth"
)

type (
	// ParticipantID names one seat in one session: random, opaque, fit for the wire.
	ParticipantID string
	// PersonID names one person of the clinic: auth.Grant.Person.
	PersonID string
	// PublicationID names one source of one participant: random, opaque, fit for the wire.
	PublicationID string
)

// Source is what a publication shows or sounds (W3C Media Capture).
type Source string

// The closed list of sources.
const (
	Microphone Source = "microphone"
	Camera     Source = "camera"
	Screen     Source = "screen"
)

// Access is where a participant stands.
type Access string

// The closed list of states. All but Waiting and Admitted are final: the participant is gone from the State.
const (
	Waiting  Access = "waiting"
	Admitted Access = "admitted"
	Denied   Access = "denied"
	Removed  Access = "removed"
	Left     Access = "left"
	Ended    Access = "ended"
)

// A Policy is what the configuration says of a kind of room.
type Policy struct {
	Name            string
	MaxParticipants int // admitted at the same time
	MaxWaiting      int
	ScreenForAll    bool          // participants may share a screen without a grant
	ResumeWindow    time.Duration // how long a dropped connection keeps its seat
}

// A Participant is one seat: a person waiting or admitted.
type Participant struct {
	ID           ParticipantID
	Person       PersonID
	Role         auth.Role
	DisplayName  string
	VerifiedName string
	Access       Access    // Waiting or Admitted
	Since        time.Time // of this Access
	Returning    bool      // was admitted in this session before
	Connected    bool
	LostAt       time.Time // when the connection dropped, if not Connected
	HandRaised   bool
	ScreenGrant  bool
	Secret       auth.SecretHash // resumes this seat
	OldSecret    auth.SecretHash // the one before, until Secret is confirmed
	Generation   uint32          // number of the PeerConnection, 0 before the first offer
	Publications []Publication
}

// A Publication is one source of one participant.
type Publication struct {
	ID     PublicationID
	Source Source
	Muted  bool
	CSRC   uint32 // names the source in packets (RFC 3550, section 5.1), unique in the session
}

// A Bar keeps a removed person out for the session.
type Bar struct {
	Person      PersonID
	Participant ParticipantID // the removed seat
	DisplayName string
}

// State is a session. It is a value: Apply copies what it changes.
type State struct {
	Name         string
	Policy       Policy
	Locked       bool
	EndedFor     string        // "" while it runs, else the reason: host, empty, draining, internal
	Participants []Participant // waiting and admitted, in order of arrival
	Known        []PersonID    // was admitted once
	Barred       []Bar
	LastCSRC     uint32
}
