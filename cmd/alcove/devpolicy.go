package main

import (
	"embed"
	"time"

	"alcove/auth"
	"alcove/room"
)

// The policies of dev mode beside the default: `/dev/host?policy=care&room=care` shows everything that a room can ask for,
// `policy=short` how a session nears its end, and `policy=guarded` a passcode that hosts enter too.
const (
	devCare    = "care"
	devShort   = "short"
	devGuarded = "guarded"
	// devPasscode is no secret: dev mode gives tokens to whoever asks.
	devPasscode = "quiet-alcove"
)

//go:embed devtexts
var devTexts embed.FS

// addDevPolicies puts the policies of dev mode beside the others.
func addDevPolicies(c *config) error {
	hash, err := auth.HashPasscode(auth.NewSecret(devPasscode))
	if err != nil {
		return err
	}
	text := func(id, version string) []textConfig {
		return []textConfig{{ID: id, Version: version, Locale: "en", File: "devtexts/" + id + ".en.txt"}}
	}
	care, short, guarded := defaultPolicyConfig(), defaultPolicyConfig(), defaultPolicyConfig()
	care.PasscodeHash, care.Verify, care.Agreement = hash.Reveal(), true, text("confidentiality", "4")
	const purpose = "Supervision of the therapists"
	care.Recording = recordingConfig{Mode: "everyone", Consents: []consentConfig{
		{Scope: string(room.RecordingAudio), Purpose: purpose, Texts: text("audio", "1")},
		{Scope: string(room.RecordingVideo), Purpose: purpose, Texts: text("video", "1")},
	}}
	care.SessionLimit, care.HostGrace = duration(50*time.Minute), duration(5*time.Minute)
	short.SessionLimit = duration(10*time.Minute + 5*time.Second) // the first warning comes after 5 s
	guarded.PasscodeHash, guarded.PasscodeForAll = hash.Reveal(), true
	c.Policies[devCare], c.Policies[devShort], c.Policies[devGuarded] = care, short, guarded
	return nil
}
