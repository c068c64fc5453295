package room

// A Code is the stable name of a refusal; signaling/PROTOCOL.md, section 8, lists them.
type Code string

// The codes of this package.
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

	// Requirements that are not met.
	PasscodeWrong        Code = "passcode_wrong" // or not entered yet
	AgreementRequired    Code = "agreement_required"
	VerificationRequired Code = "verification_required"
	MFARequired          Code = "mfa_required"

	ConsentRequired      Code = "consent_required"      // the text has changed
	RecordingUnavailable Code = "recording_unavailable" // the policy does not allow it

	NeedsE2EE Code = "e2ee_required" // the client does not speak end-to-end encryption
	E2EEStale Code = "e2ee_stale"    // the group is at another number
	E2EEGone  Code = "e2ee_gone"     // the entries are not all kept

	FileTooLarge   Code = "file_too_large"
	FileQuota      Code = "file_quota"      // of the person or of the session
	StorageFull    Code = "storage_full"    // of the daemon or of its disk
	OffsetMismatch Code = "offset_mismatch" // the upload is at another offset

	Unavailable Code = "unavailable"
	Draining    Code = "draining"
	Internal    Code = "internal"
)

// An Error refuses a command. Detail is for developers and contains no personal data.
type Error struct {
	Code   Code
	Detail string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }
