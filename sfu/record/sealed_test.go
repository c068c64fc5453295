package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"alcove/sfu/record/sframe"
)

// A sealingMember seals frames as a page does: a base key of each epoch, a generation, a counter for each KID.
type sealingMember struct {
	t        testing.TB
	rk       []byte
	to       []age.Recipient
	counters map[sframe.KID]uint32
	keys     map[sframe.KID]*sframe.Key
}

func (c *clinic) member() *sealingMember {
	return &sealingMember{t: c.t, rk: newKey(), to: []age.Recipient{c.identity.Recipient()}, counters: map[sframe.KID]uint32{}, keys: map[sframe.KID]*sframe.Key{}}
}

func sealedAudio(person string) Info { i := audioOf(person); i.Sealed = true; return i }
func sealedVideo(person string) Info { i := videoOf(person); i.Sealed = true; return i }

// derive gives key and salt of a KID; the base key follows from the number.
func (m *sealingMember) derive(kid sframe.KID) (key, salt []byte) {
	key, salt, err := sframe.Derive(bytes.Repeat([]byte{byte(kid.Number())}, 32), kid)
	if err != nil {
		m.t.Fatal(err)
	}
	return key, salt
}

// seal seals samples under one KID.
func (m *sealingMember) seal(kid sframe.KID, codec sframe.Codec, samples []sample) (list []sample) {
	m.t.Helper()
	if m.keys[kid] == nil {
		m.keys[kid] = must(sframe.NewKey(m.derive(kid)))(m.t)
		m.counters[kid] = sframe.MinCounter
	}
	for _, s := range samples {
		s.data = must(m.keys[kid].Seal(nil, codec, kid, m.counters[kid], s.data))(m.t)
		m.counters[kid]++
		list = append(list, s)
	}
	return list
}

// release makes the release of keys; sealed is left out unless first.
func (m *sealingMember) release(first bool, kids ...sframe.KID) Release {
	m.t.Helper()
	r := Release{Scope: "recording.audio", Number: uint64(kids[0].Number())}
	if first {
		r.Sealed = sealTo(m.t, m.rk, m.to...)
	}
	aead := must(newGCM(m.rk))(m.t)
	for _, kid := range kids {
		key, salt := m.derive(kid)
		name := binary.BigEndian.AppendUint32(nil, uint32(kid))
		r.Keys = append(r.Keys, ReleasedKey{uint32(kid), aead.Seal(nil, append(make([]byte, 8), name...), slices.Concat(key, salt), name)})
	}
	return r
}

func sealTo(t testing.TB, secret []byte, to ...age.Recipient) []byte {
	var b bytes.Buffer
	w := must(age.Encrypt(&b, to...))(t)
	must(w.Write(secret))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// at is the samples from one moment up to another.
func at(list []sample, from, to time.Duration) (out []sample) {
	for _, s := range list {
		if s.at >= from && s.at < to {
			out = append(out, s)
		}
	}
	return out
}

func (c *clinic) close() {
	c.t.Helper()
	if err := c.recorder.Close(); err != nil {
		c.t.Fatal(err)
	}
}

// framesOf gives the counts of the only track of a kind.
func framesOf(t testing.TB, r Report, kind Kind) FrameCounts {
	t.Helper()
	for _, one := range r.Tracks {
		if one.Kind == kind && one.Frames != nil {
			return *one.Frames
		}
	}
	t.Fatalf("no sealed %s in %+v", kind, r)
	return FrameCounts{}
}

func findings(r Report) (list []Finding) {
	for _, p := range r.Problems {
		list = append(list, p.Finding)
	}
	return list
}

func kids(stream, generation, number int) (list []sframe.KID) {
	if stream == sframe.Microphone {
		return []sframe.KID{sframe.NewKID(stream, generation, 5, number)}
	}
	for s := sframe.CameraFirst; s <= sframe.Screen; s++ {
		list = append(list, sframe.NewKID(s, generation, 5, number))
	}
	return list
}

// TestSealedRecording checks that audio and video of an end-to-end encrypted session, with a new epoch in the middle and several segments,
// verify and play completely.
func TestSealedRecording(t *testing.T) {
	media := loadMedia(t)
	c := newClinic(t, func(cfg *Config) { cfg.SegmentBytes = maxPlain })
	m := c.member()
	a, v := c.start(sealedAudio("person-a")), c.start(sealedVideo("person-a"))
	audio, video := sender{rate: 48000, base: 7, report: time.Second}, sender{rate: 90000, base: 9, report: time.Second}
	half := 2100 * time.Millisecond
	sealed := slices.Concat(m.seal(kids(0, 1, 70000)[0], sframe.Opus, at(media.audio, 0, half)), m.seal(kids(0, 1, 70001)[0], sframe.Opus, at(media.audio, half, mediaTime)))
	pictures := slices.Concat(m.seal(kids(1, 1, 70000)[0], sframe.VP8, at(media.video, 0, half)), m.seal(kids(1, 1, 70001)[0], sframe.VP8, at(media.video, half, mediaTime)))
	a.Release(m.release(true, kids(0, 1, 70000)...))
	a.Release(m.release(false, kids(0, 1, 70001)...))
	v.Release(m.release(true, kids(1, 1, 70000)...))
	audio.publish(t, a, audio.packets(Audio, sealed, began), began)
	packets := video.packets(Video, pictures, began)
	video.publish(t, v, packets[:100], began)
	v.Release(m.release(false, kids(1, 1, 70001)...)) // it may come before or after the first frames that need it
	video.publish(t, v, packets[100:], began)
	c.close()
	for name, f := range c.disk.files {
		if string(f.now[:8]) != "ALCVREC2" {
			t.Errorf("%s begins with %q", name, f.now[:8])
		}
	}
	r := c.verify(c.disk)
	if len(r.Problems) > 0 || !r.Intact() || len(r.Tracks) != 2 {
		t.Fatalf("report is %+v", r)
	}
	if got, want := framesOf(t, r, Audio), (FrameCounts{Opened: uint64(len(media.audio))}); got != want {
		t.Errorf("audio: %+v, want %+v", got, want)
	}
	if got, want := framesOf(t, r, Video), (FrameCounts{Opened: uint64(len(media.video))}); got != want {
		t.Errorf("video: %+v, want %+v", got, want)
	}
	names, list := c.export(c.disk)
	p := probeFile(t, names["person-a"])
	if len(list) != 1 || len(p.times(t, "opus")) != len(media.audio) || len(p.times(t, "vp8")) != len(media.video) || p.Streams[1].Width != 320 {
		t.Fatalf("exported %+v, %+v", list, p.Streams)
	}
	for i, one := range p.times(t, "vp8") {
		if (one - media.video[i].at).Abs() > 5*time.Millisecond {
			t.Errorf("frame %d is at %v, was at %v", i, one, media.video[i].at)
		}
	}
	decodes(t, names["person-a"])
}

// TestWithdrawnKeys checks that what a server records after a withdrawal cannot be opened, and that everything before it can.
func TestWithdrawnKeys(t *testing.T) {
	media := loadMedia(t)
	c := newClinic(t, nil)
	m := c.member()
	a, v := c.start(sealedAudio("person-a")), c.start(sealedVideo("person-a"))
	a.Release(m.release(true, kids(0, 1, 9)...))
	v.Release(m.release(true, kids(1, 1, 9)...))
	audio, video := sender{rate: 48000}, sender{rate: 90000}
	withdrawn := 3 * time.Second
	sound := slices.Concat(m.seal(kids(0, 1, 9)[0], sframe.Opus, at(media.audio, 0, withdrawn)), m.seal(kids(0, 2, 9)[0], sframe.Opus, at(media.audio, withdrawn, mediaTime)))
	pictures := slices.Concat(m.seal(kids(1, 1, 9)[0], sframe.VP8, at(media.video, 0, withdrawn)), m.seal(kids(1, 2, 9)[0], sframe.VP8, at(media.video, withdrawn, mediaTime)))
	audio.publish(t, a, audio.packets(Audio, sound, began), began)
	video.publish(t, v, video.packets(Video, pictures, began), began)
	c.close()
	r := c.verify(c.disk)
	if got, want := framesOf(t, r, Audio), (FrameCounts{Opened: 150, Unreleased: uint64(len(media.audio)) - 150}); got != want {
		t.Errorf("audio: %+v, want %+v", got, want)
	}
	if got, want := framesOf(t, r, Video), (FrameCounts{Opened: 45, Unreleased: uint64(len(media.video)) - 45}); got != want {
		t.Errorf("video: %+v, want %+v", got, want)
	}
	if !r.Intact() || !slices.Equal(findings(r), []Finding{Unreleased, Unreleased}) || !strings.Contains(r.Problems[0].Detail, "between 2026-03-02T10:00:03.000Z") {
		t.Errorf("problems are %+v", r.Problems)
	}
	names, _ := c.export(c.disk)
	p := probeFile(t, names["person-a"])
	if len(p.times(t, "opus")) != 150 || len(p.times(t, "vp8")) != 45 {
		t.Errorf("exported %d packets, %d frames", len(p.times(t, "opus")), len(p.times(t, "vp8")))
	}
	decodes(t, names["person-a"])
}

// TestLateReleases checks that frames of an epoch whose keys never arrived are reported with their time, and that audio continues after
// them, and video at the next key frame that opens.
func TestLateReleases(t *testing.T) {
	media := loadMedia(t)
	c := newClinic(t, nil)
	m := c.member()
	a, v := c.start(sealedAudio("person-a")), c.start(sealedVideo("person-a"))
	a.Release(m.release(true, slices.Concat(kids(0, 0, 1), kids(0, 0, 3))...))
	v.Release(m.release(true, slices.Concat(kids(1, 0, 1), kids(1, 0, 3))...))
	second := func(kid func(number int) sframe.KID, codec sframe.Codec, list []sample) []sample {
		return slices.Concat(m.seal(kid(1), codec, at(list, 0, 2500*time.Millisecond)), m.seal(kid(2), codec, at(list, 2500*time.Millisecond, 3500*time.Millisecond)),
			m.seal(kid(3), codec, at(list, 3500*time.Millisecond, mediaTime)))
	}
	sound := second(func(n int) sframe.KID { return kids(0, 0, n)[0] }, sframe.Opus, media.audio)
	pictures := second(func(n int) sframe.KID { return kids(1, 0, n)[2] }, sframe.VP8, media.video)
	audio, video := sender{rate: 48000}, sender{rate: 90000}
	audio.publish(t, a, audio.packets(Audio, sound, began), began)
	video.publish(t, v, video.packets(Video, pictures, began), began)
	c.close()
	r := c.verify(c.disk)
	if got, want := framesOf(t, r, Audio), (FrameCounts{Opened: uint64(len(media.audio)) - 50, Unreleased: 50}); got != want {
		t.Errorf("audio: %+v, want %+v", got, want)
	}
	if got := framesOf(t, r, Video); got.Unreleased != 15 || got.Forged != 0 || got.Opened != uint64(len(media.video))-15 {
		t.Errorf("video: %+v", got)
	}
	if len(r.Problems) != 2 || !strings.Contains(r.Problems[0].Detail, "50 frames between 2026-03-02T10:00:02.500Z and 2026-03-02T10:00:03.480Z") {
		t.Errorf("problems are %+v", r.Problems)
	}
	next := slices.IndexFunc(media.video, func(s sample) bool { return s.key && s.at >= 3500*time.Millisecond })
	names, _ := c.export(c.disk)
	p := probeFile(t, names["person-a"])
	if got, want := len(p.times(t, "vp8")), len(at(media.video, 0, 2500*time.Millisecond))+len(media.video)-next; got != want || next < 0 {
		t.Errorf("%d frames, want %d", got, want)
	}
	if got, want := len(p.times(t, "opus")), len(media.audio)-50; got != want {
		t.Errorf("%d packets, want %d", got, want)
	}
	decodes(t, names["person-a"])
}

// TestForgedFrames checks that frames that the person did not seal, or sealed at another time, are counted and left out, and that the
// recording is not intact.
func TestForgedFrames(t *testing.T) {
	media := loadMedia(t)
	sound := media.audio[:100]
	flip := func(s sample, n int) sample {
		s.data = bytes.Clone(s.data)
		s.data[n] ^= 1
		return s
	}
	for name, forge := range map[string]func(sealed []sample) []sample{
		"a flipped bit": func(s []sample) []sample { s[50] = flip(s[50], 20); return s },
		"plain":         func(s []sample) []sample { s[50].data = sound[50].data; return s },
		"replayed":      func(s []sample) []sample { s[50].data = s[49].data; return s },
		"replayed late": func(s []sample) []sample { s[99].data = s[0].data; return s },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t, nil)
			m := c.member()
			a := c.start(sealedAudio("person-a"))
			a.Release(m.release(true, kids(0, 0, 1)...))
			audio := sender{rate: 48000}
			audio.publish(t, a, audio.packets(Audio, forge(m.seal(kids(0, 0, 1)[0], sframe.Opus, sound)), began), began)
			c.close()
			r := c.verify(c.disk)
			if got, want := framesOf(t, r, Audio), (FrameCounts{Opened: 99, Forged: 1}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			if r.Intact() || !slices.Equal(findings(r), []Finding{Forged}) {
				t.Errorf("problems are %+v", r.Problems)
			}
			names, list := c.export(c.disk)
			if len(list) != 1 || list[0].Blocks != 99 {
				t.Errorf("exported %+v", list)
			}
			decodes(t, names["person-a"])
		})
	}
}

// TestUnreadableReleases checks that each unreadable release is reported, and that nothing that needs it opens.
func TestUnreadableReleases(t *testing.T) {
	media := loadMedia(t)
	other := must(age.GenerateX25519Identity())(t)
	good := kids(0, 0, 1)
	for name, tt := range map[string]struct {
		release func(m *sealingMember) Release
		finding Finding
	}{
		"to others": {func(m *sealingMember) Release {
			m.to = []age.Recipient{other.Recipient()}
			return m.release(true, good...)
		}, Closed},
		"a damaged age file": {func(m *sealingMember) Release {
			r := m.release(true, good...)
			r.Sealed[len(r.Sealed)-1] ^= 1
			return r
		}, Damaged},
		"another secret than a key": {func(m *sealingMember) Release { m.rk = m.rk[:16]; return m.release(true, good...) }, Damaged},
		"a damaged key": {func(m *sealingMember) Release {
			r := m.release(true, good...)
			r.Keys[0].Blob[3] ^= 1
			return r
		}, Damaged},
		"a key under another name": {func(m *sealingMember) Release {
			r := m.release(true, kids(0, 0, 2)...)
			r.Keys[0].KID = uint32(good[0])
			return r
		}, Damaged},
		"without what opens it": {func(m *sealingMember) Release { return m.release(false, good...) }, Damaged},
		"of another stream":     {func(m *sealingMember) Release { return m.release(true, kids(1, 0, 1)...) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t, nil)
			m := c.member()
			a := c.start(sealedAudio("person-a"))
			if !a.Release(tt.release(m)) {
				t.Fatal("refused")
			}
			audio := sender{rate: 48000}
			kid := good[0]
			if tt.finding == "" { // a camera's stream in a microphone's track
				kid = kids(1, 0, 1)[0]
			}
			audio.publish(t, a, audio.packets(Audio, m.seal(kid, sframe.Opus, media.audio[:50]), began), began)
			c.close()
			r := c.verify(c.disk)
			want := []Finding{tt.finding, Unreleased}
			if tt.finding == "" {
				want = want[1:]
			}
			if got := framesOf(t, r, Audio); got != (FrameCounts{Unreleased: 50}) || !slices.Equal(findings(r), want) {
				t.Errorf("%+v, problems %+v", got, r.Problems)
			}
			if r.Intact() != (tt.finding != Damaged) {
				t.Errorf("intact: %v", r.Intact())
			}
			if _, list := c.export(c.disk); len(list) != 0 {
				t.Errorf("exported %+v", list)
			}
		})
	}
}

// TestSealedPeopleAndIdentities checks that an erased person's recording and key releases do not open, and that another identity opens
// nothing.
func TestSealedPeopleAndIdentities(t *testing.T) {
	media := loadMedia(t)
	c := newClinic(t, nil)
	for _, person := range []string{"person-a", "person-b", "person-c"} {
		m := c.member()
		a := c.start(sealedAudio(person))
		switch person { // person-c consents, and gives no keys of this stream
		case "person-c":
			a.Release(m.release(true, kids(1, 0, 1)...))
		default:
			a.Release(m.release(true, kids(0, 0, 1)...))
		}
		audio := sender{rate: 48000}
		audio.publish(t, a, audio.packets(Audio, m.seal(kids(0, 0, 1)[0], sframe.Opus, media.audio[:50]), began), began)
	}
	c.close()
	if names, list := c.export(c.disk); len(list) != 2 || names["person-c"] != "" {
		t.Errorf("exported %+v", list)
	}
	backup := c.disk.copy()
	must(Erase(c.disk, c.keyring, "person-a"))(t)
	r := c.verify(backup)
	if r.Closed != 1 || !r.Intact() || len(r.Tracks) != 2 {
		t.Errorf("report is %+v", r)
	}
	if _, list := c.export(backup); len(list) != 1 || list[0].Person != "person-b" {
		t.Errorf("exported %+v", list)
	}
	other := must(NewOpener([]byte(must(age.GenerateX25519Identity())(t).String()), c.keyring))(t)
	r = must(other.Verify(backup, nil, nil))(t)
	if r.Closed != 3 || len(r.Tracks) != 0 {
		t.Errorf("by another identity: %+v", r)
	}
	if _, list := exportTo(t, other, backup); len(list) != 0 {
		t.Errorf("another identity exported %+v", list)
	}
}

// TestNoRelease checks that media without a key release is not written: the track waits two seconds, then stops and reports why. A release
// within that time loses nothing.
func TestNoRelease(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration // when the release comes, 0 for never
		files int
	}{
		"never": {0, 0}, "in time": {1500 * time.Millisecond, 1}, "too late": {3 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClinic(t, nil)
				m := c.member()
				track := c.start(sealedAudio("person-a"))
				time.Sleep(10 * time.Second) // without media a track waits
				began, put := time.Now(), uint64(0)
				for n := range 250 {
					if tt.after > 0 && time.Duration(n)*20*time.Millisecond == tt.after {
						if came := track.Release(m.release(true, kids(0, 0, 1)...)); came != (tt.files == 1) {
							t.Errorf("release: %v", came)
						}
					}
					time.Sleep(20 * time.Millisecond)
					if track.Put(unit(n, began)) {
						put++
					}
				}
				track.Stop()
				<-track.Done()
				c.close()
				f, s := c.failures(), c.recorder.Stats()
				if tt.files == 1 {
					if r := c.verify(c.disk); len(f) > 0 || put != 250 || s.Unreleased != 0 || r.Tracks[0].Units != 250 || !r.Tracks[0].Complete {
						t.Errorf("failures %v, stats %+v, report %+v", f, s, r)
					}
					return
				}
				if len(f) != 1 || f[0].Cause != NoRelease || put < 100 || put > 150 || s.Unreleased != put || s.Units != 0 {
					t.Errorf("%d units, failures %v, stats %+v", put, f, s)
				}
				if names := c.disk.segments(t); len(names) != 0 {
					t.Errorf("there are %v", names)
				}
				if len(bytes.Trim(track.queue.buf, "\x00")) > 0 {
					t.Error("the queue is not wiped")
				}
			})
		})
	}
}

// TestReleaseWithoutMedia checks that an unused track leaves no file, however many keys arrived for it, and that the newest keys open later
// media.
func TestReleaseWithoutMedia(t *testing.T) {
	media := loadMedia(t)
	for _, used := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newClinic(t, nil)
			m := c.member()
			track := c.start(sealedAudio("person-a"))
			for n := range 3 * MaxPending {
				if !track.Release(m.release(n == 0, kids(0, 0, n)...)) {
					t.Fatal("refused")
				}
				time.Sleep(time.Second)
			}
			audio, now := sender{rate: 48000}, time.Now()
			if used {
				audio.publish(t, track, audio.packets(Audio, m.seal(kids(0, 0, 3*MaxPending-1)[0], sframe.Opus, media.audio[:50]), now), now)
			}
			c.close()
			if names := c.disk.segments(t); !used && len(names) != 0 {
				t.Errorf("there are %v", names)
			}
			if used && framesOf(t, c.verify(c.disk), Audio).Opened != 50 {
				t.Errorf("report %+v", c.verify(c.disk))
			}
		})
	}
}

// TestReleaseLimits checks that a release that is too long, or too many at once, fail the track, and that an unencrypted track accepts
// none.
func TestReleaseLimits(t *testing.T) {
	c := newClinic(t, nil)
	m := c.member()
	clear := c.start(audioOf("person-a"))
	if clear.Release(m.release(true, kids(0, 0, 1)...)) {
		t.Error("a track in clear takes a release")
	}
	long := c.start(sealedAudio("person-a"))
	if long.Release(Release{Sealed: make([]byte, MaxRelease)}) || long.failed.Load() != &tooLong {
		t.Error("a release that is too long is taken")
	}
	many := &pendingReleases{}
	for range MaxPending {
		if cause := many.add(Release{}, began); cause != nil {
			t.Fatal(*cause)
		}
	}
	if cause := many.add(Release{}, began); cause != &queueFull {
		t.Error("more releases wait than may")
	}
	c.close()
}

// TestSegmentsOpenAlone checks that each segment repeats the keys, so that it opens if another segment is lost.
func TestSegmentsOpenAlone(t *testing.T) {
	media := loadMedia(t)
	c := newClinic(t, func(cfg *Config) { cfg.SegmentBytes = maxPlain })
	m := c.member()
	v := c.start(sealedVideo("person-a"))
	v.Release(m.release(true, kids(1, 0, 1)...))
	v.Release(m.release(false, kids(1, 0, 2)...))
	video := sender{rate: 90000}
	video.publish(t, v, video.packets(Video, m.seal(kids(1, 0, 2)[0], sframe.VP8, media.video), began), began)
	c.close()
	all := must(List(c.disk))(t)
	if len(all) < 3 {
		t.Fatalf("%d segments", len(all))
	}
	d := c.disk.copy()
	delete(d.files, all[0].Name)
	r := c.verify(d)
	if got := framesOf(t, r, Video); got.Opened == 0 || got.Unreleased+got.Forged > 0 || r.Intact() {
		t.Errorf("%+v, problems %+v", got, r.Problems)
	}
	for _, part := range []float64{0.5, 0.999} { // a crash
		d := c.disk.copy()
		last := d.files[all[len(all)-1].Name]
		last.now = last.now[:int(float64(len(last.now))*part)]
		if r := c.verify(d); !r.Intact() || framesOf(t, r, Video).Opened == 0 {
			t.Errorf("after a crash: %+v", r)
		}
	}
}

// TestVersions checks that only version 2 has releases, and that an unknown version is reported as such, and not as a damaged header.
func TestVersions(t *testing.T) {
	var e [entryHead]byte
	putEntry(&e, entryRelease, 0, 2, 0, 0, began)
	plain := append(e[:], "{}"...)
	if _, err := parseEntries(version1, plain); err == nil {
		t.Error("version 1 takes a release")
	}
	if list, err := parseEntries(version2, plain); err != nil || !list[0].Release || list[0].media() {
		t.Errorf("version 2: %+v, %v", list, err)
	}
	c := newClinic(t, nil)
	track := c.start(audioOf("person-a"))
	track.Put(unit(0, began))
	c.close()
	for digit, want := range map[byte]error{'0': errHeader, '3': errVersion, '9': errVersion, 'A': errHeader} {
		d := c.disk.copy()
		for _, f := range d.files {
			f.now = bytes.Clone(f.now)
			f.now[7] = digit
		}
		r := c.verify(d)
		all := must(List(d))(t)
		if len(all) != 1 || !errors.Is(all[0].Err, want) || len(r.Problems) != 1 || r.Problems[0].Finding != Unreadable || r.Problems[0].Detail != headerDetail(want) {
			t.Errorf("version %c: %+v, %+v", digit, all, r.Problems)
		}
	}
	d := c.disk.copy() // a track of version 1 that calls itself 2: records authenticate the version
	for _, f := range d.files {
		f.now = bytes.Clone(f.now)
		f.now[7] = '2'
	}
	if r := c.verify(d); r.Intact() {
		t.Errorf("another version of the header: %+v", r)
	}
}

// TestReplayWindow compares the window with a set of all counters.
func TestReplayWindow(t *testing.T) {
	for _, counters := range [][]uint32{
		{0x10000, 0x10000, 0x10001, 0x10003, 0x10002, 0x10002, 0x10003},
		{0x10000, 0x10000 + replaySize, 0x10000, 0x10001, 0x10002, 0x10000 + 3*replaySize, 0x10000 + 2*replaySize + 1, 0x10000 + 2*replaySize},
		{0xffffff, 0xffffff, 0x10000},
	} {
		w, seen, highest := replayWindow{}, map[uint32]bool{}, uint32(0)
		for _, n := range counters {
			want := !seen[n] && (n > highest || highest-n < replaySize)
			if got := w.mark(n); got != want {
				t.Errorf("%x of %x: %v, want %v", n, counters, got, want)
			}
			seen[n], highest = true, max(highest, n)
		}
	}
}
