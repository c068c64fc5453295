package daemon

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"alcove/sfu/record"
	"alcove/sfu/record/sframe"
)

// A releaser is a participant who seals frames and releases their keys.
type releaser struct {
	t      *testing.T
	rk     []byte
	sealed []byte
	count  uint32
}

func newReleaser(t *testing.T, to age.Recipient) *releaser {
	t.Helper()
	r := &releaser{t: t, rk: bytes.Repeat([]byte{9}, 32)}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(r.rk)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r.sealed = b.Bytes()
	return r
}

func (r *releaser) keys(number int) (sframe.KID, []byte, []byte) {
	kid := sframe.NewKID(sframe.Microphone, 1, 0, number)
	key, salt, err := sframe.Derive(r.rk, kid)
	if err != nil {
		r.t.Fatal(err)
	}
	return kid, key, salt
}

// release gives the keys of an epoch, with the key that opens them if first.
func (r *releaser) release(number int, first bool) record.Release {
	kid, key, salt := r.keys(number)
	block, err := aes.NewCipher(r.rk)
	if err != nil {
		r.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		r.t.Fatal(err)
	}
	name := binary.BigEndian.AppendUint32(nil, uint32(kid))
	out := record.Release{Scope: soundScope, Number: uint64(number), Keys: []record.ReleasedKey{
		{KID: uint32(kid), Blob: aead.Seal(nil, append(make([]byte, 8), name...), slices.Concat(key, salt), name)},
	}}
	if first {
		out.Sealed = r.sealed
	}
	return out
}

// put records one frame of an epoch.
func (r *releaser) put(track *record.Track, number int) {
	r.t.Helper()
	kid, key, salt := r.keys(number)
	k, err := sframe.NewKey(key, salt)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := k.Seal(nil, sframe.Opus, kid, sframe.MinCounter+r.count, []byte("frame"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.count++
	if !track.Put(record.Unit{Seq: uint64(r.count), Timestamp: 960 * r.count, Arrived: time.Now(), Payload: b}) {
		r.t.Error("a frame is refused")
	}
}

// A sealedStudio records into a folder.
type sealedStudio struct {
	t        *testing.T
	identity *age.X25519Identity
	keyring  *record.Keyring
	storage  record.Storage
	recorder *record.Recorder
	failed   []record.Cause
}

// newSealedStudio makes one whose disk takes a time for each sync.
func newSealedStudio(t *testing.T, sync time.Duration) *sealedStudio {
	t.Helper()
	s := &sealedStudio{t: t}
	dir := t.TempDir()
	files := record.KeyringPaths{File: filepath.Join(dir, "keys"), KeyFile: filepath.Join(dir, "key"), Copy: filepath.Join(dir, "copy")}
	err := record.CreateKeyring(files)
	if err == nil {
		s.keyring, err = record.OpenKeyring(files, time.Now)
	}
	if err == nil {
		s.storage, err = record.OpenFolder(filepath.Join(dir, "segments"))
	}
	if err == nil {
		s.identity, err = age.GenerateX25519Identity()
	}
	if err == nil {
		s.recorder, err = record.Open(record.Config{Storage: slowStorage{s.storage, sync}, Keyring: s.keyring, MinFree: 1, OnFailed: func(f record.Failure) { s.failed = append(s.failed, f.Cause) },
			Recipients: func() (record.Recipients, error) {
				return record.ParseRecipients([]byte(s.identity.Recipient().String()))
			}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A slowStorage is a Storage on a slow disk.
type slowStorage struct {
	record.Storage
	sync time.Duration
}

// Create implements record.Storage.
func (s slowStorage) Create(name string) (record.File, error) {
	f, err := s.Storage.Create(name)
	return slowFile{f, s.sync}, err
}

type slowFile struct {
	record.File
	sync time.Duration
}

// Sync implements record.File.
func (f slowFile) Sync() error {
	time.Sleep(f.sync)
	return f.File.Sync()
}

func (s *sealedStudio) start() *record.Track {
	s.t.Helper()
	track, err := s.recorder.Start(record.Info{Session: "s", Person: "p", Kind: record.Audio, Codec: record.Opus, Source: "microphone", ClockRate: 48000, Class: "c", Purpose: soundScope, Sealed: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return track
}

// frames counts those of all tracks.
func (s *sealedStudio) frames() (n record.FrameCounts, tracks int) {
	s.t.Helper()
	if err := s.recorder.Close(); err != nil {
		s.t.Fatal(err)
	}
	o, err := record.NewOpener([]byte(s.identity.String()), s.keyring)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := o.Verify(s.storage, nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, t := range r.Tracks {
		n.Opened, n.Unreleased, n.Forged = n.Opened+t.Frames.Opened, n.Unreleased+t.Frames.Unreleased, n.Forged+t.Frames.Forged
	}
	return n, len(r.Tracks)
}

// TestReleasesReachTracks checks that a track contains the keys that were released before it began and while it runs, also if the track
// begins after several releases.
func TestReleasesReachTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSealedStudio(t, 0)
		r, all, by := newReleaser(t, s.identity.Recipient()), newRoomReleases(time.Now), releasedBy{"ann", soundScope}
		add := func(by releasedBy, release record.Release, want bool) {
			t.Helper()
			if got := all.add(by, release); got != want {
				t.Errorf("release of %d by %s: %v", release.Number, by.participant, got)
			}
			time.Sleep(time.Second)
		}
		add(by, r.release(1, false), false) // nothing opens it
		add(by, r.release(1, true), true)
		add(releasedBy{"ben", soundScope}, r.release(9, true), true) // of somebody else
		first := s.start()
		all.begin(by, first)
		r.put(first, 1)
		for number := 2; number < 10; number++ {
			add(by, r.release(number, false), true)
			r.put(first, number)
		}
		first.Stop()
		<-first.Done()
		second := s.start()
		all.begin(by, second)
		for number := range 10 {
			r.put(second, number) // 0 to 5 are too old
		}
		add(by, r.release(10, false), true)
		r.put(second, 10)
		if n := len(all.kept[by].tracks); n != 1 {
			t.Errorf("%d tracks are kept, one runs", n)
		}
		second.Stop()
		<-second.Done()
		if n, tracks := s.frames(); n != (record.FrameCounts{Opened: 9 + 5, Unreleased: 6}) || tracks != 2 || len(s.failed) > 0 {
			t.Errorf("%d tracks, frames %+v, failures %v", tracks, n, s.failed)
		}
	})
}

// TestFloodOfReleases checks that a participant who releases as much as the daemon accepts, while the disk is as slow as it may be, does not
// make the track fail: that would end the recording of the whole room.
func TestFloodOfReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSealedStudio(t, record.DefaultSlowSync)
		r, all, by := newReleaser(t, s.identity.Recipient()), newRoomReleases(time.Now), releasedBy{"ann", soundScope}
		track := s.start()
		all.begin(by, track)
		refused := 0
		for number := range 200 {
			if !all.add(by, r.release(number, true)) {
				refused++
			}
			r.put(track, number)
			time.Sleep(releaseEvery / 4)
		}
		if refused == 0 {
			t.Error("this is no flood")
		}
		if n, tracks := s.frames(); n.Opened == 0 || n.Forged > 0 || tracks != 1 || len(s.failed) > 0 {
			t.Errorf("%d tracks, frames %+v, failures %v", tracks, n, s.failed)
		}
	})
}

// TestReleaseLimits checks that the number and size of the key releases that the daemon accepts are bounded, because clients send them.
func TestReleaseLimits(t *testing.T) {
	now := time.Now()
	all := newRoomReleases(func() time.Time { return now })
	release := record.Release{Sealed: []byte("s")}
	taken := 0
	for range 2 * releaseBurst {
		if all.add(releasedBy{"ann", soundScope}, release) {
			taken++
		}
	}
	if taken != releaseBurst {
		t.Errorf("%d releases at once", taken)
	}
	now = now.Add(releaseEvery)
	if !all.add(releasedBy{"ann", soundScope}, release) {
		t.Error("the limit never ends")
	}
	for n := range 2 * maxReleasedBy {
		all.add(releasedBy{strconv.Itoa(n), soundScope}, release)
	}
	if len(all.kept) != maxReleasedBy {
		t.Errorf("%d participants are kept", len(all.kept))
	}
	all.keep([]string{"ann", "7"})
	if len(all.kept) != 2 {
		t.Errorf("%d participants are kept of two who are there", len(all.kept))
	}
	for range 3 * keptReleases {
		now = now.Add(time.Second)
		all.add(releasedBy{"7", soundScope}, record.Release{Number: 5})
	}
	if list := all.kept[releasedBy{"7", soundScope}].list; len(list) != keptReleases || string(list[0].Sealed) != "s" {
		t.Errorf("kept %+v", list)
	}
}
