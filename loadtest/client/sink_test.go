package client

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A rig feeds packets to one sink in virtual time.
type rig struct {
	group *Group
	sink  *Sink
	seq   uint16
	count uint32
	csrc  uint32
}

func newRig() *rig {
	g := NewGroup()
	return &rig{group: g, sink: g.NewSink(), seq: 65500, csrc: 7} // the numbers wrap early
}

// packet returns the next packet of a stream, sent at the given time.
func (r *rig) packet(video, marker bool, sent, late time.Duration) Packet {
	payload := make([]byte, 40)
	if video {
		putDescriptor(payload, true, 1)
		putFrame(payload, false)
	}
	stamp{sent: sent, late: late, count: r.count}.put(payload)
	p := Packet{SSRC: 1, CSRC: r.csrc, Seq: r.seq, Video: video, Marker: marker, Payload: payload}
	r.seq++
	r.count++
	return p
}

func (r *rig) receive(at time.Duration, p Packet) {
	r.sink.Batch()
	defer r.sink.Unlock()
	r.sink.Receive(at, p)
}

// TestLatencyIsExact checks that percentiles match the latencies that were fed to three digits, and that corrected latencies include the
// delay of the sender.
func TestLatencyIsExact(t *testing.T) {
	r := newRig()
	random := rand.New(rand.NewPCG(1, 1))
	truth, corrected := hdrhistogram.New(1, 60e6, 5), hdrhistogram.New(1, 60e6, 5)
	for i := range 20000 {
		sent := time.Second + time.Duration(i)*20*time.Millisecond
		latency := time.Duration(200+random.ExpFloat64()*3000) * time.Microsecond
		late := time.Duration(random.IntN(50)) * 100 * time.Microsecond
		r.receive(sent+latency, r.packet(false, false, sent, late))
		_ = truth.RecordValue(int64(latency / time.Microsecond))
		_ = corrected.RecordValue(int64((latency + late) / time.Microsecond))
	}
	audio, _ := r.group.Take()
	for _, q := range []float64{50, 95, 99, 99.9} {
		for name, pair := range map[string][2]*hdrhistogram.Histogram{"latency": {audio.Latency, truth}, "corrected": {audio.Corrected, corrected}} {
			got, want := float64(pair[0].ValueAtQuantile(q)), float64(pair[1].ValueAtQuantile(q))
			if math.Abs(got-want) > 0.002*want+1 {
				t.Errorf("%s p%v: %v us, want %v us", name, q, got, want)
			}
		}
	}
	if audio.Packets != 20000 || audio.Lost != 0 || audio.Freezes != 0 {
		t.Errorf("counted %+v", audio.Counts)
	}
	if again, _ := r.group.Take(); again.Latency.TotalCount() != 0 || again.Packets != 20000 {
		t.Error("Take must begin the histograms anew and keep the counts")
	}
}

func TestLossReorderingDuplicates(t *testing.T) {
	r := newRig()
	var all []Packet
	for i := range 200 {
		all = append(all, r.packet(false, false, time.Duration(i)*20*time.Millisecond, 0))
	}
	for i, p := range all {
		switch {
		case i%50 == 10: // lost
		case i%50 == 20: // comes after the next
			r.receive(0, all[i+1])
			r.receive(0, p)
		case i%50 == 21:
		case i%50 == 30: // twice
			r.receive(0, p)
			r.receive(0, p)
		default:
			r.receive(0, p)
		}
	}
	audio, _ := r.group.Take()
	if audio.Lost != 4 || audio.Reordered != 4 || audio.Duplicates != 4 || audio.Packets != 196 {
		t.Errorf("counted %+v", audio.Counts)
	}
}

// TestSlotChangesParticipant checks that no packet counts as lost when a slot changes its participant, for any sequence numbers of the two.
func TestSlotChangesParticipant(t *testing.T) {
	r := newRig()
	for i := range 10 {
		r.receive(0, r.packet(false, false, time.Duration(i), 0))
	}
	r.csrc, r.count = 8, 1000
	r.seq += 5
	for i := range 10 {
		r.receive(0, r.packet(false, false, time.Duration(i), 0))
	}
	audio, _ := r.group.Take()
	if audio.Lost != 0 || audio.Withheld != 0 || audio.Packets != 20 {
		t.Errorf("counted %+v", audio.Counts)
	}
	if f := r.sink.FirstPackets(); len(f) != 2 {
		t.Errorf("heard %v", f)
	}
}

// frames sends video frames of one packet each, 30 per second; what returns the fate of each frame and its delay.
func (r *rig) frames(n int, what func(i int) (delay time.Duration, lost bool)) Counts {
	for i := range n {
		sent := time.Second + time.Duration(i)*time.Second/30
		p := r.packet(true, true, sent, 0)
		if delay, lost := what(i); !lost {
			r.receive(sent+delay, p)
		}
	}
	_, video := r.group.Take()
	return video.Counts
}

func TestFreezes(t *testing.T) {
	steady := func(int) (time.Duration, bool) { return time.Millisecond, false }
	if c := newRig().frames(100, steady); c.Freezes != 0 || c.Frames != 100 {
		t.Errorf("steady video: %+v", c)
	}
	// Ten frames lost in a row: a third of a second without one. The frame behind the gap is incomplete and is not shown.
	c := newRig().frames(100, func(i int) (time.Duration, bool) { return 0, i >= 50 && i < 60 })
	if c.Freezes != 1 || c.Frozen < 300*time.Millisecond || c.Frozen > 450*time.Millisecond || c.Lost != 10 {
		t.Errorf("ten lost: %+v", c)
	}
	// One lost frame is no freeze: δ + 150 ms.
	if c := newRig().frames(100, func(i int) (time.Duration, bool) { return 0, i == 50 }); c.Freezes != 0 {
		t.Errorf("one lost: %+v", c)
	}
	// A stall of the path: all comes, 400 ms late.
	stall := func(i int) (time.Duration, bool) {
		return max(0, 400*time.Millisecond-time.Duration(max(i-50, 0))*time.Second/30) * time.Duration(min(max(i-49, 0), 1)), false
	}
	if c := newRig().frames(100, stall); c.Freezes != 1 || c.Lost != 0 {
		t.Errorf("a stall: %+v", c)
	}
}

// TestPausesAndWithheldPackets checks that a pause of the publisher does not count as a freeze, and that packets that the server leaves out
// do.
func TestPausesAndWithheldPackets(t *testing.T) {
	r := newRig()
	c := r.frames(50, func(int) (time.Duration, bool) { return 0, false })
	for i := range 50 {
		sent := 10*time.Second + time.Duration(i)*time.Second/30
		r.receive(sent, r.packet(true, true, sent, 0))
	}
	_, video := r.group.Take()
	if c.Freezes != 0 || video.Freezes != 0 || video.Withheld != 0 {
		t.Errorf("a camera that was off: %+v", video.Counts)
	}
	r.count += 90 // three seconds of video that the server left out, with the numbers closed up
	for i := range 50 {
		sent := 15*time.Second + time.Duration(i)*time.Second/30
		r.receive(sent, r.packet(true, true, sent, 0))
	}
	_, video = r.group.Take()
	if video.Freezes != 1 || video.Withheld != 90 || video.Lost != 0 {
		t.Errorf("left out by the server: %+v", video.Counts)
	}
}

func TestKeyFrames(t *testing.T) {
	b := make([]byte, 30)
	for _, c := range []struct{ first, key bool }{{true, true}, {true, false}, {false, false}} {
		putDescriptor(b, c.first, 77)
		if c.first {
			putFrame(b, c.key)
		}
		if got := keyFrame(b); got != (c.first && c.key) {
			t.Errorf("%+v reads as key frame: %v", c, got)
		}
	}
	for n := range 6 {
		keyFrame([]byte{0x90, 0xf0, 0xff, 0xff, 0xff, 0xff}[:n]) // cut anywhere: no panic
	}
}

func TestStamp(t *testing.T) {
	b := make([]byte, 20)
	want := stamp{sent: 12345678 * time.Microsecond, late: 70 * time.Microsecond, count: 1<<32 - 1}
	want.put(b)
	if got, ok := readStamp(b); !ok || got != want {
		t.Errorf("read %+v, %v", got, ok)
	}
	stamp{late: time.Hour}.put(b)
	if got, _ := readStamp(b); got.late != 0xffff*lateUnit {
		t.Errorf("lateness overflows to %v", got.late)
	}
	if _, ok := readStamp(make([]byte, 20)); ok {
		t.Error("zeros are taken for a stamp")
	}
	if _, ok := readStamp(b[:10]); ok {
		t.Error("a short payload is taken for a stamp")
	}
}

func TestParseAnswer(t *testing.T) {
	const answer = "v=0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\n" +
		"a=fingerprint:sha-256 AA:BB\r\na=candidate:1 1 udp 2130706431 ::1 50000 typ host\r\na=candidate:2 1 UDP 1 10.0.0.1 50001 typ host\r\n" +
		"a=extmap:2 " + twccURI + "\r\na=recvonly\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=sendonly\r\n"
	r, err := parseAnswer(answer)
	if err != nil || r.ufrag != "abcd" || r.pwd != "secret" || len(r.candidates) != 2 || r.candidates[1].String() != "10.0.0.1:50001" || r.feedback {
		t.Errorf("read %+v, %v", r, err)
	}
	if r, _ := parseAnswer(answer + "a=extmap:2 " + twccURI + "\r\n"); !r.feedback {
		t.Error("a slot with transport-wide numbers wants feedback")
	}
	if _, err := parseAnswer("v=0\r\n"); err == nil {
		t.Error("an answer without a transport is taken")
	}
}

func TestRequirements(t *testing.T) {
	var a requirements
	err := json.Unmarshal([]byte(`{"needs":["agreement"],"agreement":[{"id":"rules","version":"1","locale":"de","text":"…","textHash":"aa"}],
		"consents":[{"scope":"recording.audio","texts":[{"textHash":"bb"}]}],"helpRaised":false}`), &a)
	if err != nil || len(a.Agreement) != 1 || a.Agreement[0].TextHash != "aa" || a.Consents[0].Texts[0].TextHash != "bb" {
		t.Errorf("read %+v, %v", a, err)
	}
}
