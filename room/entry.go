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
	TextHash string    `json:"textHash"` // SHA-256 of the text that was shown, hex
	Locale   string    `json:"locale,omitempty"`
	Decision string    `json:"decision"` // acknowledged, granted, refused, withdrawn
}
