package forward

import (
	"testing"
)

// A pictureStep is a packet and the picture identifiers it is sent with; -1 is one that does not leave.
type pictureStep struct {
	packet    Packet
	switching bool // Switch comes first
	id, tl0   int
	ext       uint64
}

// named is a packet of a frame: its source number, its picture id, and the frame's timestamp made of that.
func named(ext uint64, id uint16, tl0 uint8) Packet {
	return Packet{Ext: ext, Timestamp: uint32(id) * 3000, Picture: Picture{ID: id, TL0: tl0, HasID: true, HasTL0: true}}
}

func namedKey(ext uint64, id uint16, tl0 uint8) Packet {
	p := named(ext, id, tl0)
	p.KeyFrame = true
	return p
}

func above(p Packet) Packet {
	p.AboveTarget = true
	return p
}

func short(p Packet) Packet {
	p.Picture.ShortID = true
	return p
}

func unnamed(p Packet) Packet {
	p.Picture = Picture{}
	return p
}

var pictureSteps = map[string][]pictureStep{
	"the first leaves as it is": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {named(101, 500, 7), false, 500, 7, 2}, {named(102, 501, 8), false, 501, 8, 3},
	},
	"a switch follows": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {named(101, 501, 8), false, 501, 8, 2},
		{namedKey(900, 30, 200), true, 502, 9, 3}, {named(901, 31, 201), false, 503, 10, 4},
		{namedKey(100, 502, 9), true, 504, 11, 5},
	},
	"padding overtakes the last picture before a switch": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {pad(102), false, -1, 0, 0}, {named(101, 501, 8), false, 501, 8, 2},
		{namedKey(900, 30, 200), true, 502, 9, 3},
	},
	"over the end of 15 bits": {
		{namedKey(100, 1<<15-1, 255), true, 1<<15 - 1, 255, 1}, {named(101, 0, 0), false, 0, 0, 2},
		{namedKey(900, 1<<15-1, 255), true, 1, 1, 3}, {named(901, 0, 0), false, 2, 2, 4},
	},
	"over the end of 7 bits": {
		{short(namedKey(100, 127, 255)), true, 127, 255, 1}, {short(named(101, 0, 0)), false, 0, 0, 2},
		{short(namedKey(900, 126, 9)), true, 1, 1, 3}, {short(named(901, 127, 10)), false, 2, 2, 4}, {short(named(902, 0, 11)), false, 3, 3, 5},
	},
	"seven bits are not fifteen": { // what left as 7-bit 5 was 133 only to us
		{namedKey(100, 130, 0), true, 130, 0, 1},
		{short(namedKey(900, 4, 0)), true, 3, 1, 2}, {short(named(901, 5, 1)), false, 4, 2, 3},
		{namedKey(50, 1000, 0), true, 5, 3, 4},
	},
	"a source without names between two": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {unnamed(namedKey(10, 1, 0)), true, -2, -2, 2},
		{unnamed(named(11, 2, 0)), false, -2, -2, 3}, {namedKey(900, 30, 200), true, 501, 8, 4},
	},
	"frames above leave no gap": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {above(named(101, 501, 7)), false, -1, 0, 0}, {above(named(102, 501, 7)), false, -1, 0, 0},
		{above(named(103, 502, 7)), false, -1, 0, 0}, {named(104, 503, 8), false, 501, 8, 2}, {named(105, 503, 8), false, 501, 8, 3},
		{named(106, 504, 9), false, 502, 9, 4},
	},
	"frames above before a switch": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {above(named(101, 501, 7)), false, -1, 0, 0}, {namedKey(900, 0, 0), true, 501, 8, 2},
	},
	"a frame above that lost its start": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {above(named(102, 501, 7)), false, -1, 0, 0}, {named(103, 502, 8), false, 501, 8, 3},
		{above(named(101, 501, 7)), false, -1, 0, 0}, {named(104, 503, 9), false, 502, 9, 4},
	},
	"a frame above in disorder": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {above(named(102, 501, 7)), false, -1, 0, 0}, {above(named(101, 501, 7)), false, -1, 0, 0},
		{above(named(104, 501, 7)), false, -1, 0, 0}, {above(named(103, 501, 7)), false, -1, 0, 0}, {named(105, 502, 8), false, 501, 8, 4},
	},
	"a frame above that comes behind the next has its number and its name": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {named(102, 502, 8), false, 502, 8, 3}, {above(named(101, 501, 7)), false, 501, 7, 2},
		{named(103, 502, 8), false, 502, 8, 4},
	},
	"the rest of a frame that was not shown is not, even when layers are shown again": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {above(named(102, 501, 7)), false, -1, 0, 0}, {above(named(103, 502, 7)), false, -1, 0, 0},
		{named(101, 501, 7), false, -1, 0, 0}, {named(104, 502, 7), false, -1, 0, 0}, {named(105, 503, 8), false, 501, 8, 3},
	},
	"late packets are of their frame": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {above(named(102, 501, 7)), false, -1, 0, 0}, {named(104, 502, 8), false, 501, 8, 4},
		{above(named(105, 503, 8)), false, -1, 0, 0}, {named(106, 504, 9), false, 502, 9, 5},
		{named(103, 502, 8), false, 501, 8, 3}, {named(101, 500, 7), false, 500, 7, 2},
	},
	"the layers are chosen by the frame": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {above(named(101, 501, 7)), false, -1, 0, 0}, {named(102, 501, 7), false, -1, 0, 0},
		{named(103, 502, 7), false, 501, 7, 2}, {above(named(104, 502, 7)), false, 501, 7, 3}, {above(named(105, 503, 7)), false, -1, 0, 0},
	},
	"padding in a frame": {
		{namedKey(100, 500, 7), true, 500, 7, 1}, {pad(101), false, -1, 0, 0}, {named(102, 500, 7), false, 500, 7, 2},
		{pad(103), false, -1, 0, 0}, {above(named(104, 501, 7)), false, -1, 0, 0}, {pad(105), false, -1, 0, 0},
		{above(named(106, 501, 7)), false, -1, 0, 0}, {named(107, 502, 8), false, 501, 8, 3},
	},
	"a key frame is never above": {
		{above(namedKey(100, 500, 7)), true, 500, 7, 1}, {above(named(101, 500, 7)), false, 500, 7, 2},
		{above(named(102, 501, 7)), false, -1, 0, 0}, {above(namedKey(103, 502, 8)), false, 501, 8, 3},
		{above(named(104, 502, 8)), false, 501, 8, 4}, {above(named(105, 503, 8)), false, -1, 0, 0},
	},
}

func TestPictureIDs(t *testing.T) {
	for name, steps := range pictureSteps {
		s := Selector{ClockRate: 90_000, Video: true}
		for i, st := range steps {
			if st.switching {
				s.Switch()
			}
			out, drop := s.next(epoch, st.packet)
			again, dropAgain := s.next(epoch, st.packet)
			if again != out || dropAgain != drop {
				t.Errorf("%s, step %d, again: %+v, %v; first %+v, %v", name, i, again, dropAgain, out, drop)
			}
			if st.id == -1 {
				if drop == Kept || out != (Out{}) {
					t.Errorf("%s, step %d left as %+v", name, i, out)
				}
				continue
			}
			left := st.packet.Picture.moved(out.PictureIDOffset, out.TL0Offset)
			if drop != Kept || out.Ext != st.ext || st.id >= 0 && (int(left.ID) != st.id || int(left.TL0) != st.tl0) {
				t.Errorf("%s, step %d: number %d, picture %d, TL0 %d, %v; want %+v", name, i, out.Ext, left.ID, left.TL0, drop, st)
			}
		}
	}
}
