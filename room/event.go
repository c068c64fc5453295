package room

import (
	"time"

	"alcove/auth"
)

// An Event is one thing that became true. Apply knows no rules: whatever Decide says is so.
type Event interface{ event() }

type (
	// SeatTaken: Seat is new, waiting or admitted.
	SeatTaken struct{ Seat Participant }
	// SeatAdmitted: one who waited is in the group.
	SeatAdmitted struct {
		ID ParticipantID
		At time.Time
	}
	// SeatSentBack: one of the group waits again, without publications, grants and raised hand.
	SeatSentBack struct {
		ID ParticipantID
		At time.Time
	}
	// SeatEnded: the seat is gone. Reason is as participant.left or access.changed names it.
	SeatEnded struct {
		ID     ParticipantID
		Access Access
		Reason string
	}
	// SeatDropped: the connection is gone, the seat waits for it.
	SeatDropped struct {
		ID ParticipantID
		At time.Time
	}
	// SeatResumed: the connection is back; Old is good until Secret is confirmed.
	SeatResumed struct {
		ID          ParticipantID
		Secret, Old auth.SecretHash
	}
	// SecretConfirmed: the secret before the newest is dead.
	SecretConfirmed struct{ ID ParticipantID }
	// PersonBarred: this person takes no seat until the bar is lifted.
	PersonBarred struct{ Bar Bar }
	// PersonUnbarred: the bar that names the seat ID is gone.
	PersonUnbarred struct{ ID ParticipantID }
	// RevokeUndone: the bar of a revocation is gone.
	RevokeUndone struct{ Person PersonID }
	// LockSet: the room is locked or open.
	LockSet struct{ Locked bool }
	// SessionEnded: nothing comes after.
	SessionEnded struct{ Reason string }
	// SourcesPublished: the PeerConnection Generation of ID carries Publications and no others.
	SourcesPublished struct {
		ID           ParticipantID
		Generation   uint32
		Publications []Publication
		LastCSRC     uint32
	}
	// MutedSet: a source of ID is muted or live.
	MutedSet struct {
		ID     ParticipantID
		Source Source
		Muted  bool
	}
	// OverridesSet: what hosts gave ID or took away.
	OverridesSet struct {
		ID        ParticipantID
		Overrides Overrides
	}
	// SourceWithheld: the media plane withheld the sound of Person, who has the seat ID, for the first time.
	SourceWithheld struct {
		ID     ParticipantID
		Person PersonID
	}
	// MediaStateSet: another connection for media of ID got keys, or none.
	MediaStateSet struct {
		ID    ParticipantID
		Media MediaState
	}
	// RoleSet: ID has another role.
	RoleSet struct {
		ID   ParticipantID
		Role auth.Role
	}
	// HandSet: the hand of ID is up or down.
	HandSet struct {
		ID     ParticipantID
		Raised bool
	}

	// TextAcknowledged: Person acknowledged a text. ID is the seat, "" if it was in an earlier session.
	TextAcknowledged struct {
		ID     ParticipantID
		Person PersonID
		Hash   string
	}
	// PasscodePassed: ID entered the passcode.
	PasscodePassed struct{ ID ParticipantID }
	// VerifiedSet: a host knows who ID is, or does not any more.
	VerifiedSet struct {
		ID       ParticipantID
		Verified bool
	}
	// ConsentAsked: a host wants to record Scopes; with none the recording is over.
	ConsentAsked struct{ Scopes []Scope }
	// RecordingBegan: the consent that the policy wants is there, and the first record is on the disk.
	RecordingBegan struct{}
	// RecordingInterrupted: consent is missing again.
	RecordingInterrupted struct{}
	// RecordingFailed: the recorder could not go on. The recording is over until a host asks anew.
	RecordingFailed struct{ Fault Fault }
	// ConsentGiven: somebody answered, or withdrew.
	ConsentGiven struct {
		ID      ParticipantID
		Consent Consent
	}

	// ScheduleSet: the first token says when the session may be.
	ScheduleSet struct{ NotBefore, NotAfter time.Time }
	// SessionStarted: the first one is admitted. EndsAt is the absolute limit, zero if there is none; Mark is as in Warned.
	SessionStarted struct {
		At, EndsAt time.Time
		Mark       int
	}
	// EndMoved: a host extended the session.
	EndMoved struct {
		At   time.Time
		Mark int
	}
	// Warned: everyone was told that the end comes. Mark is in minutes before it: marks from there on are done with.
	Warned struct{ Mark int }
	// HostsLeft: the last host left; Locked says that the room was open and is locked for it.
	HostsLeft struct {
		At     time.Time
		Locked bool
	}
	// HostsBack: a host is there again; Unlocked says that the lock went with the absence.
	HostsBack struct{ Unlocked bool }
	// AloneSet: fewer than two are admitted since At; zero: two or more are.
	AloneSet struct{ At time.Time }
	// SideRoomOpened: two are apart.
	SideRoomOpened struct{ Room SideRoom }
	// SideRoomClosed: they are back, or one of them is gone.
	SideRoomClosed struct{ Room SideRoom }
	// HelpSet: ID asks for help, or was helped.
	HelpSet struct {
		ID     ParticipantID
		Raised bool
	}
	// PolicySet: the configuration changed.
	PolicySet struct{ Policy Policy }
)

func (SeatTaken) event()            {}
func (SeatAdmitted) event()         {}
func (SeatSentBack) event()         {}
func (SeatEnded) event()            {}
func (SeatDropped) event()          {}
func (SeatResumed) event()          {}
func (SecretConfirmed) event()      {}
func (PersonBarred) event()         {}
func (RevokeUndone) event()         {}
func (PersonUnbarred) event()       {}
func (LockSet) event()              {}
func (SessionEnded) event()         {}
func (SourcesPublished) event()     {}
func (MutedSet) event()             {}
func (OverridesSet) event()         {}
func (SourceWithheld) event()       {}
func (MediaStateSet) event()        {}
func (RoleSet) event()              {}
func (HandSet) event()              {}
func (TextAcknowledged) event()     {}
func (PasscodePassed) event()       {}
func (VerifiedSet) event()          {}
func (ConsentAsked) event()         {}
func (RecordingBegan) event()       {}
func (RecordingInterrupted) event() {}
func (RecordingFailed) event()      {}
func (ConsentGiven) event()         {}
func (ScheduleSet) event()          {}
func (SessionStarted) event()       {}
func (EndMoved) event()             {}
func (Warned) event()               {}
func (HostsLeft) event()            {}
func (HostsBack) event()            {}
func (AloneSet) event()             {}
func (SideRoomOpened) event()       {}
func (SideRoomClosed) event()       {}
func (HelpSet) event()              {}
func (PolicySet) event()            {}
