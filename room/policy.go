package room

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// A Policy is the configuration of a kind of room. Zero values require and limit nothing, except MaxParticipants, MaxWaiting and
// ResumeWindow.
type Policy struct {
	Name            string
	MaxParticipants int // admitted at the same time
	MaxWaiting      int
	ScreenForAll    bool          // participants may share a screen without a grant
	ResumeWindow    time.Duration // how long a dropped connection keeps its seat
	WaitingResume   time.Duration // the same in the waiting room, where phones lock themselves; 0: ResumeWindow

	E2EE         E2EEMode // fixed for a session: a change of the configuration applies to later sessions
	Chat         Reach    // who may write to whom: enforced by the pages, because messages are end-to-end encrypted
	Files        Reach    // who may send files to whom
	ClinicPapers bool     // everyone may seal an emergency card or a journal to the clinic

	// Requirements before admission. Hosts are bound by contract, so Agreement, Verify and Passcode are not required of them.
	Agreement      []Text // one text of each ID has to be acknowledged, in any locale
	Verify         bool   // a host has to mark the participant as verified
	Passcode       bool   // the room's passcode has to be entered
	PasscodeForAll bool   // hosts have to enter it too

	// Required logins: to enter, to be host or cohost, to record.
	Entry, Hosting, RecordingBy Assurance

	Recording RecordingRule
	Consents  []ConsentForm // one per scope that may be recorded

	// Time. The schedule of a token replaces that of the policy.
	NotBefore, NotAfter time.Time
	EarlyEntry          time.Duration // how long before NotBefore the waiting room opens
	WaitingLimit        time.Duration // the longest wait
	IdleLimit           time.Duration // how long a session continues with fewer than two participants
	SessionLimit        time.Duration // length of a session from the first admission, unless a host extends it
	HostGrace           time.Duration // how long a group may stay after the last host left
}

// WaitingWindow is how long a dropped connection keeps its place in the waiting room.
func (p Policy) WaitingWindow() time.Duration { return cmp.Or(p.WaitingResume, p.ResumeWindow) }

// A Text is one version of an agreement or consent text, in one language. Texts with the same ID are translations of each other:
// acknowledging one of them is enough.
type Text struct {
	ID, Version, Locale string // Locale as BCP 47 names it
	Text                string
	Hash                string // SHA-256 of Text in hex; acknowledgements and answers name it
}

// NewText makes a text and its hash.
func NewText(id, version, locale, text string) Text {
	sum := sha256.Sum256([]byte(text))
	return Text{ID: id, Version: version, Locale: locale, Text: text, Hash: hex.EncodeToString(sum[:])}
}

// For returns the text for sessions in which participants release keys to recipients: its hash covers them, too. It is the SHA-256 of the text
// and, for each recipient, a newline and the recipient's SHA-256 in hex.
func (t Text) For(recipients []string) Text {
	hash := sha256.New()
	hash.Write([]byte(t.Text))
	for _, r := range recipients {
		sum := sha256.Sum256([]byte(r))
		hash.Write([]byte("\n" + hex.EncodeToString(sum[:])))
	}
	t.Hash = hex.EncodeToString(hash.Sum(nil))
	return t
}

// A Scope is a kind of recording that consent allows.
type Scope string

// The closed list of scopes.
const (
	RecordingAudio Scope = "recording.audio" // microphones
	RecordingVideo Scope = "recording.video" // cameras and screens
)

// A RecordingRule states whose consent a recording needs. The zero value records nothing.
type RecordingRule string

// The closed list of rules.
const (
	NoRecording  RecordingRule = ""
	WithEveryone RecordingRule = "everyone" // nothing is recorded unless all admitted participants consent
	WithEach     RecordingRule = "each"     // participants who consent are recorded, the others are not
)

// A ConsentForm is the request for consent to one scope.
type ConsentForm struct {
	Scope   Scope
	Purpose string // chosen by the clinic, such as "supervision"
	Texts   []Text // one per language

	// Recipients are the public keys that participants of an encrypted session release their keys to. Text.For made the hashes of Texts.
	Recipients []string
}

// An Assurance is the required strength of a login, as the token states it. The zero value requires nothing.
type Assurance struct {
	AMR        []string      // any of these methods (RFC 8176)
	ACR        []string      // any of these classes (OpenID Connect Core, section 2); classes have no order, so all accepted ones are listed
	MaxAuthAge time.Duration // maximum age; 0: any
}

// A Login is how the person logged in, as the token states it.
type Login struct {
	AMR []string
	ACR string
	At  time.Time // zero if the token does not state it
}
