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

// Source is the kind of device that a publication captures (W3C Media Capture).
type Source string

// The closed list of sources.
const (
	Microphone Source = "microphone"
	Camera     Source = "camera"
	Screen     Source = "screen"
)

// Access is a participant's state of admission.
type Access string

// The closed list of states. All but Waiting and Admitted are final: the seat is no longer in the State.
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
	TokenRole    auth.Role // role of the token; Role may have changed since
	DisplayName  string
	VerifiedName string
	Access       Access    // Waiting or Admitted
	Since        time.Time // of this Access
	Returning    bool      // was admitted in this session before
	Connected    bool
	LostAt       time.Time // when the connection dropped, if not Connected
	Verified     bool      // a host verified the person's identity
	PasscodeOK   bool      // entered the room's passcode
	Login        Login     // how the person logged in at the clinic
	HandRaised   bool
	HandRaisedAt time.Time `json:",omitzero"` // zero while it is not raised
	HelpRaised   bool      // asked the hosts for help; only they see it
	// AwayMessage is what a host wrote to the group when opening a side room. It is never stored: a restart loses it.
	AwayMessage  string `json:"-"`
	Overrides    Overrides
	Secret       auth.SecretHash // resumes this seat
	OldSecret    auth.SecretHash // the one before, until Secret is confirmed
	Generation   uint32          // number of the PeerConnection; 0 before the first offer
	Publications []Publication
	Media        MediaState
	KeyPackage   KeyPackage `json:"-"` // the newest; in memory only
	Released     []Scope    `json:"-"` // whose keys the recorder has from this participant; in memory only, as there
}

// MediaState is the state of a participant's media connection, shown to hosts.
type MediaState struct {
	AES128  bool   // the newest connection with keys uses AES-128
	Failure string // protocol code of why the newest connection got no keys; "" once one has
}

// A Publication is one source of one participant. Its CSRC never changes, because the media plane retransmits packets bit for bit: a
// new CSRC needs a new ID.
type Publication struct {
	ID     PublicationID
	Source Source
	Muted  bool
	CSRC   uint32 // names the source in packets (RFC 3550, section 5.1), unique in the session
}

// A Bar excludes a removed person for the rest of the session.
type Bar struct {
	Person      PersonID
	Participant ParticipantID // the removed seat
	DisplayName string
	Revoked     bool // set by the clinic; no host can remove it
}

// A SideRoom holds a host and one participant apart from the group: they receive only each other's media.
type SideRoom struct{ Host, Guest ParticipantID }

// State is a session. It is a value: Apply copies what it changes.
type State struct {
	Name         string
	Policy       Policy
	NotBefore    time.Time     // only hosts enter earlier; zero: no limit
	NotAfter     time.Time     // the session ends then, even if extended; zero: no limit
	StartedAt    time.Time     // the first admission
	EndsAt       time.Time     // the absolute limit, as extended; zero: none
	Warned       int           // mark of the last warning, in minutes before the end; 0: none yet
	AbsentSince  time.Time     // since when no host is with the group; zero: one is, or none ever was
	AbsenceLimit time.Duration `json:",omitzero"` // how long the group may go on meanwhile, as the last host said; 0: as the policy says
	HostAside    bool          `json:",omitzero"` // meanwhile a host is in a side room
	AloneSince   time.Time     // since when fewer than two are admitted; zero: two or more are
	Locked       bool
	AbsenceLock  bool          // locked because the last host left; unlocked when a host returns
	EndedFor     string        // reason for the end: host, empty, draining, internal, ...; "" while the session runs
	Participants []Participant // waiting and admitted, in order of arrival
	Known        []PersonID    // people who were admitted in this session
	Barred       []Bar
	LastCSRC     uint32
	Acknowledged []Acknowledgement // texts that people acknowledged, in this or an earlier session
	Asked        []Scope           // scopes that a host asks to record
	Recorder     RecorderProgress  // with the scopes in Asked
	Consents     []Consent         // newest answer of each person to each scope
	SideRooms    []SideRoom
	Groups       Groups     `json:",omitzero"` // of end-to-end encryption
	Withheld     []PersonID // people with a source that was withheld once; the next time its permission is taken away
}
