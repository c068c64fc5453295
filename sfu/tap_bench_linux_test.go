package sfu

import (
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	"alcove/sfu/record"
)

// BenchmarkForwardRecorded is what recording a whole room of 12 costs its worker: CPU time of the worker's thread, and how long the
// slowest hundredth of its rounds takes, against the same room unrecorded, measured in turn. The recorder is the real one, on a
// disk, with its goroutines on the other core. record-x must stay below 1.15, record-p99-ms below 1.
func BenchmarkForwardRecorded(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const turn = 50 // windows of each in turn
	tap := newDiskTap(b)
	rooms := []*bench{newBench(b, 12), newBench(b, 12)}
	rooms[1].record(tap)
	for _, w := range rooms {
		w.bare = true
		for range 1000 { // two seconds: histories have their size
			w.work(w.window())
			w.drain(true)
		}
	}
	units := tap.recorder.Stats().Units
	var took [2]time.Duration
	var packets [2]int
	var rounds [2][]time.Duration
	for b.Loop() {
		for i, w := range rooms {
			for range turn {
				n := w.window()
				begin := time.Now()
				took[i] += w.work(n)
				rounds[i] = append(rounds[i], time.Since(begin))
				packets[i] += n
				w.drain(true)
			}
		}
	}
	cost := func(i int) float64 { return float64(took[i].Nanoseconds()) / 1000 / float64(packets[i]) }
	p99 := func(i int) float64 {
		slices.Sort(rounds[i])
		return rounds[i][len(rounds[i])*99/100].Seconds() * 1000
	}
	b.ReportMetric(cost(0), "us/in")
	b.ReportMetric(cost(1), "record-us/in")
	b.ReportMetric(cost(1)/cost(0), "record-x")
	b.ReportMetric(p99(1)-p99(0), "record-p99-ms")
	b.ReportMetric(0, "ns/op")
	if err := tap.recorder.Close(); err != nil {
		b.Fatal(err)
	}
	if n := tap.recorder.Stats().Units - units; n < uint64(packets[1])*95/100 {
		b.Fatalf("%d units of %d packets were recorded", n, packets[1])
	}
}

// A diskTap records as the daemon does.
type diskTap struct {
	tb       testing.TB
	recorder *record.Recorder
}

func newDiskTap(tb testing.TB) diskTap {
	tb.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		tb.Fatal(err)
	}
	to, err := record.ParseRecipients([]byte(identity.Recipient().String()))
	if err != nil {
		tb.Fatal(err)
	}
	layer, err := record.OpenFolder(filepath.Join(tb.TempDir(), "recordings"))
	if err != nil {
		tb.Fatal(err)
	}
	folder, second := tb.TempDir(), tb.TempDir()
	files := record.KeyringPaths{File: filepath.Join(folder, "keys"), KeyFile: filepath.Join(folder, "key"), Copy: filepath.Join(second, "keys")}
	if err := record.CreateKeyring(files); err != nil {
		tb.Fatal(err)
	}
	keyring, err := record.OpenKeyring(files, time.Now)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := record.Open(record.Config{
		Storage: layer, Keyring: keyring, Recipients: func() (record.Recipients, error) { return to, nil },
		OnFailed: func(f record.Failure) { tb.Errorf("a track failed: %s", f.Cause) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.Close() })
	return diskTap{tb, r}
}

// Begin implements Tap. The bench's clock waits for the disk: its first frames are key frames only for so long.
func (d diskTap) Begin(about TapInfo, ready func(TapTrack)) {
	info := record.Info{
		Session: "session", Person: string(about.Peer), Kind: record.Video, Codec: record.VP8, Source: string(about.Source),
		ClockRate: about.ClockRate, Class: "default", Purpose: "bench",
	}
	if about.Source == Microphone {
		info.Kind, info.Codec = record.Audio, record.Opus
	}
	track, err := d.recorder.Start(info)
	if err != nil {
		d.tb.Error(err)
		ready(nil)
		return
	}
	ready(diskTrack{track})
}

type diskTrack struct{ track *record.Track }

func (t diskTrack) Put(u TapUnit) {
	t.track.Put(record.Unit{Seq: u.Seq, Timestamp: u.Timestamp, Arrived: u.Arrival, Marker: u.Marker, KeyFrame: u.KeyFrame, Payload: u.Payload})
}
func (t diskTrack) Clock(timestamp uint32, at time.Time) { t.track.Clock(timestamp, at) }
func (t diskTrack) End()                                 { t.track.Stop() }
