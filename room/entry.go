package room

import "time"

// An Entry is one line of the audit log: the act, the acting seat and the affected seat. It holds no names and no content.
// The schema is stable: fields may be added but never changed.
type Entry struct {
	At      time.Time     `json:"at"`
	Session string        `json:"session"` // random key of one session of a room
	Act     string        `json:"act"`     // a name of the closed list in entry.go
	By      ParticipantID `json:"by,omitempty"`
	Subject ParticipantID `json:"subject,omitempty"`
	Person  PersonID      `json:"person,omitempty"` // of the subject; the log keeps an HMAC under the deployment's key
	Detail  string        `json:"detail,omitempty"` // a code, a role or the hash of a text; never free text
}

// A ConsentRecord is one answer of one person, kept for as long as the clinic has to prove it.
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

// The closed list of acts. The comment of an act says what Detail holds, if anything.
const (
	ActWaiting         = "seat.waiting"   // the role
	ActAdmitted        = "seat.admitted"  // the role
	ActSentBack        = "seat.sent_back" //
	ActEnded           = "seat.ended"     // the reason, as participant.left names it
	ActDropped         = "seat.dropped"
	ActResumed         = "seat.resumed"
	ActBarred          = "person.barred" // "revoked" if the clinic did it
	ActUnbarred        = "person.lifted" //
	ActPasscode        = "passcode.entered"
	ActVerified        = "identity.verified"
	ActUnverified      = "identity.withdrawn"
	ActPermissionGiven = "permission.given" // the source
	ActPermissionTaken = "permission.taken" // the source
	ActRole            = "role.set"         // the role
	ActAcknowledged    = "agreement.acknowledged"
	ActAsked           = "recording.asked" // the scopes
	ActRecordBegan     = "recording.began" // the first record is on disk; again after each interruption
	ActRecordStopped   = "recording.stopped"
	ActRecordFailed    = "recording.failed"        // a Fault
	ActTrackBegan      = "recording.track_began"   // track id "/" id of its erasure key
	ActTrackEnded      = "recording.track_ended"   // the same, segments, records, and the tag of the last record, which authenticates all
	ActTrackBroke      = "recording.track_broke"   // the same for a track without an end record: at least this much is on disk
	ActTrackFound      = "recording.track_found"   // the same for a track found after a crash
	ActTrackExpired    = "recording.track_expired" // track id; removed because its retention class expired
	ActErased          = "recording.erased"        // id of the receipt; an operator erased all recordings and session files of the person
	ActGranted         = "consent.granted"         // the scope and the hash of the text
	ActRefused         = "consent.refused"         // the same
	ActWithdrawn       = "consent.withdrawn"       // the same
	ActKeysReleased    = "e2ee.released"           // the scope: the participant gave the clinic keys to recordings
	ActGroup           = "e2ee.group"              // "main" or "side_room", and the number: a host made a group
	ActLocked          = "room.locked"             // "absence" if the last host left
	ActUnlocked        = "room.unlocked"           // "absence" if a host returned
	ActStarted         = "session.started"         // "e2ee_required" if its media is encrypted end to end
	ActExtended        = "session.extended"        // the new end, RFC 3339
	ActSessionEnded    = "session.ended"           // the reason, as room.ended names it
	ActHostsAbsent     = "hosts.absent"            // no host is with the group
	ActHostsLimited    = "hosts.limited"           // how long the group may go on alone, as the last host said
	ActHostsBack       = "hosts.back"
	ActSideRoom        = "sideroom.opened"
	ActSideRoomClosed  = "sideroom.closed"
	ActHelp            = "help.called"
	ActHelpAnswered    = "help.answered"
	ActHelpWithdrawn   = "help.withdrawn" // the caller took it back
	ActRenamed         = "name.changed"   // never a name
	ActPolicy          = "policy.changed"
	ActTokenRefused    = "token.refused" // an auth.Reason. This and the next three are limited: the first few of a minute, then MoreRefused
	ActLoginFailed     = "login.failed"  // passcode_wrong, mfa_required, the request, or "admin" and the reason
	ActEntryRefused    = "entry.refused" // the code; the token was valid
	ActRefusedAct      = "act.refused"   // the request and the code; the participant has a seat
	ActUndone          = "act.undone"    // the act: it was written, then refused, and had no effect
	ActGap             = "entries.lost"  // number of acts dropped because the buffer was full while nothing could be written
)

// MoreRefused starts the detail of an entry that counts further refusals within the minute.
const MoreRefused = "more="

// detailE2EE is the detail of ActStarted.
const detailE2EE = string(NeedsE2EE)
