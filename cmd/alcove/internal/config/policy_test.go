package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/room"
)

const carefulPolicy = `policies:
  care:
    passcode_hash: %HASH%
    passcode_for_all: true
    verify: true
    agreement:
      - {id: words, version: 2, locale: en, file: a.txt}
      - {id: words, version: 2, locale: pt-BR, file: sub/b.txt}
    login:
      entry: {acr: [gold]}
      hosting: {amr: [mfa, hwk], max_age: 12h}
      recording: {amr: [hwk], max_age: 5m}
    waiting_limit: 20m
    idle_limit: 0s
    session_limit: 90m
    host_grace: 3m
    schedule: {not_before: 2026-03-02T10:00:00+01:00, not_after: "2026-03-02T12:00:00Z", early_entry: 10m}
    e2ee: required
    chat: all
    clinic_papers: true
    recording:
      mode: each
      consents:
        - {scope: recording.audio, purpose: Research, texts: [{id: r, version: "1", locale: en, file: c.txt}]}
`

// TestLoadPolicies checks that every field of a configured policy reaches the rules of rooms.
func TestLoadPolicies(t *testing.T) {
	hash, err := auth.HashPasscode(auth.NewSecret("quiet-alcove"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{"a.txt": "one", "sub/b.txt": "um", "c.txt": "for research"} {
		alcovetest.WriteFile(t, filepath.Join(folder, name), text)
	}
	const recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	alcovetest.WriteFile(t, filepath.Join(folder, "recipients.txt"), recipient+"\n")
	name := filepath.Join(folder, "alcove.yaml")
	alcovetest.WriteFile(t, name, minimal+"recording: {dir: recordings, erasure_copy: second/keys}\n"+strings.Replace(carefulPolicy, "%HASH%", hash.Reveal(), 1))
	c, l, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	all, err := LoadPolicies(c, l, readText)
	if err != nil {
		t.Fatal(err)
	}
	want := room.Policy{
		Name: "care", MaxParticipants: 30, MaxWaiting: 60, ResumeWindow: time.Minute, WaitingResume: 10 * time.Minute,
		Agreement: []room.Text{room.NewText("words", "2", "en", "one"), room.NewText("words", "2", "pt-BR", "um")},
		Verify:    true, Passcode: true, PasscodeForAll: true,
		Entry: room.Assurance{ACR: []string{"gold"}}, Hosting: room.Assurance{AMR: []string{"mfa", "hwk"}, MaxAuthAge: 12 * time.Hour},
		RecordingBy: room.Assurance{AMR: []string{"hwk"}, MaxAuthAge: 5 * time.Minute},
		Recording:   room.WithEach,
		E2EE:        room.E2EERequired, Chat: room.ReachAll, Files: room.ReachHosts, ClinicPapers: true,
		Consents: []room.ConsentForm{{Scope: room.RecordingAudio, Purpose: "Research", Recipients: []string{recipient},
			Texts: []room.Text{room.NewText("r", "1", "en", "for research").For([]string{recipient})}}},
		NotBefore: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), NotAfter: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		EarlyEntry: 10 * time.Minute, WaitingLimit: 20 * time.Minute, SessionLimit: 90 * time.Minute, HostGrace: 3 * time.Minute,
	}
	got := all["care"]
	got.NotBefore, got.NotAfter = got.NotBefore.UTC(), got.NotAfter.UTC()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	// Nothing of a rule is out of reach of the configuration: what this policy does not set is what it sets to none.
	unset := map[string]bool{"ScreenForAll": true, "IdleLimit": true}
	for f, v := range reflect.ValueOf(got).Fields() {
		if v.IsZero() != unset[f.Name] {
			t.Errorf("%s is %v", f.Name, v)
		}
	}
	if plain := all[DefaultPolicyName]; plain.Agreement != nil || plain.Verify || plain.Recording != room.NoRecording || plain.Consents != nil {
		t.Errorf("the default asks for %+v", plain)
	}
}

// TestLoadPoliciesAgain checks that a changed text is loaded with a new hash, and that an invalid text gives no rules and an error with its
// line.
func TestLoadPoliciesAgain(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "a.txt")
	sum := room.NewText("", "", "", "one").Hash
	name := filepath.Join(folder, "alcove.yaml")
	alcovetest.WriteFile(t, name, minimal+"policies:\n  care:\n    agreement:\n      - {id: words, version: 1, locale: en, file: a.txt}\n"+
		"      - {id: pinned, version: 1, locale: en, file: b.txt, sha256: "+sum+"}\n")
	alcovetest.WriteFile(t, filepath.Join(folder, "b.txt"), "one")
	c, l, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	load := func(text string) (string, error) {
		alcovetest.WriteFile(t, file, text)
		all, err := LoadPolicies(c, l, readText)
		if err != nil {
			if all != nil {
				t.Error("rules came with an error")
			}
			return "", err
		}
		return all["care"].Agreement[0].Hash, nil
	}
	first, err1 := load("one")
	second, err2 := load("two")
	if err := errors.Join(err1, err2); err != nil || first == second || first != sum {
		t.Errorf("%s, then %s: %v", first, second, err)
	}
	for text, want := range map[string]string{
		" \n":                              "is empty",
		"\x00":                             "no plain text",
		"\xff\xfe":                         "no plain text",
		strings.Repeat("x", maxTextFile+1): "is larger than",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), ":6: policies.care.agreement[0].file: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	alcovetest.WriteFile(t, filepath.Join(folder, "b.txt"), "two")
	if _, err := load("one"); err == nil || !strings.Contains(err.Error(), ":7: policies.care.agreement[1].file: ") || !strings.Contains(err.Error(), "new version") {
		t.Errorf("a text that changed under its hash: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPolicies(c, l, readText); err == nil || !strings.Contains(err.Error(), "a.txt: no such file") {
		t.Error(err)
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	text := "{id: t, version: 1, locale: en, file: f}"
	audio := "{scope: recording.audio, purpose: p, texts: [" + text + "]}"
	tests := []struct{ name, policy, want string }{
		{"passcode for all without one", "passcode_for_all: true", "a.yaml:4: policies.p.passcode_for_all: there is no passcode"},
		{"short limit", "idle_limit: 5s", "idle_limit: 5s is out of range: use 1m0s to 24h0m0s, or 0s for none"},
		{"negative limit", "host_grace: -5m", "host_grace: -5m0s is out of range"},
		{"long limit", "session_limit: 25h", "out of range"},
		{"long wait before", "schedule: {early_entry: 100h}", "schedule.early_entry: 100h0m0s is out of range"},
		{"time without offset", "schedule: {not_before: 2026-03-02T10:00:00}", "must be a time with its offset"},
		{"date", "schedule: {not_after: 2026-03-02}", "must be a time with its offset"},
		{"end before the beginning", "schedule: {not_before: 2026-03-02T10:00:00Z, not_after: 2026-03-02T10:00:00Z}", "not_after: the end must come after"},
		{"no text for a list", "agreement: f.txt", "policies.p.agreement must be a list"},
		{"file alone", "agreement: [f.txt]", "agreement[0] must be a mapping"},
		{"unknown key of a text", "agreement: [{id: t, version: 1, locale: en, file: f, title: x}]", `unknown key "title" in policies.p.agreement[0]`},
		{"no id", "agreement: [{version: 1, locale: en, file: f}]", "agreement[0].id: is missing"},
		{"no version", "agreement: [{id: t, locale: en, file: f}]", "agreement[0].version: is missing"},
		{"no file", "agreement: [{id: t, version: 1, locale: en}]", "agreement[0].file: is missing"},
		{"no locale", "agreement: [{id: t, version: 1, file: f}]", `agreement[0].locale: "" is no language`},
		{"locale", "agreement: [{id: t, version: 1, file: f, locale: english language}]", "is no language"},
		{"hash", "agreement: [{id: t, version: 1, file: f, locale: en, sha256: ABCD}]", "must be 64 hexadecimal digits"},
		{"same language", "agreement: [" + text + ", " + text + "]", "t has a text in en already"},
		{"two versions", "agreement: [" + text + ", {id: t, version: 2, locale: de, file: g}]", "version: t has version 1 in another language"},
		{"mode of encryption", "e2ee: preferred", `policies.p.e2ee: "preferred" is no mode: use required`},
		{"no mode of encryption", "e2ee: ''", "is no mode"},
		{"mode", "recording: {mode: always}", `"always" is no mode: use none, everyone`},
		{"recording without consent", "recording: {mode: each}", "nothing is recorded without consent"},
		{"consent without recording", "recording: {consents: [" + audio + "]}", "nobody is asked where nothing is recorded"},
		{"scope", "recording: {mode: each, consents: [{scope: audio, purpose: p, texts: [" + text + "]}]}", `"audio" is no scope`},
		{"scope twice", "recording: {mode: each, consents: [" + audio + ", " + audio + "]}", "recording.audio comes twice"},
		{"no purpose", "recording: {mode: each, consents: [{scope: recording.audio, texts: [" + text + "]}]}", "consents[0].purpose: is missing"},
		{"no words", "recording: {mode: each, consents: [{scope: recording.audio, purpose: p}]}", "consents[0].texts: is missing"},
		{"two texts of one scope", "recording: {mode: each, consents: [{scope: recording.audio, purpose: p, texts: [" + text + ", {id: u, version: 1, locale: de, file: f}]}]}", "t and u are two texts"},
		{"method", "login: {entry: {amr: ['']}}", "login.entry.amr[0]: must be a word"},
		{"age of a login", "login: {hosting: {max_age: 1s}}", "login.hosting.max_age: 1s is out of range"},
		{"unknown key of a login", "login: {guests: {}}", `unknown key "guests" in policies.p.login`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Parse("a.yaml", []byte(minimal+"policies: {p: {"+tt.policy+"}}\n"))
			if tt.name == "passcode for all without one" {
				_, _, err = Parse("a.yaml", []byte("policies:\n  p:\n    verify: true\n    "+tt.policy+"\n"+minimal))
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %q in it", err, tt.want)
			}
		})
	}
}

// TestExamplePolicies checks that the texts of the example exist and have the right hashes.
func TestExamplePolicies(t *testing.T) {
	c, l, err := Load(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	all, err := LoadPolicies(c, l, readText)
	if err != nil {
		t.Fatal(err)
	}
	group := all[exampleGroup]
	if len(group.Agreement) != 2 || len(group.Consents) != 2 || group.Recording != room.WithEveryone || !group.Verify {
		t.Errorf("got %+v", group)
	}
}
