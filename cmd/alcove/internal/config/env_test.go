package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/keyfile"
)

func TestEnvironment(t *testing.T) {
	file := minimal + "media: {port: 40000, workers: 2}\nlog:\npolicies: {night: {max_waiting: 3}}\n"
	c, l, err := parseWithEnv("a.yaml", []byte(file), []string{
		"PATH=/bin", "ALCOVEX=1",
		"ALCOVE_MEDIA__PORT=50100",
		"ALCOVE_MEDIA__ALLOW_AES128=true",
		"ALCOVE_MEDIA__ADVERTISE=[203.0.113.7, 203.0.113.8]",
		"ALCOVE_LOG__LEVEL=debug",
		"ALCOVE_DRAIN_WAIT=1m30s",
		"ALCOVE_PAGE__PHONE=0305550100",
		"ALCOVE_PAGE__CLINIC=[Clinic]: \"at\" the park=1",
		"ALCOVE_POLICIES__NIGHT__MAX_PARTICIPANTS=7",
		"ALCOVE_POLICIES__DAY__SCHEDULE__NOT_BEFORE=2026-03-02T10:00:00+01:00",
		"ALCOVE_POLICIES__DAY__AGREEMENT=[{id: a, version: '1', locale: en, file: a.txt}]",
		"ALCOVE_TRUSTED_PROXIES=[]",
	})
	if err != nil {
		t.Fatal(err)
	}
	night, day := c.Policies["night"], c.Policies["day"]
	for what, ok := range map[string]bool{
		"a number":                  c.Media.Port == 50100,
		"what the file says":        c.Media.Workers == 2 && night.MaxWaiting == 3,
		"a switch":                  c.Media.AllowAES128,
		"a list":                    len(c.Media.Advertise) == 2 && c.Media.Advertise[1] == "203.0.113.8",
		"below a key without one":   c.Log.Level == "debug",
		"a duration":                time.Duration(c.DrainWait) == 90*time.Second,
		"text of digits":            c.Page.Phone == "0305550100",
		"text that looks like YAML": c.Page.Clinic == `[Clinic]: "at" the park=1`,
		"a policy of the file":      night.MaxParticipants == 7,
		"a policy of its own":       day.MaxParticipants == 30 && !time.Time(day.Schedule.NotBefore).IsZero(),
		"a list of mappings":        len(day.Agreement) == 1 && day.Agreement[0].File == "a.txt",
		"its place":                 l.lines["media.port"] < 0 && l.lines["media.workers"] == 3,
	} {
		if !ok {
			t.Errorf("%s: got %+v", what, c)
		}
	}
}

func TestEnvironmentRefuses(t *testing.T) {
	for pair, want := range map[string]string{
		"ALCOVE_MEDIA_PORT=1":          "ALCOVE_MEDIA_PORT: there is no key media_port: use one of admin, admin_without_tls, audit,",
		"ALCOVE_MEDIA__PORTS=1":        "ALCOVE_MEDIA__PORTS: there is no key media.ports: use one of advertise,",
		"ALCOVE_=1":                    "ALCOVE_: there is no key ",
		"ALCOVE_MEDIA={}":              "ALCOVE_MEDIA: media holds keys: set them one by one, such as ALCOVE_MEDIA__NAME",
		"ALCOVE_POLICIES__NIGHT={}":    "ALCOVE_POLICIES__NIGHT: policies.night holds keys",
		"ALCOVE_POLICIES____VERIFY=1":  "ALCOVE_POLICIES____VERIFY: there is no key policies.",
		"ALCOVE_LISTEN__PORT=1":        "ALCOVE_LISTEN__PORT: there is no key listen.port",
		"ALCOVE_MEDIA__PORT=many":      "ALCOVE_MEDIA__PORT: media.port must be a whole number",
		"ALCOVE_MEDIA__PORT=":          "ALCOVE_MEDIA__PORT: cannot be read",
		"ALCOVE_MEDIA__PORT=70000":     "ALCOVE_MEDIA__PORT: media.port: 70000 is out of range",
		"ALCOVE_MEDIA__ADVERTISE=a":    "ALCOVE_MEDIA__ADVERTISE: media.advertise must be a list",
		"ALCOVE_MEDIA__ADVERTISE=[a]":  "ALCOVE_MEDIA__ADVERTISE: media.advertise[0]: ",
		"ALCOVE_MEDIA__ADVERTISE=[":    "ALCOVE_MEDIA__ADVERTISE: cannot be read",
		"ALCOVE_ORIGINS=[&a x, *a]":    "ALCOVE_ORIGINS: anchors and aliases",
		"ALCOVE_DRAIN_WAIT=60":         "ALCOVE_DRAIN_WAIT: drain_wait must be a number with a unit",
		"ALCOVE_LOG__LEVEL=loud":       `ALCOVE_LOG__LEVEL: log.level: "loud" is no level`,
		"ALCOVE_PAGE__CLINIC=a\nb":     "ALCOVE_PAGE__CLINIC: page.clinic: must be one line",
		"ALCOVE_AUTH__JWKS_FILE=":      "ALCOVE_AUTH__JWKS_FILE: auth.jwks_file: is missing",
		"ALCOVE_LIMITS__ROOMS=9999999": "ALCOVE_LIMITS__ROOMS: limits.rooms: 9999999 is out of range",
	} {
		_, _, err := parseWithEnv("a.yaml", []byte(minimal), []string{pair})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v\nwant %s", pair, err, want)
		}
	}
	_, _, err := parseWithEnv("a.yaml", []byte(minimal+"media: []\n"), []string{"ALCOVE_MEDIA__PORT=1"})
	if err == nil || !strings.Contains(err.Error(), "the file has no keys where port would be") {
		t.Errorf("a file that is wrong there: %v", err)
	}
}

// TestPasscodeFile checks that a passcode can be read from a file, which must be as private as a key.
func TestPasscodeFile(t *testing.T) {
	folder := t.TempDir()
	hash, err := auth.HashPasscode(auth.NewSecret("quiet-alcove"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("code", hash.Reveal()+"\n", keyfile.ModeSecret)
	put("open", hash.Reveal(), keyfile.ModePublic)
	put("nonsense", "quiet-alcove", keyfile.ModeSecret)
	for name, want := range map[string]string{"code": "", "open": "can be read by others", "nonsense": "nonsense: ", "nowhere": "no such file"} {
		put("a.yaml", minimal+"policies: {default: {passcode_hash_file: "+name+", passcode_for_all: true}}\n", keyfile.ModeSecret)
		c, _, err := Load(filepath.Join(folder, "a.yaml"))
		switch {
		case want == "" && (err != nil || c.Policies[DefaultPolicyName].PasscodeHash != hash.Reveal() || !c.Policies[DefaultPolicyName].roomPolicy("default", true).Passcode):
			t.Errorf("%s: %v", name, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "policies.default.passcode_hash_file: ") || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, _, err = Parse("a.yaml", []byte(minimal+"policies: {default: {passcode_hash_file: code, passcode_hash: '"+hash.Reveal()+"'}}\n"))
	if err == nil || !strings.Contains(err.Error(), "choose one") {
		t.Errorf("both: %v", err)
	}
}

// FuzzEnvironment checks that an error names the variable or the line of the file that causes it.
func FuzzEnvironment(f *testing.F) {
	for _, pair := range []string{"ALCOVE_MEDIA__PORT=1", "ALCOVE_ORIGINS=[a, {b: c}]", "ALCOVE_POLICIES__A__B=", "ALCOVE_LOG__LEVEL=\x00", "ALCOVE_TLS=~", "ALCOVE_AUTH__ISSUER=? x"} {
		f.Add(pair, minimal)
	}
	f.Fuzz(func(t *testing.T, pair, file string) {
		_, _, err := parseWithEnv("a.yaml", []byte(file), []string{pair})
		if err != nil && !strings.HasPrefix(err.Error(), "a.yaml:") && !strings.HasPrefix(err.Error(), envPrefix) {
			t.Fatalf("%v names no place", err)
		}
	})
}
