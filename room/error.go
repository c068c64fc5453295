package room

// A Code is a stable name of a refusal; signaling/PROTOCOL.md, section 8, explains each.
type Code string

// The codes that policy gives.
const (
	PolicyMismatch  Code = "policy_mismatch"
	RoomEnded       Code = "room_ended"
	RoomFull        Code = "room_full"
	RoomLocked      Code = "room_locked"
	RoomNotStarted  Code = "room_not_started"
	BarredPerson    Code = "barred"
	NotAdmitted     Code = "not_admitted"
	Forbidden       Code = "forbidden"
	TargetNotFound  Code = "target_not_found"
	InvalidState    Code = "invalid_state"
	BadRequest      Code = "bad_request"
	StaleGeneration Code = "stale_generation"
	ResumeExpired   Code = "resume_expired"

	// What still stands between a person and the group.
	PasscodeWrong        Code = "passcode_wrong" // not entered yet, too
	AgreementRequired    Code = "agreement_required"
	VerificationRequired Code = "verification_required"
	MFARequired          Code = "mfa_required"

	ConsentRequired      Code = "consent_required"      // the text is another now
	RecordingUnavailable Code = "recording_unavailable" // the policy has none

	Unavailable Code = "unavailable"
	Draining    Code = "draining"
	Internal    Code = "internal"
)

// An Error refuses a command. Detail is for developers and holds nothing personal.
type Error struct {
	Code   Code
	Detail string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }
