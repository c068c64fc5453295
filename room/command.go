package room

import (
	"time"

	"alcove/auth"
)

// A Command requests a change of the session. It carries any randomness it needs; Decide receives the acting participant beside it.
type Command interface{ command() }

// A Request is a Command of a participant or of the clinic. All other commands come from the daemon, some on behalf of a connection.
type Request interface {
	Command
	request()
}

// Two actors without a seat.
const (
	ByClinic ParticipantID = "clinic" // the clinic's software, through the admin API
	ByDaemon ParticipantID = ""       // the daemon itself, and time
)

type (
	// Join takes a new seat. Grant is verified; Participant and Secret are newly generated.
	Join struct {
		Participant ParticipantID
		Grant       auth.Grant
		DisplayName string // "": Grant.Name, or "Guest" without one
		Secret      auth.SecretHash

		Acknowledged        []string  // hashes of texts that the person acknowledged in earlier sessions
		PasscodeOK          bool      // the passcode came with the token
		E2EE                bool      // the client speaks end-to-end encryption
		NotBefore, NotAfter time.Time // the schedule of the token; the first one fixes that of the session
	}
	// Resume resumes a dropped seat; Next replaces Secret.
	Resume struct {
		Participant  ParticipantID
		Secret, Next auth.SecretHash
		E2EE         bool // the client speaks end-to-end encryption
	}
	// Confirm reports that the client received the newest secret, which invalidates the previous one.
	Confirm struct{}
	// Disconnect reports that the connection of a seat was lost.
	Disconnect struct{}
	// Leave ends the actor's seat. If it is that of the last host, AloneMinutes limits how long the group may go on; 0: as the policy says.
	Leave struct{ AloneMinutes int }
	// Rename gives a seat another display name: the actor's own if Target is "". The verified name stays.
	Rename struct {
		Target      ParticipantID
		DisplayName string
	}

	// Admit admits Targets, or everyone who is connected in the waiting room. With Verify, the actor also vouches for who they are.
	Admit struct {
		Targets []ParticipantID
		All     bool
		Verify  bool
	}
	// Deny refuses a waiting participant.
	Deny struct {
		Target  ParticipantID
		Message string
	}
	// SendBack moves an admitted participant to the waiting room.
	SendBack struct {
		Target  ParticipantID
		Message string
	}
	// Remove ends a seat and bars its person.
	Remove struct {
		Target  ParticipantID
		Message string
	}
	// Unbar removes the bar that the removal of the seat Target set.
	Unbar struct{ Target ParticipantID }

	// Lock locks the room.
	Lock struct{}
	// Unlock unlocks the room.
	Unlock struct{}
	// End ends the session for everyone. Only the daemon sets Reason (draining, internal); for others it is host or clinic.
	End struct {
		Reason string
	}

	// Publish reports the sources that the offer of PeerConnection Generation contains, with new IDs.
	Publish struct {
		Generation uint32
		Sources    []Publication // ID and Source set; CSRC and Muted are decided
	}
	// SetMuted mutes or unmutes a source of the actor.
	SetMuted struct {
		Source Source
		Muted  bool
	}
	// Mute mutes a source of another participant. There is no remote unmute.
	Mute struct {
		Target ParticipantID
		Source Source
	}
	// MuteAll mutes a source of every participant who is not a host or a cohost. Whoever is in a side room without the actor is left alone.
	MuteAll struct{ Source Source }
	// AskUnmute asks another participant to unmute.
	AskUnmute struct {
		Target ParticipantID
		Source Source
	}
	// SetPermission allows a participant to publish a source, or forbids it.
	SetPermission struct {
		Target  ParticipantID
		Source  Source
		Allowed bool
	}
	// SetRole makes an admitted participant a participant, an observer or a cohost.
	SetRole struct {
		Target ParticipantID
		Role   auth.Role
	}
	// AskScreen asks the hosts for permission to share a screen.
	AskScreen struct{}
	// SetHand raises or lowers the actor's hand.
	SetHand struct {
		Raised bool
	}
	// LowerHands lowers the hands of Targets, or of all whose hands the actor sees.
	LowerHands struct {
		Targets []ParticipantID
		All     bool
	}
	// Message sends a text between a waiting participant and the hosts. Target is "" if the former sends it.
	Message struct {
		Target ParticipantID
		Text   string
	}

	// Acknowledge accepts the agreement text with this hash.
	Acknowledge struct {
		TextHash string
	}
	// PasscodeEntered reports whether the actor's passcode was correct. The daemon compares it; this package never sees it.
	PasscodeEntered struct {
		OK bool
	}
	// Verify marks the identity of a participant as verified by a host, or withdraws that.
	Verify struct {
		Target   ParticipantID
		Verified bool
	}

	// AskConsent asks everyone for consent to record Scopes; the recording starts when the policy's rule is met.
	AskConsent struct {
		Scopes []Scope
	}
	// StopRecording ends the recording, or the request for consent to it.
	StopRecording struct{}
	// AnswerConsent is the actor's answer. TextHash names the text that was shown.
	AnswerConsent struct {
		Scope    Scope
		TextHash string
		Granted  bool
	}
	// WithdrawConsent withdraws the actor's consent to Scope, or to everything if Scope is "". It is never refused while the seat exists.
	WithdrawConsent struct {
		Scope Scope
	}

	// Extend moves the absolute limit.
	Extend struct {
		Minutes int
	}
	// OpenSideRoom moves the actor and a participant to a side room. The group reads Message, which may be "".
	OpenSideRoom struct {
		Target  ParticipantID
		Message string
	}
	// CloseSideRoom returns both to the group. Either of them may send it.
	CloseSideRoom struct{}
	// RequestHelp asks the hosts, and only them, for help.
	RequestHelp struct{}
	// ShowAgreement shows the agreement to the group again.
	ShowAgreement struct{}
	// ClearHelp marks a request for help as answered.
	ClearHelp struct{ Target ParticipantID }
	// WithdrawHelp takes the actor's request for help back.
	WithdrawHelp struct{}
	// ReplyHelp answers a request for help with a text. The request stays.
	ReplyHelp struct {
		Target ParticipantID
		Text   string
	}

	// SetKeyPackage gives the own key package, in place of the one before.
	SetKeyPackage struct{ KeyPackage KeyPackage }
	// CreateGroup makes a group. Replaces is the main group until now, "" if there is none, or if it is the group of a side room.
	CreateGroup struct{ Group, Replaces GroupID }
	// CommitGroup changes a group whose number is After (RFC 9420, section 12.4).
	CommitGroup struct {
		Group           GroupID
		After           uint64
		Commit, Welcome Sealed          // Welcome is "" unless it adds
		To              []ParticipantID // who is added
		Proofs          []Sealed        // for each of To, or none
	}
	// SendToGroup relays an application message to To, or to all others (RFC 9420, section 15).
	SendToGroup struct {
		Group   GroupID
		After   uint64
		Message Sealed
		To      []ParticipantID
	}
	// SyncGroup asks for the entries after a number again.
	SyncGroup struct{ After uint64 }
	// ReleaseKeys gives the clinic keys of own streams, for a recording. Sealed holds the key that opens Keys; "" if it was given before.
	ReleaseKeys struct {
		Scope  Scope
		Number uint64
		Sealed Sealed
		Keys   []ReleasedKey
	}

	// Revoke ends the seats of people and bars them, or ends the session with All. Only the daemon sends it.
	Revoke struct {
		Persons []PersonID
		All     bool
	}
	// UndoRevoke undoes the revocation of a person. Only the daemon sends it.
	UndoRevoke struct{ Person PersonID }
	// ConfirmRecording reports that the first record since consent was complete is on disk. Only the daemon sends it.
	ConfirmRecording struct{}
	// FailRecording reports that the recorder stopped because of Fault. Only the daemon sends it.
	FailRecording struct{ Fault Fault }
	// RateExceeded reports that a publication exceeds its rate limit; with Withheld, that all of it is dropped. Only the daemon sends it.
	RateExceeded struct {
		Target      ParticipantID
		Publication PublicationID
		Withheld    bool
	}
	// MediaConnected reports that a media connection of Target got keys. Only the daemon sends it.
	MediaConnected struct {
		Target ParticipantID
		AES128 bool
	}
	// MediaFailed reports why a media connection of Target got no keys. Only the daemon sends it.
	MediaFailed struct {
		Target ParticipantID
		Code   string
	}
	// UpdatePolicy replaces the policy of the running session after the configuration changed. Only the daemon sends it.
	UpdatePolicy struct{ Policy Policy }
	// Tick applies the deadlines that have passed at Now.
	Tick struct{ Now time.Time }
)

func (Join) command()             {}
func (Resume) command()           {}
func (Confirm) command()          {}
func (Disconnect) command()       {}
func (Leave) command()            {}
func (Rename) command()           {}
func (Admit) command()            {}
func (Deny) command()             {}
func (SendBack) command()         {}
func (Remove) command()           {}
func (Unbar) command()            {}
func (Lock) command()             {}
func (Unlock) command()           {}
func (End) command()              {}
func (Publish) command()          {}
func (SetMuted) command()         {}
func (Mute) command()             {}
func (MuteAll) command()          {}
func (AskUnmute) command()        {}
func (SetPermission) command()    {}
func (SetRole) command()          {}
func (AskScreen) command()        {}
func (SetHand) command()          {}
func (LowerHands) command()       {}
func (Message) command()          {}
func (Acknowledge) command()      {}
func (PasscodeEntered) command()  {}
func (Verify) command()           {}
func (AskConsent) command()       {}
func (StopRecording) command()    {}
func (AnswerConsent) command()    {}
func (WithdrawConsent) command()  {}
func (Extend) command()           {}
func (OpenSideRoom) command()     {}
func (CloseSideRoom) command()    {}
func (RequestHelp) command()      {}
func (ShowAgreement) command()    {}
func (ClearHelp) command()        {}
func (WithdrawHelp) command()     {}
func (ReplyHelp) command()        {}
func (SetKeyPackage) command()    {}
func (CreateGroup) command()      {}
func (CommitGroup) command()      {}
func (SendToGroup) command()      {}
func (SyncGroup) command()        {}
func (ReleaseKeys) command()      {}
func (Revoke) command()           {}
func (UndoRevoke) command()       {}
func (ConfirmRecording) command() {}
func (FailRecording) command()    {}
func (RateExceeded) command()     {}
func (MediaConnected) command()   {}
func (MediaFailed) command()      {}
func (UpdatePolicy) command()     {}
func (Tick) command()             {}

func (Leave) request()           {}
func (Rename) request()          {}
func (Admit) request()           {}
func (Deny) request()            {}
func (SendBack) request()        {}
func (Remove) request()          {}
func (Unbar) request()           {}
func (Lock) request()            {}
func (Unlock) request()          {}
func (End) request()             {}
func (SetMuted) request()        {}
func (Mute) request()            {}
func (MuteAll) request()         {}
func (AskUnmute) request()       {}
func (SetPermission) request()   {}
func (SetRole) request()         {}
func (AskScreen) request()       {}
func (SetHand) request()         {}
func (LowerHands) request()      {}
func (Message) request()         {}
func (Acknowledge) request()     {}
func (PasscodeEntered) request() {}
func (Verify) request()          {}
func (AskConsent) request()      {}
func (StopRecording) request()   {}
func (AnswerConsent) request()   {}
func (WithdrawConsent) request() {}
func (Extend) request()          {}
func (OpenSideRoom) request()    {}
func (CloseSideRoom) request()   {}
func (RequestHelp) request()     {}
func (ShowAgreement) request()   {}
func (ClearHelp) request()       {}
func (WithdrawHelp) request()    {}
func (ReplyHelp) request()       {}
func (SetKeyPackage) request()   {}
func (CreateGroup) request()     {}
func (CommitGroup) request()     {}
func (SendToGroup) request()     {}
func (SyncGroup) request()       {}
func (ReleaseKeys) request()     {}
