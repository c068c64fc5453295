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

// A Participant is one seat: a person waiting or admitted.
type Participant struct {
	ID           ParticipantID
	Person       PersonID
	Role         auth.Role
	TokenRole    auth.Role // as the token gave it: Role may be another since
	DisplayName  string
	VerifiedName string
	Access       Access    // Waiting or Admitted
	Since        time.Time // of this Access
	Returning    bool      // was admitted in this session before
	Connected    bool
	LostAt       time.Time // when the connection dropped, if not Connected
	Verified     bool      // a host knows who this is
	PasscodeOK   bool      // entered the room's passcode
	Login        Login     // how the person proved to the clinic who they are
	HandRaised   bool
	HelpRaised   bool // asked the hosts for help: nobody else sees it
	Overrides    Overrides
	Secret       auth.SecretHash // resumes this seat
	OldSecret    auth.SecretHash // the one before, until Secret is confirmed
	Generation   uint32          // number of the PeerConnection, 0 before the first offer
	Publications []Publication
	Media        MediaState
}

// MediaState is what hosts see of a participant's connection for media.
type MediaState struct {
	AES128  bool   // the newest that got keys had to use AES-128
	Failure string // why the newest got no keys, a code of the protocol; "" once one has
}

// A Publication is one source of one participant. Its CSRC never changes: a new one needs a new ID, for the media plane sends packets
// again under their first number, to the bit as before.
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
	Revoked     bool // the clinic's word: no host lifts it
}

// A SideRoom is a host and one participant apart from the group: they hear only each other.
type SideRoom struct{ Host, Guest ParticipantID }

// State is a session. It is a value: Apply copies what it changes.
type State struct {
	Name         string
	Policy       Policy
	NotBefore    time.Time // nobody but hosts is in before; zero: no such time
	NotAfter     time.Time // the session ends then, whatever a host extends; zero: no such time
	StartedAt    time.Time // the first admission
	EndsAt       time.Time // the absolute limit, as extended; zero: none
	Warned       int       // the mark of the last warning, in minutes before the end; 0: none yet
	AbsentSince  time.Time // when the last host left; zero: a host is there, or none ever was
	AloneSince   time.Time // since when fewer than two are admitted; zero: not so
	Locked       bool
	AbsenceLock  bool          // the lock came with the last host's leaving and goes with a host's return
	EndedFor     string        // "" while it runs, else the reason: host, empty, draining, internal
	Participants []Participant // waiting and admitted, in order of arrival
	Known        []PersonID    // was admitted once
	Barred       []Bar
	LastCSRC     uint32
	Acknowledged []Acknowledgement // texts that people acknowledged, here or in an earlier session
	Asked        []Scope           // what a host wants to record: the scopes of consent that are asked for
	Recorder     RecorderProgress  // with what is asked for
	Consents     []Consent         // the newest answer of each person to each scope
	SideRooms    []SideRoom
	Withheld     []PersonID // whose sound was withheld once: the next time the permission is taken away
}
