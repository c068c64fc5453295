package room

import (
	"time"

	"alcove/auth"
)

// An Event is one change of the State. Apply checks no rules: Decide has checked them.
type Event interface{ event() }

type (
	// SeatTaken adds Seat, waiting or admitted.
	SeatTaken struct{ Seat Participant }
	// SeatAdmitted: a waiting participant was admitted to the group.
	SeatAdmitted struct {
		ID ParticipantID
		At time.Time
	}
	// SeatSentBack: an admitted participant waits again, without publications, given permissions and raised hand.
	SeatSentBack struct {
		ID ParticipantID
		At time.Time
	}
	// SeatEnded: the seat ended. Reason is a reason of participant.left or access.changed.
	SeatEnded struct {
		ID     ParticipantID
		Access Access
		Reason string
	}
	// SeatDropped: the connection was lost; the seat can be resumed.
	SeatDropped struct {
		ID ParticipantID
		At time.Time
	}
	// SeatResumed: a new connection took over the seat; Old is valid until Secret is confirmed.
	SeatResumed struct {
		ID          ParticipantID
		Secret, Old auth.SecretHash
	}
	// SecretConfirmed: the previous secret is invalid.
	SecretConfirmed struct{ ID ParticipantID }
	// PersonBarred: this person can take no seat until the bar is removed.
	PersonBarred struct{ Bar Bar }
	// PersonUnbarred: the bar of the removed seat ID was removed.
	PersonUnbarred struct{ ID ParticipantID }
	// RevokeUndone: the bar of a revocation was removed.
	RevokeUndone struct{ Person PersonID }
	// LockSet: the room is locked or open.
	LockSet struct{ Locked bool }
	// SessionEnded is the last event of a session.
	SessionEnded struct{ Reason string }
	// SourcesPublished: PeerConnection Generation of ID carries exactly Publications.
	SourcesPublished struct {
		ID           ParticipantID
		Generation   uint32
		Publications []Publication
		LastCSRC     uint32
	}
	// MutedSet: a source of ID was muted or unmuted.
	MutedSet struct {
		ID     ParticipantID
		Source Source
		Muted  bool
	}
	// OverridesSet: the permissions of ID that differ from those of the role.
	OverridesSet struct {
		ID        ParticipantID
		Overrides Overrides
	}
	// SourceWithheld: a source of Person, in the seat ID, exceeded its rate for the first time and was withheld.
	SourceWithheld struct {
		ID     ParticipantID
		Person PersonID
	}
	// MediaStateSet: a media connection of ID got keys, or failed.
	MediaStateSet struct {
		ID    ParticipantID
		Media MediaState
	}
	// NameSet: ID has another display name.
	NameSet struct {
		ID          ParticipantID
		DisplayName string
	}
	// RoleSet: ID has another role.
	RoleSet struct {
		ID   ParticipantID
		Role auth.Role
	}
	// HandSet: the hand of ID was raised at At, or lowered.
	HandSet struct {
		ID     ParticipantID
		Raised bool
		At     time.Time
	}

	// TextAcknowledged: Person acknowledged a text. ID is the seat, "" if acknowledged in an earlier session.
	TextAcknowledged struct {
		ID     ParticipantID
		Person PersonID
		Hash   string
	}
	// PasscodePassed: ID entered the passcode.
	PasscodePassed struct{ ID ParticipantID }
	// VerifiedSet: a host verified the identity of ID, or withdrew that.
	VerifiedSet struct {
		ID       ParticipantID
		Verified bool
	}
	// ConsentAsked: a host asks for consent to record Scopes; with none the recording ends.
	ConsentAsked struct{ Scopes []Scope }
	// RecordingBegan: the policy's consent rule is met and the first record is on disk.
	RecordingBegan struct{}
	// RecordingInterrupted: consent is missing again.
	RecordingInterrupted struct{}
	// RecordingFailed: the recorder stopped because of Fault. Nothing is recorded until a host asks again.
	RecordingFailed struct{ Fault Fault }
	// ConsentGiven: a participant answered a request for consent, or withdrew consent.
	ConsentGiven struct {
		ID      ParticipantID
		Consent Consent
	}

	// ScheduleSet: the first token, or the policy, fixed the schedule.
	ScheduleSet struct{ NotBefore, NotAfter time.Time }
	// SessionStarted: the first participant was admitted. EndsAt is the absolute limit, zero if none; Mark is as in Warned.
	SessionStarted struct {
		At, EndsAt time.Time
		Mark       int
	}
	// EndMoved: a host extended the session.
	EndMoved struct {
		At   time.Time
		Mark int
	}
	// Warned: everyone was warned of the end. Mark is in minutes before it; no mark of this size or above is announced again.
	Warned struct{ Mark int }
	// HostsLeft: since At no host is with the group. Locked reports whether that locked the room; Aside, that a host is in a side room.
	HostsLeft struct {
		At            time.Time
		Locked, Aside bool
	}
	// AbsenceLimited: the last host, who leaves, limits how long the group may go on alone.
	AbsenceLimited struct{ Limit time.Duration }
	// HostsBack: a host returned. Unlocked reports whether that unlocked the room.
	HostsBack struct{ Unlocked bool }
	// AloneSet: fewer than two participants are admitted since At; zero: two or more are.
	AloneSet struct{ At time.Time }
	// SideRoomOpened: a host and a participant are apart from the group, which reads Message.
	SideRoomOpened struct {
		Room    SideRoom
		Message string
	}
	// SideRoomClosed: both returned to the group, or one of them left it.
	SideRoomClosed struct{ Room SideRoom }
	// HelpSet: ID asked for help, or a host answered, or ID took it back (Withdrawn).
	HelpSet struct {
		ID                ParticipantID
		Raised, Withdrawn bool
	}
	// KeyPackageSet: ID has another key package.
	KeyPackageSet struct {
		ID         ParticipantID
		KeyPackage KeyPackage
	}
	// GroupAdvanced: a group was made or changed. SideRoom is zero unless the group is that of a side room. Reserved is zero unless this
	// event reserves numbers; it is written before the entry is sent then.
	GroupAdvanced struct {
		Entry    GroupEntry
		SideRoom SideRoom
		Reserved uint64
	}
	// KeysReleaseBegan: ID gave the clinic the key to recordings of Scope.
	KeysReleaseBegan struct {
		ID    ParticipantID
		Scope Scope
	}
	// KeysReleaseEnded: the recorder forgets the keys of ID, who has no media any more.
	KeysReleaseEnded struct{ ID ParticipantID }
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
func (NameSet) event()              {}
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
func (AbsenceLimited) event()       {}
func (HostsBack) event()            {}
func (AloneSet) event()             {}
func (SideRoomOpened) event()       {}
func (SideRoomClosed) event()       {}
func (HelpSet) event()              {}
func (PolicySet) event()            {}
func (KeyPackageSet) event()        {}
func (GroupAdvanced) event()        {}
func (KeysReleaseBegan) event()     {}
func (KeysReleaseEnded) event()     {}
