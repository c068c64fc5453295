package room

import (
	"time"

	"alcove/auth"
)

// A Command asks policy for a change. Randomness comes with the command; the caller of Decide says who gives it.
type Command interface{ command() }

// A Request is a Command that a participant gives, or the clinic. All others come from the daemon, some of them on behalf of a
// connection.
type Request interface {
	Command
	request()
}

// Two actors that have no seat.
const (
	ByClinic ParticipantID = "clinic" // the clinic's own software, through the admin API
	ByDaemon ParticipantID = ""       // time, and what the daemon does by itself
)

type (
	// Join takes a new seat. Grant was verified; Participant and Secret are fresh.
	Join struct {
		Participant ParticipantID
		Grant       auth.Grant
		DisplayName string // "" takes Grant.Name, else "Guest"
		Secret      auth.SecretHash

		Acknowledged        []string  // hashes of the texts that the person acknowledged in earlier sessions
		PasscodeOK          bool      // the passcode came with the token
		NotBefore, NotAfter time.Time // the schedule of the token; the first one fixes that of the session
	}
	// Resume takes a dropped seat again; Next replaces Secret.
	Resume struct {
		Participant  ParticipantID
		Secret, Next auth.SecretHash
	}
	// Confirm says that the client holds the newest secret: the one before dies.
	Confirm struct{}
	// Disconnect says that the connection of a seat dropped.
	Disconnect struct{}
	// Leave ends the own seat.
	Leave struct{}

	// Admit lets in Targets, or all who wait.
	Admit struct {
		Targets []ParticipantID
		All     bool
	}
	// Deny refuses one who waits.
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
	// Unbar ends the bar that came with the removal of the seat Target.
	Unbar struct{ Target ParticipantID }

	// Lock closes the room, Unlock opens it.
	Lock struct{}
	// Unlock opens the room.
	Unlock struct{}
	// End ends the room for all. The daemon gives a Reason (draining, internal); that of others is host or clinic.
	End struct {
		Reason string
	}

	// Publish says which sources the offer of PeerConnection Generation holds, and mints their names.
	Publish struct {
		Generation uint32
		Sources    []Publication // ID and Source set; CSRC and Muted are decided
	}
	// SetMuted mutes or unmutes an own source.
	SetMuted struct {
		Source Source
		Muted  bool
	}
	// Mute mutes somebody else's source. There is no remote unmute.
	Mute struct {
		Target ParticipantID
		Source Source
	}
	// AskUnmute asks somebody to unmute.
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
	// SetRole makes one of the group a participant, an observer or a cohost.
	SetRole struct {
		Target ParticipantID
		Role   auth.Role
	}
	// AskScreen asks the hosts for it.
	AskScreen struct{}
	// SetHand raises or lowers the own hand.
	SetHand struct {
		Raised bool
	}
	// Message passes words between one who waits and the hosts. Target is "" from one who waits.
	Message struct {
		Target ParticipantID
		Text   string
	}

	// Acknowledge says that one read and accepts the text with this hash.
	Acknowledge struct {
		TextHash string
	}
	// PasscodeEntered says whether the passcode that one entered is right: the daemon compares, policy never sees it.
	PasscodeEntered struct {
		OK bool
	}
	// Verify says that a host knows who somebody is, or takes it back.
	Verify struct {
		Target   ParticipantID
		Verified bool
	}

	// AskConsent asks everyone for consent to record Scopes; the recording begins when the policy's rule is met.
	AskConsent struct {
		Scopes []Scope
	}
	// StopRecording ends the recording, and the asking for it.
	StopRecording struct{}
	// AnswerConsent answers for oneself. TextHash is that of the text that was shown.
	AnswerConsent struct {
		Scope    Scope
		TextHash string
		Granted  bool
	}
	// WithdrawConsent takes the own consent back; with Scope "" to everything. It is never refused to one who has a seat.
	WithdrawConsent struct {
		Scope Scope
	}

	// Extend moves the absolute limit.
	Extend struct {
		Minutes int
	}
	// OpenSideRoom takes a participant apart from the group.
	OpenSideRoom struct{ Target ParticipantID }
	// CloseSideRoom brings both back. Either of the two may.
	CloseSideRoom struct{}
	// RequestHelp tells the hosts, and nobody else, that one needs help.
	RequestHelp struct{}
	// ShowAgreement shows the agreement to the group again.
	ShowAgreement struct{}
	// ClearHelp says that a host has seen to it.
	ClearHelp struct{ Target ParticipantID }

	// Revoke ends the seats of people and bars them, or ends the session with All. Only the daemon does so.
	Revoke struct {
		Persons []PersonID
		All     bool
	}
	// UndoRevoke takes back a Revoke of a person. Only the daemon does so.
	UndoRevoke struct{ Person PersonID }
	// ConfirmRecording says that the first record since consent is complete is on the disk. Only the daemon does so.
	ConfirmRecording struct{}
	// FailRecording says that the recorder cannot go on, and why. Only the daemon does so.
	FailRecording struct{ Fault Fault }
	// RateExceeded says that a publication sends more than it may, and with Withheld that nothing of it passes any more. Only the daemon
	// does so.
	RateExceeded struct {
		Target      ParticipantID
		Publication PublicationID
		Withheld    bool
	}
	// MediaConnected says that a connection for media of Target got keys. Only the daemon does so.
	MediaConnected struct {
		Target ParticipantID
		AES128 bool
	}
	// MediaFailed says why one got none. Only the daemon does so.
	MediaFailed struct {
		Target ParticipantID
		Code   string
	}
	// UpdatePolicy brings the policy of the running session up to date with the configuration. Only the daemon does so.
	UpdatePolicy struct{ Policy Policy }
	// Tick says what time it is.
	Tick struct{ Now time.Time }
)

func (Join) command()             {}
func (Resume) command()           {}
func (Confirm) command()          {}
func (Disconnect) command()       {}
func (Leave) command()            {}
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
func (AskUnmute) command()        {}
func (SetPermission) command()    {}
func (SetRole) command()          {}
func (AskScreen) command()        {}
func (SetHand) command()          {}
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
func (AskUnmute) request()       {}
func (SetPermission) request()   {}
func (SetRole) request()         {}
func (AskScreen) request()       {}
func (SetHand) request()         {}
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
