package forward

// sentSize is how many outgoing packets of a slot can be asked for again: almost 3 s of a camera, 0.9 s of a screen at
// 2.5 Mbit/s.
const sentSize = 256

// An Origin is where an outgoing packet came from and what was changed on its way: enough to send it again, the same.
type Origin struct {
	Ext       uint64 // extended number of its source
	Timestamp uint32 // it left under
	Pictures  uint16 // added to its picture id
	TL0       uint8  // added to its TL0PICIDX
	Encoding  uint8  // of the publication
	Verbatim  bool   // the payload was not looked into: it left as it came
}

type sent struct {
	out uint64
	Origin
}

// Sent remembers which source packet went out under which number of a slot. Owned by the worker.
type Sent struct{ list [sentSize]sent }

// Put notes a packet. One that comes later than the list is long is not noted.
func (s *Sent) Put(out uint64, from Origin) {
	if e := &s.list[out%sentSize]; e.out <= out {
		*e = sent{out, from}
	}
}

// Find gives the origin of an outgoing sequence number asked for by a NACK; last is the newest sent.
func (s *Sent) Find(seq uint16, last uint64) (out uint64, from Origin, ok bool) {
	out = last - uint64(uint16(last)-seq)
	e := &s.list[out%sentSize]
	if out == 0 || out > last || e.out != out { // 0 is given to nobody
		return 0, Origin{}, false
	}
	return out, e.Origin, true
}

// Reset forgets everything: the slot changed hands.
func (s *Sent) Reset() { clear(s.list[:]) }
