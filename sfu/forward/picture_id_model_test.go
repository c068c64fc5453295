package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A framed packet knows its frame.
type framed struct {
	Packet
	source, frame int
	temporal      uint8
}

// A pictureSource is a fuzzed encoding: frames of some packets each, in three temporal layers, named or not.
type pictureSource struct {
	id, frame, rest int // rest: packets of the frame still to come
	next            Packet
	temporal        uint8
	sent            []framed
}

// make lets the next packet come into being; a frame that begins has a layer and a size by the argument.
func (src *pictureSource) make(arg byte) framed {
	src.next.Ext++
	src.next.KeyFrame = false
	if src.rest == 0 {
		src.frame++
		src.rest, src.temporal = 1+int(arg>>6), arg%4%3
		src.next.KeyFrame = arg%8 == 0 || arg%32 == 5 // a key frame may call itself of a higher layer
		src.next.Timestamp += 3000
		src.next.Picture.ID = (src.next.Picture.ID + 1) & 0x7fff
		if src.next.Picture.ShortID {
			src.next.Picture.ID &= 0x7f
		}
		if src.temporal == 0 {
			src.next.Picture.TL0++
		}
	}
	src.rest--
	p := framed{src.next, src.id, src.frame, src.temporal}
	if !p.Picture.HasID {
		p.Picture = Picture{}
	}
	src.sent = append(src.sent, p)
	return p
}

// A pictureModel drives a Selector with frames and remembers every answer since the last switch.
type pictureModel struct {
	t       *testing.T
	s       Selector
	now     time.Time
	sources []*pictureSource
	shown   int
	base    bool

	given   map[uint64]sourcePacket // by outgoing number, for good
	highest uint64
	lastOut uint64
	leftAt  time.Time    // the packet of that number
	split   bool         // so long a silence that a frame may go on as another
	newest  int          // frame, kept or not
	above   map[int]bool // frames that were seen and not shown
	outs    map[int]Out  // what the shown frames got
	last    int          // shown frame
	left    Picture      // of it, or of the last that had names
	kept    int
}

func newPictureModel(t *testing.T, seed uint64) *pictureModel {
	rnd := rand.New(rand.NewPCG(seed, 8))
	m := &pictureModel{t: t, now: epoch, s: Selector{ClockRate: 90_000, Video: true}, given: map[uint64]sourcePacket{}}
	for id := range 4 {
		m.sources = append(m.sources, &pictureSource{id: id, next: Packet{
			Ext: extBase + rnd.Uint64N(1<<18), Timestamp: rnd.Uint32(),
			Picture: Picture{ID: uint16(rnd.Uint32()) & 0x7f, TL0: uint8(rnd.Uint32()), HasID: id != 3, ShortID: id == 2, HasTL0: id != 1},
		}})
	}
	m.sources[0].next.Picture.ID |= 0x7f00 // wraps soon
	m.s.Switch()
	return m
}

func (m *pictureModel) op(code, arg byte) {
	src := m.sources[m.shown]
	m.now = m.now.Add(time.Millisecond)
	switch code % 12 {
	default:
		m.give(src.make(arg))
	case 7: // loss; the packets may come later
		for range arg % 8 {
			src.make(arg)
		}
	case 8: // late, or again
		if n := len(src.sent); n > 0 {
			m.give(src.sent[n-1-min(n-1, int(arg)*int(arg)/512)])
		}
	case 9:
		src.next.Ext++
		m.give(framed{Packet{Ext: src.next.Ext, Timestamp: src.next.Timestamp, Empty: true}, src.id, src.frame, 0})
	case 10:
		m.base = arg%2 == 0
	case 11:
		if arg%4 == 0 {
			m.shown = int(arg/4) % len(m.sources)
			m.s.Switch()
		}
	}
}

func (m *pictureModel) give(p framed) {
	t := m.t
	t.Helper()
	p.AboveTarget = m.base && p.temporal > 0
	before := m.s
	out, drop := m.s.next(m.now, p.Packet)
	began := m.s.count == 1 && (before.count != 1 || m.s.changes[0] != before.changes[0])
	if again, d := m.s.next(m.now, p.Packet); again != out || d != drop {
		t.Fatalf("%+v: %+v, %v; again %+v, %v", p, out, drop, again, d)
	}
	if p.KeyFrame && (drop == Layer && !m.above[p.frame] || drop == AwaitKey) {
		t.Fatalf("a key frame is dropped: %+v, %v", p, drop)
	}
	if began {
		m.highest, m.newest, m.last, m.above, m.outs = p.Ext, p.frame, -1, map[int]bool{}, map[int]Out{}
	}
	ahead := began || p.Ext > m.highest && m.s.count > 0 && !m.s.switching
	if ahead {
		m.highest = p.Ext
	}
	if ahead && !p.Empty {
		m.checkLayer(p, drop)
		m.newest = p.frame
	}
	if drop == Kept {
		m.checkKept(p, out, ahead, began)
	}
}

// checkLayer demands that a frame is shown by what its first packet said.
func (m *pictureModel) checkLayer(p framed, drop Drop) {
	m.t.Helper()
	want := p.AboveTarget && !p.KeyFrame
	if p.frame == m.newest && (m.above[p.frame] || len(m.outs) > 0) {
		want = m.above[p.frame]
	}
	if (drop == Layer) != want || !want && drop != Kept {
		m.t.Fatalf("%+v: %v", p, drop)
	}
	if want {
		m.above[p.frame] = true
	}
}

func (m *pictureModel) checkKept(p framed, out Out, ahead, began bool) {
	t := m.t
	t.Helper()
	m.kept++
	name := sourcePacket{p.source, p.Ext}
	if m.above[p.frame] {
		t.Fatalf("%+v left, and others of its frame did not", p)
	}
	if other, taken := m.given[out.Ext]; taken && other != name {
		t.Fatalf("number %d for %v and %v: a nonce used twice", out.Ext, other, name)
	}
	m.given[out.Ext] = name
	was, shown := m.outs[p.frame]
	m.split = !began && (m.split || m.now.Sub(m.leftAt) >= outage)
	if shown && (was.PictureIDOffset != out.PictureIDOffset || was.TL0Offset != out.TL0Offset || was.Timestamp != out.Timestamp && !m.split) {
		t.Fatalf("%+v left as %+v, its frame as %+v", p, out, was)
	}
	newest := out.Ext > m.lastOut
	if !newest {
		return
	}
	m.lastOut, m.leftAt, m.newest = out.Ext, m.now, max(m.newest, p.frame) // even of what comes late, if only padding overtook it
	left := p.Picture.moved(out.PictureIDOffset, out.TL0Offset)
	if ahead && !shown {
		m.checkNext(p, left, began)
	}
	m.outs[p.frame], m.last = out, p.frame
	if left.HasID {
		m.left.ID, m.left.HasID = left.ID, true
	}
	if left.HasTL0 {
		m.left.TL0, m.left.HasTL0 = left.TL0, true
	}
}

// checkNext demands the next picture id for a frame: one more than that of the frame shown before, and one for each frame
// between of which nothing is known.
func (m *pictureModel) checkNext(p framed, left Picture, began bool) {
	m.t.Helper()
	step, steps0 := uint16(1), uint8(1)
	if !began {
		for f := m.last + 1; f < p.frame; f++ {
			if !m.above[f] {
				step++
			}
		}
		steps0 = p.Picture.TL0 - m.tl0Of(p.source, m.last)
	}
	mask := uint16(0x7fff)
	if left.ShortID {
		mask = 0x7f
	}
	if m.left.HasID && left.HasID && left.ID != (m.left.ID+step)&mask {
		m.t.Fatalf("%+v left as picture %d after %d, %d frames on", p, left.ID, m.left.ID, step)
	}
	if m.left.HasTL0 && left.HasTL0 && left.TL0 != m.left.TL0+steps0 {
		m.t.Fatalf("%+v left with TL0 %d after %d, %d on", p, left.TL0, m.left.TL0, steps0)
	}
}

func (m *pictureModel) tl0Of(source, frame int) uint8 {
	sent := m.sources[source].sent
	for i := len(sent) - 1; i >= 0; i-- {
		if sent[i].frame == frame {
			return sent[i].Picture.TL0
		}
	}
	m.t.Fatalf("frame %d of source %d never was", frame, source)
	return 0
}

func TestPictureIDsModel(t *testing.T) {
	kept := 0
	for seed := range uint64(20) {
		m := newPictureModel(t, seed)
		ops := randomOps(seed + 200)
		for i := 0; i < len(ops); i += 2 {
			m.op(ops[i], ops[i+1])
		}
		kept += m.kept
	}
	if kept < 10_000 {
		t.Fatalf("only %d packets left", kept)
	}
}

func FuzzPictureIDs(f *testing.F) {
	f.Add(uint64(1), []byte{10, 0, 0, 0xc0, 0, 0, 0, 1, 0, 2, 0, 3, 10, 1, 0, 1})
	f.Add(uint64(2), []byte{0, 0, 10, 0, 0, 0xc2, 7, 1, 0, 0, 8, 12, 8, 20, 9, 0, 11, 4, 0, 0})
	for i := range 8 {
		f.Add(uint64(i), randomOps(uint64(i) + 300)[:400])
	}
	f.Fuzz(func(t *testing.T, seed uint64, ops []byte) {
		m := newPictureModel(t, seed)
		for i := 0; i+1 < min(len(ops), 4000); i += 2 {
			m.op(ops[i], ops[i+1])
		}
	})
}
