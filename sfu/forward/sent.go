package forward

// sentSize is how many outgoing packets of a slot can be asked for again: as many as a History holds.
const sentSize = historyPackets

// Sent remembers which source packet went out under which number of a slot. Owned by the worker.
type Sent struct{ list [sentSize]sent }

// A sent is one packet; its three numbers stand together, for they are written for every packet.
type sent struct {
	out, source uint64
	timestamp   uint32
}

// Put notes a packet with the timestamp it left under. One that comes later than the list is long is not noted.
func (s *Sent) Put(out, source uint64, timestamp uint32) {
	if e := &s.list[out%sentSize]; e.out <= out {
		*e = sent{out, source, timestamp}
	}
}

// Timestamp is what the packet left under; a repeat must say the same.
func (s *Sent) Timestamp(out uint64) uint32 { return s.list[out%sentSize].timestamp }

// Source finds the source number of an outgoing sequence number asked for by a NACK; last is the newest sent.
func (s *Sent) Source(seq uint16, last uint64) (out, source uint64, ok bool) {
	out = last - uint64(uint16(last)-seq)
	e := &s.list[out%sentSize]
	if out == 0 || out > last || e.out != out { // 0 is given to nobody
		return 0, 0, false
	}
	return out, e.source, true
}

// Reset forgets everything: the slot changed hands.
func (s *Sent) Reset() { clear(s.list[:]) }
