package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"alcove/auth"
	"alcove/room"
)

// A policyConfig is one kind of rooms; loadPolicies makes a room.Policy of it.
type policyConfig struct {
	MaxParticipants int             `yaml:"max_participants"`
	MaxWaiting      int             `yaml:"max_waiting"`
	ScreenForAll    bool            `yaml:"screen_for_all"`
	ResumeWindow    duration        `yaml:"resume_window"`
	WaitingResume   duration        `yaml:"waiting_resume"`
	PasscodeHash    string          `yaml:"passcode_hash"`
	PasscodeFile    string          `yaml:"passcode_hash_file"`
	PasscodeForAll  bool            `yaml:"passcode_for_all"`
	Verify          bool            `yaml:"verify"`
	Agreement       []textConfig    `yaml:"agreement"`
	Login           loginConfig     `yaml:"login"`
	WaitingLimit    duration        `yaml:"waiting_limit"`
	IdleLimit       duration        `yaml:"idle_limit"`
	SessionLimit    duration        `yaml:"session_limit"`
	HostGrace       duration        `yaml:"host_grace"`
	Schedule        scheduleConfig  `yaml:"schedule"`
	Recording       recordingConfig `yaml:"recording"`
}

// A textConfig is one version of words that people agree to, in one language. They are the bytes of the file.
type textConfig struct {
	ID      string `yaml:"id"`
	Version string `yaml:"version"`
	Locale  string `yaml:"locale"`
	File    string `yaml:"file"`
	SHA256  string `yaml:"sha256"` // of the file, hex; empty: not compared
}

// A loginConfig says how sure the clinic must be of those who enter, lead, record.
type loginConfig struct {
	Entry     assuranceConfig `yaml:"entry"`
	Hosting   assuranceConfig `yaml:"hosting"`
	Recording assuranceConfig `yaml:"recording"`
}

type assuranceConfig struct {
	AMR    []string `yaml:"amr"`
	ACR    []string `yaml:"acr"`
	MaxAge duration `yaml:"max_age"`
}

func (a assuranceConfig) rule() room.Assurance {
	return room.Assurance{AMR: a.AMR, ACR: a.ACR, MaxAuthAge: time.Duration(a.MaxAge)}
}

// A scheduleConfig is for tokens that name no times of their own.
type scheduleConfig struct {
	NotBefore  instant  `yaml:"not_before"`
	NotAfter   instant  `yaml:"not_after"`
	EarlyEntry duration `yaml:"early_entry"`
}

type recordingConfig struct {
	Mode     string          `yaml:"mode"`
	Consents []consentConfig `yaml:"consents"`
}

type consentConfig struct {
	Scope   string       `yaml:"scope"`
	Purpose string       `yaml:"purpose"`
	Texts   []textConfig `yaml:"texts"`
}

const defaultPolicy = "default" // of tokens that name none

// recordingRules are the modes as they are written.
var recordingRules = map[string]room.RecordingRule{"none": room.NoRecording, "everyone": room.WithEveryone, "each": room.WithEach}

func defaultPolicyConfig() policyConfig {
	return policyConfig{
		MaxParticipants: 30, MaxWaiting: 60, ResumeWindow: duration(time.Minute), WaitingResume: duration(10 * time.Minute),
		WaitingLimit: duration(time.Hour), IdleLimit: duration(30 * time.Minute), HostGrace: duration(15 * time.Minute),
		Schedule: scheduleConfig{EarlyEntry: duration(15 * time.Minute)}, Recording: recordingConfig{Mode: "none"},
	}
}

// UnmarshalYAML starts every policy from the defaults. Unknown keys were refused before.
func (p *policyConfig) UnmarshalYAML(n *yaml.Node) error {
	type plain policyConfig
	v := plain(defaultPolicyConfig())
	if err := n.Decode(&v); err != nil {
		return err
	}
	*p = policyConfig(v)
	return nil
}

// completePolicies gives defaults to the policy "default" and to those of which nothing is said.
func completePolicies(c *config) {
	if c.Policies == nil {
		c.Policies = map[string]policyConfig{}
	}
	if _, there := c.Policies[defaultPolicy]; !there {
		c.Policies[defaultPolicy] = defaultPolicyConfig()
	}
	for name, p := range c.Policies {
		if reflect.ValueOf(p).IsZero() {
			c.Policies[name] = defaultPolicyConfig()
		}
	}
}

// A textList is a list of texts with its key in the configuration.
type textList struct {
	key   string
	texts []textConfig
}

// textLists gives what people agree to, and what they consent to, each with its key below that of the policy.
func (p policyConfig) textLists() []textList {
	lists := []textList{{"agreement", p.Agreement}}
	for i, f := range p.Recording.Consents {
		lists = append(lists, textList{item("recording.consents", i) + ".texts", f.Texts})
	}
	return lists
}

// textsFrom makes the names of all texts relative to a folder.
func textsFrom(policies map[string]policyConfig, folder string) {
	for _, p := range policies {
		for _, list := range p.textLists() {
			for i, t := range list.texts {
				if t.File != "" && !filepath.IsAbs(t.File) {
					list.texts[i].File = filepath.Join(folder, t.File)
				}
			}
		}
	}
}

// readPasscodes reads the hashes that have files of their own, so that no secret need stand in the configuration.
func readPasscodes(policies map[string]policyConfig, folder string, l *layout) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		p := policies[name]
		if p.PasscodeFile == "" {
			continue
		}
		if !filepath.IsAbs(p.PasscodeFile) {
			p.PasscodeFile = filepath.Join(folder, p.PasscodeFile)
		}
		hash, err := readSecret(p.PasscodeFile, func(data []byte) (auth.PasscodeHash, error) {
			return auth.ParsePasscodeHash(strings.TrimSpace(string(data)))
		})
		if err != nil {
			errs = append(errs, l.at("policies."+name+".passcode_hash_file", err))
			continue
		}
		p.PasscodeHash = hash.Reveal()
		policies[name] = p
	}
	return errors.Join(errs...)
}

// A textReader reads the file of a text.
type textReader func(name string) ([]byte, error)

func readText(name string) ([]byte, error) { return readLimited(name, maxTextFile) }

// loadPolicies makes the rules that rooms run under, with all texts as they are now; a changed text has another hash and is asked
// again. Errors name the line of the text that cannot be used, and then there are no rules at all.
func loadPolicies(c config, l *layout, read textReader) (map[string]room.Policy, error) {
	all := map[string]room.Policy{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		p := c.Policies[name]
		key := "policies." + name
		rule := p.rule(name)
		size := 0
		load := func(list textList) []room.Text {
			var texts []room.Text
			for i, t := range list.texts {
				text, err := loadText(t, read)
				if err != nil {
					errs = append(errs, l.at(key+"."+item(list.key, i)+".file", err))
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
		if size > maxTexts {
			errs = append(errs, l.at(key, fmt.Errorf("its texts have %d bytes together, and %d are sent at most: shorten them", size, maxTexts)))
		}
		all[name] = rule
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// rule is the policy without its texts.
func (p policyConfig) rule(name string) room.Policy {
	return room.Policy{
		Name: name, MaxParticipants: p.MaxParticipants, MaxWaiting: p.MaxWaiting, ScreenForAll: p.ScreenForAll,
		ResumeWindow: time.Duration(p.ResumeWindow), WaitingResume: time.Duration(p.WaitingResume), Verify: p.Verify, Passcode: p.PasscodeHash != "", PasscodeForAll: p.PasscodeForAll,
		Entry: p.Login.Entry.rule(), Hosting: p.Login.Hosting.rule(), RecordingBy: p.Login.Recording.rule(),
		Recording: recordingRules[p.Recording.Mode],
		NotBefore: time.Time(p.Schedule.NotBefore), NotAfter: time.Time(p.Schedule.NotAfter),
		EarlyEntry: time.Duration(p.Schedule.EarlyEntry), WaitingLimit: time.Duration(p.WaitingLimit),
		IdleLimit: time.Duration(p.IdleLimit), SessionLimit: time.Duration(p.SessionLimit), HostGrace: time.Duration(p.HostGrace),
	}
}

func loadText(t textConfig, read textReader) (room.Text, error) {
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

// passcodes are the hashes of the policies that have one.
func passcodes(c config) map[string]auth.PasscodeHash {
	all := map[string]auth.PasscodeHash{}
	for name, p := range c.Policies {
		if h, err := auth.ParsePasscodeHash(p.PasscodeHash); err == nil { // validate refused the others
			all[name] = h
		}
	}
	return all
}
