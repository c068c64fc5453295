package room

import (
	"time"

	"alcove/auth"
)

// A Command is a wish. By names who wishes; randomness comes with the command.
type Command interface{ command() }

type (
	// Join takes a new seat. Grant was verified; Participant and Secret are fresh.
	Join struct {
		Participant ParticipantID
		Grant       auth.Grant
		DisplayName string // "" takes Grant.Name, else "Guest"
		Secret      auth.SecretHash
	}
	// Resume takes a dropped seat again; Next replaces Secret.
	Resume struct {
		Participant  ParticipantID
		Secret, Next auth.SecretHash
	}
	// Confirm says that the client holds the newest secret: the one before dies.
	Confirm struct{ By ParticipantID }
	// Disconnect says that the connection of a seat dropped.
	Disconnect struct{ By ParticipantID }
	// Leave ends the own seat.
	Leave struct{ By ParticipantID }

	// Admit lets in Targets, or all who wait.
	Admit struct {
		By      ParticipantID
		Targets []ParticipantID
		All     bool
	}
	// Deny refuses one who waits.
	Deny struct {
		By, Target ParticipantID
		Message    string
	}
	// SendBack moves an admitted participant to the waiting room.
	SendBack struct {
		By, Target ParticipantID
		Message    string
	}
	// Remove ends a seat and bars its person.
	Remove struct {
		By, Target ParticipantID
		Message    string
	}
	// Lift ends the bar that came with the removal of the seat Target.
	Lift struct{ By, Target ParticipantID }

	// Lock closes the room, Unlock opens it.
	Lock struct{ By ParticipantID }
	// Unlock opens the room.
	Unlock struct{ By ParticipantID }
	// End ends the room for all. By is "" when the daemon does so (Reason: draining, internal).
	End struct {
		By     ParticipantID
		Reason string
	}

	// Publish says which sources the offer of PeerConnection Generation holds, and mints their names.
	Publish struct {
		By         ParticipantID
		Generation uint32
		Sources    []Publication // ID and Source set; CSRC and Muted are decided
	}
	// SetMuted mutes or unmutes an own source.
	SetMuted struct {
		By     ParticipantID
		Source Source
		Muted  bool
	}
	// Mute mutes somebody else's source. There is no remote unmute.
	Mute struct {
		By, Target ParticipantID
		Source     Source
	}
	// AskUnmute asks somebody to unmute.
	AskUnmute struct {
		By, Target ParticipantID
		Source     Source
	}
	// GrantScreen allows a participant to share a screen, or takes it back.
	GrantScreen struct {
		By, Target ParticipantID
		Granted    bool
	}
	// AskScreen asks the hosts for it.
	AskScreen struct{ By ParticipantID }
	// SetHand raises or lowers the own hand.
	SetHand struct {
		By     ParticipantID
		Raised bool
	}
	// Message passes words between one who waits and the hosts. Target is "" from one who waits.
	Message struct {
		By, Target ParticipantID
		Text       string
	}
	// Tick says what time it is.
	Tick struct{ Now time.Time }
)

func (Join) command()        {}
func (Resume) command()      {}
func (Confirm) command()     {}
func (Disconnect) command()  {}
func (Leave) command()       {}
func (Admit) command()       {}
func (Deny) command()        {}
func (SendBack) command()    {}
func (Remove) command()      {}
func (Lift) command()        {}
func (Lock) command()        {}
func (Unlock) command()      {}
func (End) command()         {}
func (Publish) command()     {}
func (SetMuted) command()    {}
func (Mute) command()        {}
func (AskUnmute) command()   {}
func (GrantScreen) command() {}
func (AskScreen) command()   {}
func (SetHand) command()     {}
func (Message) command()     {}
func (Tick) command()        {}
