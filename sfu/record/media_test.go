package record

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
	"github.com/pion/rtp/codecs"
)

// A sample is a real frame of VP8 or packet of Opus.
type sample struct {
	at   time.Duration
	key  bool
	data []byte
}

// media is six seconds that ffmpeg encoded: a moving picture at 15 frames a second, and a tone.
type media struct{ audio, video []sample }

const mediaTime = 6 * time.Second

var realMedia = sync.OnceValues(func() (media, error) {
	var m media
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=15,noise=alls=30:allf=t", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "6", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k", "-g", "30", "-c:a", "libopus", "-b:a", "32k", "-f", "webm", "-live", "1", "pipe:1").Output()
	if err != nil {
		return m, err
	}
	var file struct {
		Header  webm.EBMLHeader `ebml:"EBML"`
		Segment webm.Segment    `ebml:"Segment"`
	}
	if err := ebml.Unmarshal(bytes.NewReader(out), &file, ebml.WithIgnoreUnknown(true)); err != nil {
		return m, err
	}
	for _, c := range file.Segment.Cluster {
		for _, b := range c.SimpleBlock {
			s := sample{time.Duration(int64(c.Timecode)+int64(b.Timecode)) * time.Millisecond, b.Keyframe, b.Data[0]}
			if b.TrackNumber == 1 {
				s.at = time.Duration(len(m.video)) * time.Second / 15
				m.video = append(m.video, s)
			} else {
				s.at = time.Duration(len(m.audio)) * 20 * time.Millisecond
				m.audio = append(m.audio, s)
			}
		}
	}
	return m, nil
})

func loadMedia(t testing.TB) media {
	t.Helper()
	for _, tool := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: deploy/setup.sh test installs it", err)
		}
	}
	m, err := realMedia()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.video) < 85 || len(m.audio) < 295 || !m.video[0].key {
		t.Fatalf("%d frames and %d packets", len(m.video), len(m.audio))
	}
	return m
}

// A sender is a synthetic publisher: its RTP clock begins anywhere, may be fast or slow, and its packets take their time.
type sender struct {
	rate   float64
	base   uint32
	drift  float64                 // of the clock: 100e-6 is 100 ppm fast
	delay  func(int) time.Duration // of the nth packet
	report time.Duration           // between sender reports, 0 for none
	wrong  time.Duration           // what the third report is off by
}

func (s sender) rtp(at time.Duration) uint32 {
	return s.base + uint32(int64(at.Seconds()*s.rate*(1+s.drift)))
}

// packets returns the units of samples.
func (s sender) packets(kind Kind, samples []sample, began time.Time) (list []Unit) {
	payloader := codecs.VP8Payloader{EnablePictureID: true}
	for _, x := range samples {
		payloads := [][]byte{x.data}
		if kind == Video {
			payloads = payloader.Payload(500, x.data)
		}
		for i, p := range payloads {
			n := len(list)
			var delay time.Duration
			if s.delay != nil {
				delay = s.delay(n)
			}
			list = append(list, Unit{Seq: uint64(n) + 60000, Timestamp: s.rtp(x.at), Arrived: began.Add(x.at + delay),
				Marker: i == len(payloads)-1, KeyFrame: kind == Video && x.key && i == 0, Payload: p})
		}
	}
	return list
}

// publish puts units into a track, with sender reports between.
func (s sender) publish(t testing.TB, track *Track, units []Unit, began time.Time) {
	t.Helper()
	next, reports := time.Duration(0), 0
	for _, u := range units {
		if at := u.Arrived.Sub(began); s.report > 0 && at >= next {
			moment := began.Add(at)
			if reports++; reports == 3 {
				moment = moment.Add(s.wrong)
			}
			track.Clock(s.rtp(at), moment)
			next = at + s.report
		}
		if !track.Put(u) {
			t.Fatal("refused")
		}
	}
}

// export writes all files of a Storage into a folder and returns their names by person.
func (c *clinic) export(l Storage) (names map[string]string, list []ExportedFile) {
	c.t.Helper()
	return exportTo(c.t, c.opener(), l)
}

// exportTo exports everything that an opener can open.
func exportTo(t testing.TB, o *Opener, l Storage) (names map[string]string, list []ExportedFile) {
	t.Helper()
	dir := t.TempDir()
	names = map[string]string{}
	x := Exporter{Opener: o, Storage: l, Create: func(session, person string) (WriteSeekCloser, error) {
		names[person] = filepath.Join(dir, session+"-"+person+".webm")
		return os.Create(names[person])
	}}
	list, err := x.Export()
	if err != nil {
		t.Fatal(err)
	}
	return names, list
}

// A probe is the output of ffprobe for a file.
type probe struct {
	Format  struct{ Duration string }
	Streams []struct {
		Index      int
		Codec_name string
		Width      int
	}
	Packets []struct {
		Stream_index int
		Pts_time     string
		Flags        string
	}
}

func probeFile(t testing.TB, name string) (p probe) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_packets", "-of", "json", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p probe) duration(t testing.TB) time.Duration { return seconds(t, p.Format.Duration) }

// times returns the packet times of a codec.
func (p probe) times(t testing.TB, codec string) (list []time.Duration) {
	t.Helper()
	for _, s := range p.Streams {
		for _, one := range p.Packets {
			if s.Codec_name == codec && one.Stream_index == s.Index {
				list = append(list, seconds(t, one.Pts_time))
			}
		}
	}
	return list
}

func seconds(t testing.TB, s string) time.Duration {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(f * float64(time.Second))
}

// decodes lets ffmpeg decode everything without a complaint.
func decodes(t testing.TB, name string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-i", name, "-f", "null", "-").CombinedOutput()
	if text := strings.TrimSpace(string(out)); err != nil || text != "" {
		t.Errorf("ffmpeg says %s (%v)", text, err)
	}
}
