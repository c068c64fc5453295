package room

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// A Policy is what the configuration says of a kind of room. Zero values ask for nothing and limit nothing, but for the two
// sizes and the ResumeWindow.
type Policy struct {
	Name            string
	MaxParticipants int // admitted at the same time
	MaxWaiting      int
	ScreenForAll    bool          // participants may share a screen without a grant
	ResumeWindow    time.Duration // how long a dropped connection keeps its seat
	WaitingResume   time.Duration // the same of one who waits, whose phone may lock meanwhile; 0: ResumeWindow

	// What stands before admission. Hosts lead by their contract: Agreement, Verify and Passcode are not asked of them.
	Agreement      []Text // acknowledged before admission: of each ID one, in any locale
	Verify         bool   // a host marks everyone as verified before admission
	Passcode       bool   // the room's passcode is entered before admission
	PasscodeForAll bool   // by hosts too

	// How sure the clinic must be who somebody is: of everyone who enters, of those who lead, of those who record.
	Entry, Hosting, RecordingBy Assurance

	Recording RecordingRule
	Consents  []ConsentForm // what is asked before anything is recorded, one a scope

	// Time. The schedule of a token replaces that of the policy.
	NotBefore, NotAfter time.Time
	EarlyEntry          time.Duration // how long before NotBefore one may wait
	WaitingLimit        time.Duration // how long one may wait
	IdleLimit           time.Duration // how long a session goes on with fewer than two people in it
	SessionLimit        time.Duration // how long a session lasts from the first admission, unless a host extends it
	HostGrace           time.Duration // how long a group may stay when the last host has left
}

// WaitingWindow is how long a dropped connection keeps its place in the waiting room.
func (p Policy) WaitingWindow() time.Duration { return cmp.Or(p.WaitingResume, p.ResumeWindow) }

// A Text is one version of words that people agree to, in one language. Two texts with one ID say the same: to acknowledge
// one of them is enough.
type Text struct {
	ID, Version, Locale string // Locale as BCP 47 names it
	Text                string
	Hash                string // SHA-256 of Text, hex: what is acknowledged is this
}

// NewText makes a text and its hash.
func NewText(id, version, locale, text string) Text {
	sum := sha256.Sum256([]byte(text))
	return Text{ID: id, Version: version, Locale: locale, Text: text, Hash: hex.EncodeToString(sum[:])}
}

// A Scope is what a consent allows.
type Scope string

// The closed list of scopes.
const (
	RecordingAudio Scope = "recording.audio" // microphones
	RecordingVideo Scope = "recording.video" // cameras and screens
)

// A RecordingRule says whose consent a recording needs. The zero value records nothing.
type RecordingRule string

// The closed list of rules.
const (
	NoRecording  RecordingRule = ""
	WithEveryone RecordingRule = "everyone" // nothing is recorded unless all who are admitted consent
	WithEach     RecordingRule = "each"     // whoever consents is recorded, the others are not
)

// A ConsentForm is what is asked for one scope.
type ConsentForm struct {
	Scope   Scope
	Purpose string // a word of the clinic's, as "supervision"
	Texts   []Text // the same in several languages
}

// An Assurance is what a token must say of how a person logged in. The zero value demands nothing.
type Assurance struct {
	AMR        []string      // one of these methods (RFC 8176)
	ACR        []string      // one of these classes (OpenID Connect Core, section 2): those good enough, for they have no order
	MaxAuthAge time.Duration // how long ago at most; 0: any time
}

// A Login is what the token said of it.
type Login struct {
	AMR []string
	ACR string
	At  time.Time // zero if unsaid
}
