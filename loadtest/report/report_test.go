package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// sample returns a report with every kind of content.
func sample() *Report {
	h := hdrhistogram.New(1, 60e6, 3)
	for i := range 1000 {
		_ = h.RecordValue(int64(100 + i))
	}
	d := NewDistribution(h)
	r := &Report{
		Schema: Schema, Scenario: "<therapy>", Command: "loadtest run", Commit: "abc", Started: time.Unix(1.8e9, 0), Machine: Machine{CPU: "A & B", Cores: 2},
		Clients: "light", Rooms: 2, Participants: 16, Window: 10, Network: "direct", Invalid: []string{},
		Audio: Media{Packets: 9900, Lost: 100, Latency: d, Corrected: d, Jitter: d},
		Video: Media{Packets: 20000, Lost: -3, Freezes: 2, FrozenMs: 600, Latency: d},
		Times: map[string]Distribution{"joinAll": d, "something new": d}, Failures: map[string]int{},
		Server:    &Server{CPUSeconds: 1, CPUShare: 0.1, MicrosPerPacket: 4, MiBPerPerson: 0.5, Drops: map[string]float64{"muted": 3}},
		Generator: Generator{Cores: 1, SendLag: d}, Browsers: []Browser{{Name: "Chromium 1", FPS: 15}},
	}
	for i := range 20 {
		r.Series = append(r.Series, Second{At: float64(i), People: 16, Audio: 900, Video: 2000, AudioP50: 0.1, AudioP99: float64(i), InWindow: i > 5})
	}
	return r
}

func TestObjectives(t *testing.T) {
	r := sample()
	for text, held := range map[string]bool{
		"joinAll.p95<2s": true, "joinAll.p95<1ms": false, "joinAll.p50<700us": true, "audio.loss<1%": false, "audio.loss<1.1%": true,
		"video.loss<0.1%": true, "failures<1": true, "participants>15": true, "participants>16": false, "server.packet<5us": true,
		"server.packet<3us": false, "server.memory<1": true, "video.freezes<2": false, "nonsense<1": false, "audio.loss<0.02": true,
	} {
		o, err := ParseObjective(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if r.Judge([]Objective{o}); r.Verdicts[0].Held != held {
			t.Errorf("%s held: %v (%v)", text, r.Verdicts[0].Held, r.Verdicts[0])
		}
		if (r.FirstNotHeld() == "") != held {
			t.Errorf("%s: broken %q", text, r.FirstNotHeld())
		}
	}
	for _, text := range []string{"", "<5", "join.p95", "join.p95<soon", "join.p95<5parsecs"} {
		if _, err := ParseObjective(text); err == nil {
			t.Errorf("%q is taken for an objective", text)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	r, err := Read(b.Bytes())
	if err != nil || r.Audio.Packets != 9900 || r.Server.Drops["muted"] != 3 {
		t.Errorf("read %+v, %v", r, err)
	}
	for _, text := range []string{"", "{}", `{"schema": 2}`, "no"} {
		if _, err := Read([]byte(text)); err == nil {
			t.Errorf("%q is taken for a report", text)
		}
	}
}

func TestCompare(t *testing.T) {
	before, after := sample(), sample()
	for _, c := range Compare(before, after, 0.1) {
		if c.Worse || c.Better {
			t.Errorf("the same report differs in %s", c.Name)
		}
	}
	after.Server.MicrosPerPacket = 5                                   // 25 % worse
	after.Times["joinAll"] = Distribution{Count: 1, P50: 0.1, P95: 30} // better, and much worse
	after.Audio.Lost = 102                                             // within what differs by chance
	after.Video.Freezes = 3                                            // one more
	after.Audio.Latency.Max = 1e6                                      // a single event
	marks := map[string]Change{}
	for _, c := range Compare(before, after, 0.1) {
		marks[c.Name] = c
	}
	for name, worse := range map[string]bool{"server.packet": true, "joinAll.p95": true, "joinAll.p50": false, "audio.loss": false, "video.freezes": true} {
		if got, there := marks[name]; !there || got.Worse != worse {
			t.Errorf("%s: %+v, want worse %v", name, got, worse)
		}
	}
	if _, there := marks["audio.latency.max"]; there {
		t.Error("single events are judged")
	}
	if len(Differences(before, after)) != 0 {
		t.Error("alike reports are called unlike")
	}
	if after.Machine.Cores = 64; len(Differences(before, after)) != 1 {
		t.Error("another machine is not seen")
	}
}

// TestHTML checks that the page is well formed, escapes its data, loads nothing, and has no NaN in its charts.
func TestHTML(t *testing.T) {
	for name, change := range map[string]func(*Report){
		"full":    func(*Report) {},
		"empty":   func(r *Report) { *r = Report{Schema: Schema, Scenario: "<therapy>"} },
		"invalid": func(r *Report) { r.Invalid = []string{"late & slow"} },
		"judged":  func(r *Report) { o, _ := ParseObjective("audio.loss<1%"); r.Judge([]Objective{o}) },
		"silent": func(r *Report) {
			for i := range r.Series {
				r.Series[i] = Second{At: float64(i)}
			}
		},
		"one": func(r *Report) { r.Series = r.Series[:1] },
	} {
		r := sample()
		change(r)
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		page := b.String()
		for _, no := range []string{"http://", "https://", "<script", "src=", "NaN", "Inf", "<therapy>", "@import", "url("} {
			if strings.Contains(page, no) {
				t.Errorf("%s: the page holds %q", name, no)
			}
		}
		for svg := range strings.SplitSeq(page, "<svg") {
			body, _, ok := strings.Cut(svg, "</svg>")
			if !ok {
				continue
			}
			d := xml.NewDecoder(strings.NewReader("<svg" + body + "</svg>"))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("%s: a chart is not well formed: %v", name, err)
					break
				}
			}
		}
	}
}

func TestScales(t *testing.T) {
	for most, want := range map[float64]float64{1: 1, 0.93: 1, 17: 20, 12345: 15000, 100: 150} {
		p := plot{lines: []line{{points: [][2]float64{{0, most}}}}}
		if p.scale(); p.high < most || p.high > 2.1*most {
			t.Errorf("up to %v: the axis ends at %v (about %v)", most, p.high, want)
		}
	}
	p := plot{log: true, lines: []line{{points: [][2]float64{{0, 0}, {1, 0.3}, {2, 42}}}}}
	if p.scale(); p.low != 0.1 || p.high != 100 {
		t.Errorf("logarithmic from %v to %v", p.low, p.high)
	}
	for v, want := range map[float64]string{0: "0", 0.05: "0.05", 12: "12", 1234: "1234", 20000: "20k", 3e6: "3M"} {
		if got := number(v); got != want {
			t.Errorf("%v reads %s", v, got)
		}
	}
	if math.Abs(roundUp(0.07)-0.1) > 1e-9 || roundUp(3) != 5 {
		t.Error("round numbers are not round")
	}
}

func TestText(t *testing.T) {
	r := sample()
	r.Failures["enter: room_full"] = 2
	var b bytes.Buffer
	r.WriteText(&b)
	for _, want := range []string{"16 participants", "4.00 us/packet", "lost 1.0000 %", "enter: room_full (2 times)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
}
