package main

import (
	"maps"
	"time"

	"alcove/auth"
	"alcove/room"
)

// The policies of dev mode beside the default: `/dev/host?policy=care&room=care` shows everything that a room can ask for, and
// `policy=short` how a session nears its end.
const (
	devCare  = "care"
	devShort = "short"
	// devPasscode is no secret: dev mode gives tokens to whoever asks.
	devPasscode = "quiet-alcove"
)

const devAgreement = `# What is said here stays here
I do not tell anyone the names, stories or other things that could show who is in this group.

# I join from a private place
I use headphones where I can. Nobody near me watches or listens.

# I do not record or copy
No screenshots, no photos, no notes of what others say. A browser cannot prevent screenshots or filming, so we rely on each other.

# When therapists must speak
If someone is in danger, or the law requires it, a therapist may have to tell others. Where possible they speak with me first.

# If something worries me
I can press Help in the session. Only therapists see it.`

// devPolicies gives the policies of dev mode, and their passcodes.
func devPolicies() (map[string]room.Policy, map[string]auth.PasscodeHash, error) {
	hash, err := auth.HashPasscode(auth.NewSecret(devPasscode))
	if err != nil {
		return nil, nil, err
	}
	base := policies(defaultConfig())[defaultPolicy]
	care, short := base, base
	care.Name, care.Passcode, care.Verify, care.Recording = devCare, true, true, room.WithEveryone
	care.Agreement = []room.Text{room.NewText("confidentiality", "4", "en", devAgreement)}
	care.Consents = []room.ConsentForm{
		{Scope: room.RecordingAudio, Purpose: "Supervision of the therapists", Texts: []room.Text{
			room.NewText("audio", "1", "en", "The sound of this session is kept for 30 days, encrypted. Clinic staff who hold the key can open it.")}},
		{Scope: room.RecordingVideo, Purpose: "Supervision of the therapists", Texts: []room.Text{
			room.NewText("video", "1", "en", "The pictures of this session are kept for 30 days, encrypted. Clinic staff who hold the key can open it.")}},
	}
	care.SessionLimit, care.HostGrace = 50*time.Minute, 5*time.Minute
	short.Name, short.SessionLimit = devShort, 10*time.Minute+5*time.Second // the first warning comes after 5 s
	return map[string]room.Policy{devCare: care, devShort: short}, map[string]auth.PasscodeHash{devCare: hash}, nil
}

// rules gives the policies that rooms may run under, and their passcodes.
func (d daemon) rules() (map[string]room.Policy, map[string]auth.PasscodeHash, error) {
	rules, codes := policies(d.config), passcodes(d.config)
	if d.dev == nil {
		return rules, codes, nil
	}
	more, theirs, err := devPolicies()
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(rules, more)
	maps.Copy(codes, theirs)
	return rules, codes, nil
}
