package room

import "time"

// An Entry is one line of the audit log: what was done, by which seat, to which seat, never who that is or what was said.
// The schema is stable: fields are added, never changed.
type Entry struct {
	At      time.Time     `json:"at"`
	Session string        `json:"session"` // random key of one session of a room
	Act     string        `json:"act"`     // a name of the closed list in entry.go
	By      ParticipantID `json:"by,omitempty"`
	Subject ParticipantID `json:"subject,omitempty"`
	Person  PersonID      `json:"person,omitempty"` // of the subject: HMAC under the deployment's key
	Detail  string        `json:"detail,omitempty"` // a code, a role, a hash of a text: from closed lists, never free text
}

// A ConsentRecord is one answer of one person, kept for as long as the clinic needs to show it (CAPABILITIES row 10).
type ConsentRecord struct {
	At       time.Time `json:"at"`
	Session  string    `json:"session"`
	Person   PersonID  `json:"person"`
	Kind     string    `json:"kind"` // agreement, or a consent's scope: recording.audio, recording.video
	Purpose  string    `json:"purpose,omitempty"`
	TextID   string    `json:"textId,omitempty"`
	Version  string    `json:"version,omitempty"`
	TextHash string    `json:"textHash"` // SHA-256 of the text that was shown, hex
	Locale   string    `json:"locale,omitempty"`
	Decision string    `json:"decision"` // acknowledged, granted, refused, withdrawn
}

// The closed list of acts. Detail is what stands behind each, if anything.
const (
	ActWaiting         = "seat.waiting"   // the role
	ActAdmitted        = "seat.admitted"  // the role
	ActSentBack        = "seat.sent_back" //
	ActEnded           = "seat.ended"     // the reason, as participant.left names it
	ActDropped         = "seat.dropped"
	ActResumed         = "seat.resumed"
	ActBarred          = "person.barred"    // "revoked" if the clinic did it
	ActUnbarred        = "person.lifted"    //
	ActPasscode        = "passcode.entered" // the right one
	ActVerified        = "identity.verified"
	ActUnverified      = "identity.withdrawn"
	ActPermissionGiven = "permission.given" // the source
	ActPermissionTaken = "permission.taken" // the source
	ActRole            = "role.set"         // the role
	ActAcknowledged    = "agreement.acknowledged"
	ActAsked           = "recording.asked" // the scopes
	ActRecordBegan     = "recording.began" // its first record is on the disk; again after consent was missing
	ActRecordStopped   = "recording.stopped"
	ActRecordFailed    = "recording.failed"        // why: a Fault
	ActTrackBegan      = "recording.track_began"   // its id, and that of the key that erases it, joined by /
	ActTrackEnded      = "recording.track_ended"   // the same, segments, records, and the tag of the last record, which stands for all
	ActTrackBroke      = "recording.track_broke"   // the same of one without an end: so much at least is on the disk
	ActTrackFound      = "recording.track_found"   // the same of one that was found after a crash
	ActTrackExpired    = "recording.track_expired" // its id: its class expired, and it is removed
	ActErased          = "recording.erased"        // all recordings of the person, by an operator: the id of the receipt
	ActGranted         = "consent.granted"         // the scope and the hash of the text
	ActRefused         = "consent.refused"         // the same
	ActWithdrawn       = "consent.withdrawn"       // the same
	ActLocked          = "room.locked"             // "absence" if nobody did it
	ActUnlocked        = "room.unlocked"           // "absence" if a host's return did it
	ActStarted         = "session.started"
	ActExtended        = "session.extended" // the new end, RFC 3339
	ActSessionEnded    = "session.ended"    // the reason, as room.ended names it
	ActHostsAbsent     = "hosts.absent"
	ActHostsBack       = "hosts.back"
	ActSideRoom        = "sideroom.opened"
	ActSideRoomClosed  = "sideroom.closed"
	ActHelp            = "help.called"
	ActHelpAnswered    = "help.answered"
	ActPolicy          = "policy.changed"
	ActTokenRefused    = "token.refused" // why: an auth.Reason. Of this and the next three the first few of a minute, then MoreRefused
	ActLoginFailed     = "login.failed"  // what: passcode_wrong, mfa_required, the request, or admin and why
	ActEntryRefused    = "entry.refused" // a person with a good token: the code
	ActRefusedAct      = "act.refused"   // of one who has a seat: the request and the code
	ActUndone          = "act.undone"    // a written act that was refused after all: the act. Nothing came of it
	ActGap             = "entries.lost"  // how many: more acts than memory holds while nothing could be written
)

// MoreRefused begins the detail of an entry that stands for many: how many more were refused within the minute.
const MoreRefused = "more="
