package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A source is a fuzzed publication: numbers and a clock of its own, and what it has sent.
type source struct {
	id            int
	ext           uint64
	timestamp     uint32
	last          time.Time
	sent          []Packet
	keyed, frozen bool
}

// sourcePacket names one packet of one source.
type sourcePacket struct {
	id  int
	ext uint64
}

// A selectorModel drives a Selector and remembers every answer.
type selectorModel struct {
	t        *testing.T
	s        Selector
	rnd      *rand.Rand
	now      time.Time
	sources  []*source
	shown    int
	given    map[uint64]sourcePacket // by outgoing number
	answers  map[sourcePacket]Out
	fresh    bool // nothing kept since the switch
	lastOut  uint64
	lastTS   uint32
	lastAt   time.Time
	unbroken bool // nothing was lost or reordered
}

func newSelectorModel(t *testing.T, video bool, seed uint64) *selectorModel {
	m := &selectorModel{t: t, rnd: rand.New(rand.NewPCG(seed, 4)), now: epoch, given: map[uint64]sourcePacket{}, answers: map[sourcePacket]Out{}}
	m.s = Selector{ClockRate: 48_000, Video: video}
	if video {
		m.s.ClockRate = 90_000
	}
	for id := range 3 {
		m.sources = append(m.sources, &source{id: id, ext: extBase + m.rnd.Uint64N(1<<18), timestamp: m.rnd.Uint32(), last: m.now})
	}
	m.s.Switch()
	m.fresh, m.unbroken = true, true
	return m
}

// make lets a source's next packet come into being; its clock ran, unless it was frozen.
func (m *selectorModel) make(src *source, kind byte) Packet {
	if !src.frozen {
		src.timestamp += m.s.ticks(m.now.Sub(src.last))
	}
	src.last, src.frozen = m.now, false
	src.ext++
	p := Packet{Ext: src.ext, Timestamp: src.timestamp, Empty: kind%5 == 0, KeyFrame: kind%5 == 1}
	src.sent = append(src.sent, p)
	return p
}

// op runs one fuzzed operation with its argument.
func (m *selectorModel) op(code, arg byte) {
	src := m.sources[m.shown]
	switch code % 10 {
	case 0, 1, 2, 3:
		m.now = m.now.Add(time.Duration(arg%40) * ms)
		m.give(src, m.make(src, arg))
	case 4: // padding in a run
		for range arg % 40 {
			m.give(src, m.make(src, 0))
		}
	case 5: // loss; the packets may come later
		m.unbroken = m.unbroken && arg == 0
		for range arg {
			m.make(src, arg)
		}
	case 6: // late, or again, from any depth, as it was or as padding that was made a packet
		m.unbroken = false
		if n := len(src.sent); n > 0 {
			p := src.sent[n-1-min(n-1, int(arg)*int(arg)/64)]
			p.Empty = p.Empty && arg%2 == 0
			m.give(src, p)
		}
	case 7: // silence
		src.frozen = arg%2 == 0
		m.now = m.now.Add(300*ms + time.Duration(arg)*time.Duration(arg)*100*ms)
	case 8: // the slot changes hands, or only its layer is requested again
		m.shown = int(arg) % len(m.sources)
		m.s.Switch()
		m.fresh = true
	case 9: // the source restarts
		m.unbroken = false
		src.ext += uint64(arg) << 10
		src.timestamp += uint32(arg) << 24
	}
}

// give hands a packet to the selector and checks what it says.
func (m *selectorModel) give(src *source, p Packet) {
	t, before := m.t, m.s
	t.Helper()
	out, drop := m.s.next(m.now, p)
	began := drop == Kept && (before.switching || m.s.count == 1 && m.s.changes[0].from == p.Ext && m.s.changes != before.changes)
	m.fresh = m.fresh || m.s.switching || began
	if drop != Kept {
		if out != (Out{}) || p.Empty && drop != Padding {
			t.Fatalf("%v with %+v for %+v", drop, out, p)
		}
		return
	}
	if p.Empty || out.Ext == 0 {
		t.Fatalf("%+v left as %+v", p, out)
	}
	if m.fresh && m.s.Video && !p.KeyFrame {
		t.Fatalf("a switch begins with %+v", p)
	}
	name := sourcePacket{src.id, p.Ext}
	if other, taken := m.given[out.Ext]; taken && other != name {
		t.Fatalf("number %d for %v and %v: a nonce used twice", out.Ext, other, name)
	}
	if first, again := m.answers[name]; again && first != out && !began && first.Ext == out.Ext {
		t.Fatalf("%v left as %+v, then as %+v: a nonce used twice", name, first, out)
	}
	m.given[out.Ext], m.answers[name] = name, out
	switch picture := m.s.Video && !began && p.Timestamp == before.newestSourceTS && m.now.Sub(before.newestAt) < outage; {
	case p.Ext > before.highest && picture:
		if out.Timestamp != before.newestTS {
			t.Fatalf("a picture with the timestamps %d and %d", before.newestTS, out.Timestamp)
		}
	case began || p.Ext > before.highest:
		if before.newestTS == m.lastTS { // else something left late, in a time of its own, and nothing may look younger
			m.checkLine(out, began)
		}
		m.lastTS, m.lastAt = out.Timestamp, m.now
	}
	m.lastOut, m.fresh = max(m.lastOut, out.Ext), false
}

// checkLine checks numbers and time of a packet that goes ahead of all others.
func (m *selectorModel) checkLine(out Out, began bool) {
	m.t.Helper()
	if (m.unbroken || began) && out.Ext != m.lastOut+1 {
		m.t.Fatalf("number %d after %d", out.Ext, m.lastOut)
	}
	if out.Ext-m.lastOut > maxJump && m.lastOut > 0 {
		m.t.Fatalf("a step from %d to %d", m.lastOut, out.Ext)
	}
	gap := m.now.Sub(m.lastAt)
	if m.lastOut == 0 || gap < rebaseGap && !began {
		return
	}
	off := int32(out.Timestamp - m.lastTS - m.s.ticks(gap))
	if limit := int32(m.s.ticks(rebaseSkew)); off > limit || off < -limit {
		m.t.Fatalf("%d ticks beside the time line after %v", off, gap)
	}
	if gap < time.Hour && int32(out.Timestamp-m.lastTS) <= 0 {
		m.t.Fatalf("timestamp %d after %d", out.Timestamp, m.lastTS)
	}
}

// randomOps are operations enough to fill the list of changes many times.
func randomOps(seed uint64) []byte {
	rnd, ops := rand.New(rand.NewPCG(seed, 5)), make([]byte, 4000)
	for i := range ops {
		ops[i] = byte(rnd.Uint32())
	}
	return ops
}

func TestSelectorModel(t *testing.T) {
	numbers := 0
	for seed := range uint64(50) {
		m := newSelectorModel(t, seed%2 == 0, seed)
		ops := randomOps(seed + 100)
		for i := 0; i < len(ops); i += 2 {
			m.op(ops[i], ops[i+1])
		}
		numbers += len(m.given)
	}
	if numbers < 25_000 {
		t.Fatalf("only %d packets left", numbers)
	}
}

func FuzzSelector(f *testing.F) {
	f.Add(true, uint64(1), []byte{0, 1, 0, 2, 4, 30, 0, 3, 6, 0, 6, 30})
	f.Add(false, uint64(2), []byte{0, 1, 7, 2, 0, 21, 6, 8, 8, 1, 0, 1, 6, 9})
	f.Add(false, uint64(3), []byte{0, 1, 8, 0, 6, 8, 0, 1, 8, 0, 6, 0, 0, 1})
	f.Add(true, uint64(4), []byte{0, 1, 5, 2, 4, 1, 5, 2, 4, 1, 0, 2, 6, 10, 6, 13, 6, 18, 6, 30, 6, 60})
	f.Add(true, uint64(0), []byte{0, 1, 5, 255, 5, 255, 5, 255, 4, 1, 5, 255, 5, 255, 5, 255, 4, 1, 5, 255, 5, 255, 5, 255, 5, 255, 0, 2})
	f.Add(false, uint64(5), []byte{0, 1, 9, 200, 0, 1, 6, 8, 7, 255, 7, 255, 0, 2})
	for i := range 8 {
		f.Add(i%2 == 0, uint64(i), randomOps(uint64(i))[:400])
	}
	f.Fuzz(func(t *testing.T, video bool, seed uint64, ops []byte) {
		m := newSelectorModel(t, video, seed)
		for i := 0; i+1 < min(len(ops), 4000); i += 2 {
			m.op(ops[i], ops[i+1])
		}
	})
}
