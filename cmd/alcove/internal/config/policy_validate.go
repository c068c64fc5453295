package config

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"alcove/auth"
	"alcove/room"
)

func (l *SourceMap) validatePolicy(c *Config, key, name string, p Policy) {
	if !auth.ValidPolicyName(name) {
		l.fail(key, "a policy is named by 1 to %d characters of a-z, 0-9, - and _", auth.MaxPolicy)
	}
	if _, known := e2eeModes[p.E2EE]; !known {
		l.fail(key+".e2ee", "%q is no mode: use required (only the people in a room can open its audio and video) or off (this host can, too)", p.E2EE)
	}
	l.intRange(key+".max_participants", p.MaxParticipants, minParticipants, maxParticipants)
	l.intRange(key+".max_waiting", p.MaxWaiting, minWaiting, maxWaiting)
	if p.PasscodeHash != "" {
		if _, err := auth.ParsePasscodeHash(p.PasscodeHash); err != nil {
			l.fail(key+".passcode_hash", "%v", err)
		}
	} else if p.PasscodeForAll && p.PasscodeFile == "" {
		l.fail(key+".passcode_for_all", "there is no passcode: set passcode_hash")
	}
	if p.PasscodeHash != "" && p.PasscodeFile != "" {
		l.fail(key+".passcode_hash_file", "passcode_hash is set too: choose one")
	}
	if d := time.Duration(p.ResumeWindow); d < minResumeWindow || d > maxResumeWindow {
		l.fail(key+".resume_window", "%s is out of range: use %s to %s", d, minResumeWindow, maxResumeWindow)
	}
	if d := time.Duration(p.WaitingResume); d < minResumeWindow || d > maxWaitingResume {
		l.fail(key+".waiting_resume", "%s is out of range: use %s to %s", d, minResumeWindow, maxWaitingResume)
	}
	l.validateTimes(key, p)
	l.validateLogin(key+".login.entry", p.Login.Entry)
	l.validateLogin(key+".login.hosting", p.Login.Hosting)
	l.validateLogin(key+".login.recording", p.Login.Recording)
	l.validateTexts(key+".agreement", p.Agreement, false)
	l.validateRecording(key+".recording", p.Recording)
	l.validateMessages(c, key, p)
}

// validateTimes accepts 0 as no limit.
func (l *SourceMap) validateTimes(key string, p Policy) {
	for _, limit := range []struct {
		key string
		d   Duration
	}{
		{"waiting_limit", p.WaitingLimit}, {"idle_limit", p.IdleLimit}, {"session_limit", p.SessionLimit}, {"host_grace", p.HostGrace},
		{"schedule.early_entry", p.Schedule.EarlyEntry},
	} {
		if d := time.Duration(limit.d); d != 0 && (d < minLimit || d > maxLimit) {
			l.fail(key+"."+limit.key, "%s is out of range: use %s to %s, or 0s for none", d, minLimit, maxLimit)
		}
	}
	from, to := time.Time(p.Schedule.NotBefore), time.Time(p.Schedule.NotAfter)
	if !from.IsZero() && !to.IsZero() && !to.After(from) {
		l.fail(key+".schedule.not_after", "the end must come after not_before")
	}
}

func (l *SourceMap) validateLogin(key string, a Assurance) {
	for _, list := range []struct {
		key   string
		words []string
	}{{"amr", a.AMR}, {"acr", a.ACR}} {
		if len(list.words) > auth.MaxMethods {
			l.fail(key+"."+list.key, "has more than %d values", auth.MaxMethods)
		}
		for i, w := range list.words {
			if w == "" || len(w) > auth.MaxMethod || strings.TrimSpace(w) != w {
				l.fail(key+"."+indexed(list.key, i), "must be a word as the tokens have it, of 1 to %d characters", auth.MaxMethod)
			}
		}
	}
	if d := time.Duration(a.MaxAge); d != 0 && (d < minLimit || d > maxLoginAge) {
		l.fail(key+".max_age", "%s is out of range: use %s to %s, or 0s for any", d, minLimit, maxLoginAge)
	}
}

func (l *SourceMap) validateRecording(key string, r PolicyRecording) {
	rule, known := recordingRules[r.Mode]
	switch {
	case !known:
		l.fail(key+".mode", "%q is no mode: use none, everyone (nothing is recorded unless all consent) or each (only who consents is)", r.Mode)
	case rule == room.NoRecording && len(r.Consents) > 0:
		l.fail(key+".consents", "nobody is asked where nothing is recorded: set mode to everyone or each, or remove them")
	case rule != room.NoRecording && len(r.Consents) == 0:
		l.fail(key+".consents", "nothing is recorded without consent: say what people are asked")
	}
	for i, f := range r.Consents {
		at := indexed(key+".consents", i)
		if f.Scope != string(room.RecordingAudio) && f.Scope != string(room.RecordingVideo) {
			l.fail(at+".scope", "%q is no scope: use %s (microphones) or %s (cameras and screens)", f.Scope, room.RecordingAudio, room.RecordingVideo)
		}
		if slices.ContainsFunc(r.Consents[:i], func(other Consent) bool { return other.Scope == f.Scope }) {
			l.fail(at+".scope", "%s comes twice: remove one", f.Scope)
		}
		l.required(at+".purpose", strings.TrimSpace(f.Purpose), "say what for, as people read it")
		l.oneLine(at+".purpose", f.Purpose, maxPurpose)
		if len(f.Texts) == 0 {
			l.fail(at+".texts", "is missing: name a file with what people consent to")
		}
		l.validateTexts(at+".texts", f.Texts, true)
	}
}

// localeTag matches a language with script or region (RFC 5646, section 2.1), as browsers send it.
var localeTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)

// ValidLanguage reports whether tag may name a language (BCP 47).
func ValidLanguage(tag string) bool { return localeTag.MatchString(tag) }

// validateTexts wants one version of each text: to acknowledge it in one language is enough, so all must say the same. same: all
// are one text.
func (l *SourceMap) validateTexts(key string, texts []Text, same bool) {
	if len(texts) > maxTextCount {
		l.fail(key, "has more than %d texts", maxTextCount)
	}
	for i, t := range texts {
		at := indexed(key, i)
		for name, value := range map[string]string{"id": t.ID, "version": t.Version} {
			l.required(at+"."+name, value, "people and the audit log tell texts apart by it")
			l.oneLine(at+"."+name, value, maxTextName)
		}
		l.required(at+".file", t.File, "name the file with the text")
		if !localeTag.MatchString(t.Locale) {
			l.fail(at+".locale", "%q is no language: write it like en, de or pt-BR", t.Locale)
		}
		if sum, err := hex.DecodeString(t.SHA256); t.SHA256 != "" && (err != nil || len(sum) != 32 || t.SHA256 != strings.ToLower(t.SHA256)) {
			l.fail(at+".sha256", "must be 64 hexadecimal digits in lower case, as sha256sum writes them")
		}
		for _, other := range texts[:i] {
			switch {
			case other.ID == t.ID && strings.EqualFold(other.Locale, t.Locale):
				l.fail(at+".locale", "%s has a text in %s already: remove one", t.ID, t.Locale)
			case other.ID == t.ID && other.Version != t.Version:
				l.fail(at+".version", "%s has version %s in another language: people acknowledge it in one, so both must say the same", t.ID, other.Version)
			case same && other.ID != t.ID:
				l.fail(at+".id", "%s and %s are two texts: a scope has one, in several languages", other.ID, t.ID)
			}
		}
	}
}
