package daemon

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"alcove/auth"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/dev"
	guests "alcove/loadtest/client"
	"alcove/room"
	"alcove/sfu/record"
)

// gives releases keys of a person's streams for a scope, as a page does before it answers.
func (p *player) gives(r *releaser, scope string) {
	p.studio.t.Helper()
	release := r.release(1, true)
	keys := []map[string]any{{"kid": release.Keys[0].KID, "blob": base64.StdEncoding.EncodeToString(release.Keys[0].Blob)}}
	p.must("e2ee.release", map[string]any{"scope": scope, "number": 1, "sealed": base64.StdEncoding.EncodeToString(release.Sealed), "keys": keys})
}

// clinicRecipient is the recipient of the demo's recordings.
func (s *studio) clinicRecipient() age.Recipient {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.folder, dev.IdentityFile))
	if err != nil {
		s.t.Fatal(err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	return identities[0].(*age.HybridIdentity).Recipient()
}

// verified stops the daemon and says what is in its recordings.
func (s *studio) verified() record.Report {
	s.t.Helper()
	s.stop()
	identity, err := os.ReadFile(filepath.Join(s.folder, dev.IdentityFile))
	if err != nil {
		s.t.Fatal(err)
	}
	_, report := s.openedWith(identity, s.recorder.config)
	return report
}

// TestEncryptedRecording checks that an encrypted session is recorded only for people who consent, each track with the keys that its person
// released, and not for people who refuse or withdraw. Frames are random bytes here, so no key decrypts them.
func TestEncryptedRecording(t *testing.T) {
	t.Parallel()
	s := newStudioOf(t, "each", room.E2EERequired)
	host, ann, ben := s.enter("host", auth.Host), s.enter("ann", auth.Participant), s.enter("ben", auth.Participant)
	host.ask(soundScope, pictureScope)
	if err := host.Call(t.Context(), "e2ee.release", map[string]any{"scope": soundScope, "number": 1 << 40, "sealed": "AAAA", "keys": []map[string]any{{"kid": 1, "blob": "AAAA"}}}, nil); guests.Code(err) != "bad_request" {
		t.Errorf("a release of an epoch that never was: %v", err)
	}
	r := newReleaser(t, s.clinicRecipient())
	ann.until("consent is asked", func() bool { return ann.texts[soundScope] != "" && ann.texts[pictureScope] != "" })
	ann.gives(r, soundScope)
	ann.gives(r, pictureScope)
	ann.answer("granted", soundScope, pictureScope)
	ben.answer("refused", soundScope, pictureScope)
	ann.sees("on")
	s.kept(200)
	ann.must("consent.withdraw", demotest.Nothing)
	s.quiet(ann)
	before := s.recorder.recorder.Stats()
	ann.gives(r, soundScope) // once more, with keys that the daemon has; a page never does after a withdrawal
	ann.answer("granted", soundScope)
	s.kept(100)
	host.must("recording.stop", demotest.Nothing)
	s.quiet(ann)
	if now := s.recorder.recorder.Stats(); now.Unreleased != 0 || len(now.Failures) > 0 && now.Failures[record.NoRelease] > 0 || now.Units == before.Units {
		t.Errorf("stats are %+v", now)
	}
	report := s.verified()
	kinds := map[record.Kind]int{}
	for _, track := range report.Tracks {
		kinds[track.Kind]++
		if track.Frames == nil || track.Frames.Opened != 0 || track.Frames.Unreleased+track.Frames.Forged == 0 || !track.Complete {
			t.Errorf("track is %+v with frames %+v", track, track.Frames)
		}
	}
	if kinds[record.Audio] < 2 || kinds[record.Video] < 1 {
		t.Errorf("tracks are %v", kinds)
	}
	for _, p := range report.Problems {
		if p.Finding != record.Unreleased && p.Finding != record.Forged {
			t.Errorf("problem %+v: releases open, whatever the frames are", p)
		}
	}
	s.nothingInClear(host, ann, ben)
}

// TestConsentWithoutKeys checks that a person who consents but releases no keys is left out, also if they send keys that nothing opens until
// the daemon takes no more: the others are recorded as long as they want.
func TestConsentWithoutKeys(t *testing.T) {
	t.Parallel()
	s := newStudioOf(t, "each", room.E2EERequired)
	host, ann, ben := s.enter("host", auth.Host), s.enter("ann", auth.Participant), s.enter("ben", auth.Participant)
	host.ask(soundScope)
	for _, p := range []*player{ann, ben} {
		p.until("consent is asked", func() bool { return p.texts[soundScope] != "" })
	}
	ann.answer("granted", soundScope)
	s.quiet(ann)
	r := newReleaser(t, s.clinicRecipient())
	for range releaseBurst + 1 {
		key := r.release(1, false).Keys[0]
		ann.must("e2ee.release", map[string]any{"scope": soundScope, "number": 1, "keys": []map[string]any{{"kid": key.KID, "blob": base64.StdEncoding.EncodeToString(key.Blob)}}})
	}
	ben.gives(newReleaser(t, s.clinicRecipient()), soundScope)
	ben.answer("granted", soundScope)
	host.sees("on")
	s.kept(300) // two seconds and more
	ann.gives(r, soundScope)
	s.wait("ann is recorded too", func() bool { return s.recorder.recorder.Stats().Tracks == 2 })
	s.kept(300)
	if len(host.faults)+len(ann.faults) > 0 {
		t.Errorf("faults are %v, %v", host.faults, ann.faults)
	}
	host.must("recording.stop", demotest.Nothing)
	s.quiet(ann)
	if stats := s.recorder.recorder.Stats(); stats.Unreleased != 0 || stats.Failures[record.NoRelease] != 0 {
		t.Errorf("stats are %+v", stats)
	}
	if report := s.verified(); len(report.Tracks) != 2 {
		t.Errorf("report is %+v", report)
	}
}
