package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"alcove/auth"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room"
)

// A Policy configures one kind of room; LoadPolicies converts it to a room.Policy.
type Policy struct {
	MaxParticipants int             `yaml:"max_participants"`
	MaxWaiting      int             `yaml:"max_waiting"`
	ScreenForAll    bool            `yaml:"screen_for_all"`
	SuggestName     bool            `yaml:"suggest_first_name"`
	ResumeWindow    Duration        `yaml:"resume_window"`
	WaitingResume   Duration        `yaml:"waiting_resume"`
	PasscodeHash    string          `yaml:"passcode_hash"`
	PasscodeFile    string          `yaml:"passcode_hash_file"`
	PasscodeForAll  bool            `yaml:"passcode_for_all"`
	Verify          bool            `yaml:"verify"`
	Agreement       []Text          `yaml:"agreement"`
	Login           Login           `yaml:"login"`
	WaitingLimit    Duration        `yaml:"waiting_limit"`
	IdleLimit       Duration        `yaml:"idle_limit"`
	SessionLimit    Duration        `yaml:"session_limit"`
	HostGrace       Duration        `yaml:"host_grace"`
	Schedule        Schedule        `yaml:"schedule"`
	Recording       PolicyRecording `yaml:"recording"`
	E2EE            string          `yaml:"e2ee"`
	Chat            string          `yaml:"chat"`
	Files           string          `yaml:"files"`
	ClinicPapers    bool            `yaml:"clinic_papers"`
}

// A Text is one version of an agreement or consent text, in one language: the bytes of its file.
type Text struct {
	ID      string `yaml:"id"`
	Version string `yaml:"version"`
	Locale  string `yaml:"locale"`
	File    string `yaml:"file"`
	SHA256  string `yaml:"sha256"` // of the file, hex; empty: not compared
}

// A Login configures how strong a login must be to enter, to host and to record.
type Login struct {
	Entry     Assurance `yaml:"entry"`
	Hosting   Assurance `yaml:"hosting"`
	Recording Assurance `yaml:"recording"`
}

// An Assurance is the required strength of a login; see room.Assurance.
type Assurance struct {
	AMR    []string `yaml:"amr"`
	ACR    []string `yaml:"acr"`
	MaxAge Duration `yaml:"max_age"`
}

func (a Assurance) roomAssurance() room.Assurance {
	return room.Assurance{AMR: a.AMR, ACR: a.ACR, MaxAuthAge: time.Duration(a.MaxAge)}
}

// A Schedule applies to tokens without times of their own.
type Schedule struct {
	NotBefore  Instant  `yaml:"not_before"`
	NotAfter   Instant  `yaml:"not_after"`
	EarlyEntry Duration `yaml:"early_entry"`
}

// A PolicyRecording configures whether rooms may be recorded, and with whose consent.
type PolicyRecording struct {
	Mode     string    `yaml:"mode"`
	Consents []Consent `yaml:"consents"`
}

// A Consent is the request for consent to one scope.
type Consent struct {
	Scope   string `yaml:"scope"`
	Purpose string `yaml:"purpose"`
	Texts   []Text `yaml:"texts"`
}

// DefaultPolicyName is the policy of tokens that name none.
const DefaultPolicyName = "default"

// recordingRules are the modes as they are written.
var recordingRules = map[string]room.RecordingRule{"none": room.NoRecording, "everyone": room.WithEveryone, "each": room.WithEach}

// e2eeModes are the modes of end-to-end encryption as they are written.
var e2eeModes = map[string]room.E2EEMode{room.E2EEOff.String(): room.E2EEOff, room.E2EERequired.String(): room.E2EERequired}

// DefaultPolicy returns the defaults of every policy.
func DefaultPolicy() Policy {
	return Policy{
		MaxParticipants: 30, MaxWaiting: 60, ResumeWindow: Duration(time.Minute), WaitingResume: Duration(10 * time.Minute),
		WaitingLimit: Duration(time.Hour), IdleLimit: Duration(30 * time.Minute), HostGrace: Duration(15 * time.Minute),
		Schedule: Schedule{EarlyEntry: Duration(15 * time.Minute)}, Recording: PolicyRecording{Mode: "none"},
		E2EE: room.E2EEOff.String(), Chat: "hosts", Files: "hosts",
	}
}

// Encrypted reports whether audio and video are encrypted end to end.
func (p Policy) Encrypted() bool { return e2eeModes[p.E2EE] == room.E2EERequired }

// A textList is a list of texts with its key in the configuration.
type textList struct {
	key   string
	texts []Text
}

// textLists returns the agreement and the consent texts, each with its key below that of the policy.
func (p Policy) textLists() []textList {
	lists := []textList{{"agreement", p.Agreement}}
	for i, f := range p.Recording.Consents {
		lists = append(lists, textList{indexed("recording.consents", i) + ".texts", f.Texts})
	}
	return lists
}

// resolveTexts makes the file names of all texts relative to a folder.
func resolveTexts(policies map[string]Policy, folder string) {
	for _, p := range policies {
		for _, list := range p.textLists() {
			for i, t := range list.texts {
				list.texts[i].File = inFolder(folder, t.File)
			}
		}
	}
}

// readPasscodes reads the hashes that are in files of their own, so that the configuration need not contain secrets.
func readPasscodes(policies map[string]Policy, folder string, l *SourceMap) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		p := policies[name]
		if p.PasscodeFile == "" {
			continue
		}
		p.PasscodeFile = inFolder(folder, p.PasscodeFile)
		hash, err := keyfile.ReadSecret(p.PasscodeFile, func(data []byte) (auth.PasscodeHash, error) {
			return auth.ParsePasscodeHash(strings.TrimSpace(string(data)))
		})
		if err != nil {
			errs = append(errs, l.At("policies."+name+".passcode_hash_file", err))
			continue
		}
		p.PasscodeHash = hash.Reveal()
		policies[name] = p
	}
	return errors.Join(errs...)
}

// A textReader reads the file of a text.
type textReader func(name string) ([]byte, error)

func readText(name string) ([]byte, error) { return keyfile.ReadLimited(name, maxTextFile) }

// LoadPolicies builds the policies of rooms, with the current texts; a changed text has another hash and has to be accepted again. Errors
// name the line of the text that cannot be used; on any error there are no policies.
func LoadPolicies(c Config, l *SourceMap, read textReader) (map[string]room.Policy, error) {
	all := map[string]room.Policy{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		p := c.Policies[name]
		key := "policies." + name
		rule := p.roomPolicy(name, c.Files.Dir != "")
		size := 0
		load := func(list textList) []room.Text {
			var texts []room.Text
			for i, t := range list.texts {
				text, err := loadText(t, read)
				if err != nil {
					errs = append(errs, l.At(key+"."+indexed(list.key, i)+".file", err))
				}
				size += len(text.Text)
				texts = append(texts, text)
			}
			return texts
		}
		lists := p.textLists()
		rule.Agreement = load(lists[0])
		for i, f := range p.Recording.Consents {
			rule.Consents = append(rule.Consents, room.ConsentForm{Scope: room.Scope(f.Scope), Purpose: f.Purpose, Texts: load(lists[i+1])})
		}
		if err := c.Recording.sealConsents(&rule); err != nil {
			errs = append(errs, l.At("recording.recipients_file", err))
		}
		if size > maxTexts {
			errs = append(errs, l.At(key, fmt.Errorf("its texts have %d bytes together, and %d are sent at most: shorten them", size, maxTexts)))
		}
		all[name] = rule
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// roomPolicy is the policy without its texts.
func (p Policy) roomPolicy(name string, filesKept bool) room.Policy {
	rule := room.Policy{
		Name: name, MaxParticipants: p.MaxParticipants, MaxWaiting: p.MaxWaiting, ScreenForAll: p.ScreenForAll,
		ResumeWindow: time.Duration(p.ResumeWindow), WaitingResume: time.Duration(p.WaitingResume), Verify: p.Verify, Passcode: p.PasscodeHash != "", PasscodeForAll: p.PasscodeForAll,
		Entry: p.Login.Entry.roomAssurance(), Hosting: p.Login.Hosting.roomAssurance(), RecordingBy: p.Login.Recording.roomAssurance(),
		Recording: recordingRules[p.Recording.Mode],
		NotBefore: time.Time(p.Schedule.NotBefore), NotAfter: time.Time(p.Schedule.NotAfter),
		EarlyEntry: time.Duration(p.Schedule.EarlyEntry), WaitingLimit: time.Duration(p.WaitingLimit),
		IdleLimit: time.Duration(p.IdleLimit), SessionLimit: time.Duration(p.SessionLimit), HostGrace: time.Duration(p.HostGrace),
	}
	rule.E2EE = e2eeModes[p.E2EE]
	p.setMessages(&rule, filesKept)
	return rule
}

func loadText(t Text, read textReader) (room.Text, error) {
	data, err := read(t.File)
	if err != nil {
		return room.Text{}, err
	}
	text := room.NewText(t.ID, t.Version, t.Locale, string(data))
	switch {
	case strings.TrimSpace(text.Text) == "":
		return room.Text{}, fmt.Errorf("%s is empty", t.File)
	case !utf8.Valid(data) || strings.ContainsFunc(text.Text, unprintable):
		return room.Text{}, fmt.Errorf("%s is no plain text in UTF-8", t.File)
	case t.SHA256 != "" && t.SHA256 != text.Hash:
		return room.Text{}, fmt.Errorf("%s has the SHA-256 %s, and sha256 names another: give what was changed a new version, and its hash", t.File, text.Hash)
	}
	return text, nil
}

func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// PasscodeHashes are the hashes of the policies that have one.
func PasscodeHashes(c Config) map[string]auth.PasscodeHash {
	all := map[string]auth.PasscodeHash{}
	for name, p := range c.Policies {
		if h, err := auth.ParsePasscodeHash(p.PasscodeHash); err == nil { // validate refused the others
			all[name] = h
		}
	}
	return all
}

// SuggestingPolicies names the policies under which the page suggests the first name.
func SuggestingPolicies(c Config) []string {
	names := []string{}
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		if c.Policies[name].SuggestName {
			names = append(names, name)
		}
	}
	return names
}

// DisableRecording turns recording off in all policies, for a daemon without a recorder.
func DisableRecording(policies map[string]room.Policy) {
	for name, p := range policies {
		p.Recording = room.NoRecording
		policies[name] = p
	}
}
