package record

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/sfu/record/sframe"
)

var goldenDir = flag.String("golden", "", "a new folder to write recordings of this version into")

// Golden folders were written by the release that first wrote their version, and are never written anew: each later release opens them.
//
//	identity, keyring, keyring.key, keyring.copy, keyring.copy.key
//	segments/: a person with audio and video in several segments, and one who was erased
const (
	goldenVersion1 = "testdata/version1"
	goldenVersion2 = "testdata/version2" // end-to-end encrypted, with a withdrawal after a second
)

// writeGolden writes one, from real media.
func writeGolden(t *testing.T, dir string, record func(c *clinic, person string)) {
	t.Helper()
	c := newClinic(t, func(cfg *Config) {
		cfg.SegmentBytes = maxPlain
		cfg.Storage = must(OpenFolder(filepath.Join(dir, "segments")))(t)
	})
	for _, person := range []string{"person-a", "person-b"} {
		record(c, person)
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.keyring.destroy("person-b", 0); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{c.files.File: "keyring", c.files.KeyFile: "keyring.key", c.files.Copy: "keyring.copy", c.files.Copy + ".key": "keyring.copy.key"}
	for from, to := range files {
		if err := os.WriteFile(filepath.Join(dir, to), must(os.ReadFile(from))(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "identity"), []byte(c.identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// openGolden copies a golden folder, since whoever opens a keyring may write it, and opens it.
func openGolden(t *testing.T, dir string) (*Opener, Storage) {
	t.Helper()
	tmp := t.TempDir()
	if err := os.CopyFS(tmp, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(tmp, name) }
	for _, name := range []string{"keyring.key", "keyring.copy.key"} {
		if err := os.Chmod(at(name), 0o600); err != nil { // git keeps no such mode
			t.Fatal(err)
		}
	}
	keyring := must(OpenKeyring(KeyringPaths{File: at("keyring"), KeyFile: at("keyring.key"), Copy: at("keyring.copy")}, time.Now))(t)
	return must(NewOpener(must(os.ReadFile(at("identity")))(t), keyring))(t), must(OpenFolder(at("segments")))(t)
}

// TestVersion1Opens checks that a recording of version 1 verifies and plays.
func TestVersion1Opens(t *testing.T) {
	if *goldenDir != "" {
		m := loadMedia(t)
		writeGolden(t, *goldenDir, func(c *clinic, person string) {
			audio, video := sender{rate: 48000, base: 7, report: time.Second}, sender{rate: 90000, base: 9, report: time.Second}
			a, v := c.start(audioOf(person)), c.start(videoOf(person))
			audio.publish(t, a, audio.packets(Audio, m.audio[:75], began), began)
			video.publish(t, v, video.packets(Video, m.video[:22], began), began)
		})
		return
	}
	o, segments := openGolden(t, goldenVersion1)
	r := must(o.Verify(segments, nil, nil))(t)
	if !r.Intact() || r.Closed != 3 || len(r.Tracks) != 2 {
		t.Fatalf("report is %+v", r)
	}
	for _, one := range r.Tracks {
		if !one.Complete || one.Person != "person-a" || one.Kind == Audio && one.Units != 75 || one.Kind == Video && one.Segments < 2 {
			t.Errorf("track is %+v", one)
		}
	}
	for _, p := range r.Problems {
		if p.Finding != Closed || !strings.Contains(p.Detail, ErrErased.Error()) {
			t.Errorf("problem %+v", p)
		}
	}
	name, list := exportTo(t, o, segments)
	p := probeFile(t, name["person-a"])
	if len(list) != 1 || len(p.times(t, "opus")) != 75 || len(p.times(t, "vp8")) != 22 {
		t.Errorf("exported %+v: %d packets, %d frames", list, len(p.times(t, "opus")), len(p.times(t, "vp8")))
	}
	decodes(t, name["person-a"])
	all := must(List(segments))(t)
	if !slices.ContainsFunc(all, func(s ListedSegment) bool { return s.Header.Segment > 0 }) {
		t.Error("the golden folder has no second segment")
	}
}

// TestVersion2Opens checks that a recording of version 2 verifies and plays up to the withdrawal.
func TestVersion2Opens(t *testing.T) {
	if *goldenDir != "" {
		m := loadMedia(t)
		writeGolden(t, *goldenDir, func(c *clinic, person string) {
			one := c.member()
			audio, video := sender{rate: 48000, base: 7, report: time.Second}, sender{rate: 90000, base: 9, report: time.Second}
			a, v := c.start(sealedAudio(person)), c.start(sealedVideo(person))
			a.Release(one.release(true, kids(0, 1, 9)...))
			v.Release(one.release(true, kids(1, 1, 9)...))
			split := func(stream int, codec sframe.Codec, list []sample) []sample {
				return slices.Concat(one.seal(kids(stream, 1, 9)[0], codec, at(list, 0, time.Second)), one.seal(kids(stream, 2, 9)[0], codec, at(list, time.Second, mediaTime)))
			}
			audio.publish(t, a, audio.packets(Audio, split(0, sframe.Opus, m.audio[:75]), began), began)
			video.publish(t, v, video.packets(Video, split(1, sframe.VP8, m.video[:22]), began), began)
		})
		return
	}
	o, segments := openGolden(t, goldenVersion2)
	r := must(o.Verify(segments, nil, nil))(t)
	if !r.Intact() || r.Closed != 3 || len(r.Tracks) != 2 {
		t.Fatalf("report is %+v", r)
	}
	if a, v := framesOf(t, r, Audio), framesOf(t, r, Video); a != (FrameCounts{Opened: 50, Unreleased: 25}) || v != (FrameCounts{Opened: 15, Unreleased: 7}) {
		t.Errorf("audio %+v, video %+v", a, v)
	}
	name, list := exportTo(t, o, segments)
	p := probeFile(t, name["person-a"])
	if len(list) != 1 || len(p.times(t, "opus")) != 50 || len(p.times(t, "vp8")) != 15 {
		t.Errorf("exported %+v: %d packets, %d frames", list, len(p.times(t, "opus")), len(p.times(t, "vp8")))
	}
	decodes(t, name["person-a"])
}
