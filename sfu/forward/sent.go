package forward

// sentSize is how many outgoing packets of a slot can be asked for again: as many as a History holds.
const sentSize = historyPackets

// Sent remembers which source packet went out under which number of a slot. Owned by the worker.
type Sent struct {
	out       [sentSize]uint64
	source    [sentSize]uint64
	timestamp [sentSize]uint32
}

// Put notes a packet with the timestamp it left under. One that comes later than the list is long is not noted.
func (s *Sent) Put(out, source uint64, timestamp uint32) {
	i := out % sentSize
	if s.out[i] > out {
		return
	}
	s.out[i], s.source[i], s.timestamp[i] = out, source, timestamp
}

// Timestamp is what the packet left under; a repeat must say the same.
func (s *Sent) Timestamp(out uint64) uint32 { return s.timestamp[out%sentSize] }

// Source finds the source number of an outgoing sequence number asked for by a NACK; last is the newest sent.
func (s *Sent) Source(seq uint16, last uint64) (out, source uint64, ok bool) {
	out = last - uint64(uint16(last)-seq)
	if out == 0 || out > last || s.out[out%sentSize] != out { // 0 is given to nobody
		return 0, 0, false
	}
	return out, s.source[out%sentSize], true
}

// Reset forgets everything: the slot changed hands.
func (s *Sent) Reset() { s.out = [sentSize]uint64{} }
