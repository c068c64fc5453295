package dev

import (
	"embed"
	"fmt"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/room"
)

// The policies of dev mode beside the default: `/dev/host?policy=care&room=care` shows everything that a room can ask for,
// `policy=short` how a session nears its end, `policy=guarded` a passcode that hosts enter too, and `policy=encrypted` a session
// that this host cannot open.
const (
	CarePolicy      = "care"
	shortPolicy     = "short"
	guardedPolicy   = "guarded"
	encryptedPolicy = "encrypted"
	// Passcode is no secret: the demo gives tokens to whoever asks. So its hash costs as little as the configuration accepts.
	Passcode     = "quiet-alcove"
	passcodeHash = "$argon2id$v=19$m=19456,t=2,p=1$YWxjb3ZlIGRlbW8gc2FsdA$pVKK4I4oEcNUMBj3pHPIwBMcvY30oDclQjFoDxybpyg"
)

//go:embed texts
var texts embed.FS

// setEncryption sets the mode of the default policy, which addPolicies gives to the others.
func setEncryption(c *config.Config, mode string) error {
	if mode != room.E2EEOff.String() && mode != room.E2EERequired.String() {
		return fmt.Errorf("--e2ee %q is no mode: use required or off", mode)
	}
	p := c.Policies[config.DefaultPolicyName]
	p.E2EE = mode
	c.Policies[config.DefaultPolicyName] = p
	return nil
}

// addPolicies puts the policies of dev mode beside the others.
func addPolicies(c *config.Config) {
	text := func(id, version string) []config.Text {
		return []config.Text{{ID: id, Version: version, Locale: "en", File: "texts/" + id + ".en.txt"}}
	}
	base := config.DefaultPolicy()
	base.E2EE = c.Policies[config.DefaultPolicyName].E2EE
	care, short, guarded, encrypted := base, base, base, base
	care.PasscodeHash, care.Verify, care.Agreement = passcodeHash, true, text("confidentiality", "4")
	const purpose = "Supervision of the therapists"
	care.Recording = config.PolicyRecording{Mode: "everyone", Consents: []config.Consent{
		{Scope: string(room.RecordingAudio), Purpose: purpose, Texts: text("audio", "1")},
		{Scope: string(room.RecordingVideo), Purpose: purpose, Texts: text("video", "1")},
	}}
	care.SessionLimit, care.HostGrace = config.Duration(50*time.Minute), config.Duration(5*time.Minute)
	short.SessionLimit = config.Duration(10*time.Minute + 5*time.Second) // the first warning comes after 5 s
	guarded.PasscodeHash, guarded.PasscodeForAll = passcodeHash, true
	encrypted.E2EE, encrypted.Chat, encrypted.Files, encrypted.ClinicPapers = room.E2EERequired.String(), "all", "hosts", true
	c.Policies[CarePolicy], c.Policies[shortPolicy], c.Policies[guardedPolicy], c.Policies[encryptedPolicy] = care, short, guarded, encrypted
}
