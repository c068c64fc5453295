package record

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var began = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// TestExport records real media of two people, one of whom comes later, and reads the files with ffmpeg.
func TestExport(t *testing.T) {
	m := loadMedia(t)
	c := newClinic(t, func(cfg *Config) { cfg.SegmentBytes = maxPlain })
	audio, video := sender{rate: 48000, base: 1 << 31}, sender{rate: 90000, base: 0xfffffff0}
	for person, late := range map[string]time.Duration{"person-a": 0, "person-b": 2 * time.Second} {
		at := began.Add(late)
		a, v := c.start(audioOf(person)), c.start(videoOf(person))
		audio.publish(t, a, audio.packets(Audio, m.audio, at), at)
		video.publish(t, v, video.packets(Video, m.video, at), at)
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if names := c.disk.segments(t); len(names) < 6 {
		t.Errorf("only %d segments", len(names))
	}
	names, list := c.export(c.disk)
	if len(list) != 2 || !list[0].Zero.Equal(list[1].Zero) {
		t.Fatalf("exported %+v", list)
	}
	for person, late := range map[string]time.Duration{"person-a": 0, "person-b": 2 * time.Second} {
		p := probeFile(t, names[person])
		if d := p.duration(t) - late - mediaTime; d.Abs() > 100*time.Millisecond {
			t.Errorf("%s lasts %v", person, p.duration(t))
		}
		a, v := p.times(t, "opus"), p.times(t, "vp8")
		if len(a) != len(m.audio) || len(v) != len(m.video) {
			t.Errorf("%d of %d packets, %d of %d frames", len(a), len(m.audio), len(v), len(m.video))
		}
		if first := min(a[0], v[0]) - late; first.Abs() > 5*time.Millisecond {
			t.Errorf("%s begins %v off", person, first)
		}
		if p.Streams[1].Width != 320 {
			t.Errorf("streams are %+v", p.Streams)
		}
		decodes(t, names[person])
	}
}

// TestLipSync checks that audio and video stay synchronized if there are sender reports, with clocks that start anywhere and drift, and a
// network that delays video by 80 to 280 ms.
func TestLipSync(t *testing.T) {
	m := loadMedia(t)
	chance := rand.New(rand.NewPCG(3, 4))
	jitter := func(least, most int) func(int) time.Duration {
		return func(int) time.Duration { return time.Duration(least+chance.IntN(most-least)) * time.Millisecond }
	}
	tests := []struct {
		name         string
		audio, video sender
		least        time.Duration // what may be wrong
	}{
		{"reports", sender{rate: 48000, base: 5, delay: jitter(5, 20), report: time.Second}, sender{rate: 90000, base: 0xffff0000, delay: jitter(80, 280), report: time.Second}, 5 * time.Millisecond},
		{"drift", sender{rate: 48000, base: 5, drift: 200e-6, report: 500 * time.Millisecond}, sender{rate: 90000, drift: -200e-6, delay: jitter(80, 280), report: 500 * time.Millisecond}, 5 * time.Millisecond},
		{"one report is wrong", sender{rate: 48000, report: 500 * time.Millisecond}, sender{rate: 90000, delay: jitter(80, 280), report: 500 * time.Millisecond, wrong: 15 * time.Millisecond}, 5 * time.Millisecond},
		{"arrival only", sender{rate: 48000, delay: jitter(5, 20)}, sender{rate: 90000, delay: jitter(5, 60)}, 20 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClinic(t, nil)
			a, v := c.start(audioOf("person-a")), c.start(videoOf("person-a"))
			audio := tt.audio.packets(Audio, m.audio, began)
			video := tt.video.packets(Video, m.video, began)
			for _, list := range [][]Unit{audio, video} {
				slices.SortStableFunc(list, func(a, b Unit) int { return a.Arrived.Compare(b.Arrived) }) // jitter reorders
			}
			tt.audio.publish(t, a, audio, began)
			tt.video.publish(t, v, video, began)
			if err := c.recorder.Close(); err != nil {
				t.Fatal(err)
			}
			names, _ := c.export(c.disk)
			p := probeFile(t, names["person-a"])
			sound, pictures := p.times(t, "opus"), p.times(t, "vp8")
			if len(sound) != len(m.audio) || len(pictures) != len(m.video) {
				t.Fatalf("%d of %d packets, %d of %d frames", len(sound), len(m.audio), len(pictures), len(m.video))
			}
			worst := time.Duration(0)
			for i, at := range pictures {
				n := slices.IndexFunc(m.audio, func(s sample) bool { return s.at >= m.video[i].at })
				if n < 0 {
					break
				}
				wrong := (at - m.video[i].at) - (sound[n] - m.audio[n].at)
				if wrong.Abs() > worst.Abs() {
					worst = wrong
				}
			}
			t.Logf("sound and picture are at most %v apart", worst)
			if worst.Abs() > tt.least {
				t.Errorf("sound and picture are %v apart", worst)
			}
			decodes(t, names["person-a"])
		})
	}
}

// TestLostPackets checks that an incomplete frame is left out with all frames up to the next key frame, so that no damaged frame is shown.
func TestLostPackets(t *testing.T) {
	m := loadMedia(t)
	c := newClinic(t, nil)
	s := sender{rate: 90000}
	units := s.packets(Video, m.video, began)
	lost := slices.IndexFunc(units, func(u Unit) bool { return u.Arrived.Sub(began) > time.Second && !u.KeyFrame && !u.Marker })
	next := slices.IndexFunc(m.video, func(x sample) bool { return x.key && x.at > units[lost].Arrived.Sub(began) })
	if lost < 0 || next < 0 {
		t.Fatal("nothing to lose")
	}
	before := slices.IndexFunc(m.video, func(x sample) bool { return s.rtp(x.at) == units[lost].Timestamp })
	units = slices.Delete(units, lost, lost+1)
	units = slices.Insert(units, 40, units[39]) // and one comes twice
	v := c.start(videoOf("person-a"))
	s.publish(t, v, units, began)
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := c.export(c.disk)
	p := probeFile(t, names["person-a"])
	if got, want := len(p.times(t, "vp8")), len(m.video)-(next-before); got != want {
		t.Errorf("%d frames, want %d", got, want)
	}
	decodes(t, names["person-a"])
}

// TestPausesAndConsent checks that audio keeps its place over a pause that freezes the RTP clock and over a withdrawal and a new consent,
// and that nothing is exported for the time between.
func TestPausesAndConsent(t *testing.T) {
	m := loadMedia(t)
	c := newClinic(t, nil)
	s := sender{rate: 48000, base: 9}
	units := s.packets(Audio, m.audio[:100], began) // 2 s
	for i := 50; i < 100; i++ {
		units[i].Arrived = units[i].Arrived.Add(3 * time.Second) // the clock stood still for 3 s
	}
	first := c.start(audioOf("person-a"))
	s.publish(t, first, units, began)
	first.Stop()
	again := sender{rate: 48000, base: 12345}
	later := began.Add(8 * time.Second)
	second := c.start(audioOf("person-a"))
	again.publish(t, second, again.packets(Audio, m.audio[:50], later), later)
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	names, list := c.export(c.disk)
	if len(list) != 1 {
		t.Fatalf("exported %+v", list)
	}
	times := probeFile(t, names["person-a"]).times(t, "opus")
	for i, want := range map[int]time.Duration{0: 0, 49: 980 * time.Millisecond, 50: 4 * time.Second, 99: 4980 * time.Millisecond, 100: 8 * time.Second, 149: 8980 * time.Millisecond} {
		if d := times[i] - want; d.Abs() > 5*time.Millisecond {
			t.Errorf("packet %d is at %v, want %v", i, times[i], want)
		}
	}
	decodes(t, names["person-a"])
}

// TestExportAfterCrash checks that the remains of a crash can be played.
func TestExportAfterCrash(t *testing.T) {
	m := loadMedia(t)
	c := newClinic(t, nil)
	audio, video := sender{rate: 48000}, sender{rate: 90000}
	a, v := c.start(audioOf("person-a")), c.start(videoOf("person-a"))
	audio.publish(t, a, audio.packets(Audio, m.audio, began), began)
	video.publish(t, v, video.packets(Video, m.video, began), began)
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	for _, part := range []float64{0.2, 0.5, 0.9, 0.999} {
		d := c.disk.copy()
		for _, f := range d.files {
			f.now = f.now[:int(float64(len(f.now))*part)]
		}
		r := c.verify(d)
		if len(r.Problems) != 2 || !r.Intact() {
			t.Errorf("report is %+v", r.Problems)
		}
		names, list := c.export(d)
		if len(list) == 1 {
			decodes(t, names["person-a"])
		} else if part > 0.9 {
			t.Errorf("exported %+v", list)
		}
	}
}
