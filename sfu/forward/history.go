package forward

// Limits of a history: about a second of the source, in bytes, packets and ticks of the RTP clock.
const (
	historyPackets = 512       // of video at 2.5 Mbit/s: 1.8 s
	historyMin     = 16 << 10  // bytes: 1 s of Opus twice over
	historyMax     = 384 << 10 // bytes: 1 s at 3 Mbit/s
	historySpan    = 90_000    // ticks: 1 s of video, 1.9 s of Opus; a ring filled in less is too small for the rate
	maxPayload     = 1500      // bytes: larger packets do not pass without fragmentation
)

// A Stored is one packet of a History. Payload is valid until the next Put.
type Stored struct {
	Ext       uint64
	Timestamp uint32
	Marker    bool
	Temporal  uint8 // layer
	Payload   []byte
}

type entry struct {
	ext       uint64
	pos       uint64 // absolute position of the payload in the ring
	timestamp uint32
	size      uint16
	marker    bool
	temporal  uint8
}

// A History stores the last packets of one publication once for all subscribers, which store only sequence numbers. Owned by the worker.
type History struct {
	entries  [historyPackets]entry
	ring     []byte
	pos      uint64 // absolute position of the next payload
	end      uint64 // absolute position where the ring ends and begins again
	lapStart uint32 // timestamp of the first packet since the last wrap
}

// Put stores a payload under its extended sequence number, over the oldest.
func (h *History) Put(ext uint64, timestamp uint32, marker bool, temporal uint8, payload []byte) {
	at := &h.entries[ext%historyPackets]
	if len(payload) > maxPayload || len(payload) == 0 || at.ext > ext { // later than the history is long
		return
	}
	size := uint64(len(payload))
	if h.ring == nil {
		h.ring, h.end, h.lapStart = make([]byte, historyMin), historyMin, timestamp
	} else if h.pos+size > h.end { // a payload is never split
		h.wrap(ext, timestamp)
	}
	copy(h.ring[h.pos%uint64(len(h.ring)):], payload)
	*at = entry{ext: ext, pos: h.pos, timestamp: timestamp, size: uint16(size), marker: marker, temporal: temporal}
	h.pos += size
}

// wrap starts the ring over, or grows it if it filled too fast.
func (h *History) wrap(ext uint64, timestamp uint32) {
	if timestamp-h.lapStart < historySpan && len(h.ring) < historyMax {
		h.grow(ext)
		return
	}
	h.pos, h.lapStart = h.end, timestamp
	h.end += uint64(len(h.ring))
}

// grow enlarges the ring by half and moves its content, oldest first. That happens within the first key frame of a stream, which every
// subscriber needs completely.
func (h *History) grow(ext uint64) {
	ring := make([]byte, min(len(h.ring)*3/2, historyMax))
	pos := uint64(0)
	for i := range uint64(historyPackets) {
		e := &h.entries[(ext+i)%historyPackets]
		if !h.alive(*e) {
			e.size = 0
			continue
		}
		from := e.pos % uint64(len(h.ring))
		copy(ring[pos:], h.ring[from:from+uint64(e.size)])
		e.pos = pos
		pos += uint64(e.size)
	}
	h.ring, h.pos, h.end = ring, pos, uint64(len(ring))
}

func (h *History) alive(e entry) bool { return e.size > 0 && e.pos+uint64(len(h.ring)) >= h.pos }

// Overwritten reports whether a number is older than what the history holds. Of one that is not, but cannot be found either, nothing was put.
func (h *History) Overwritten(ext uint64) bool {
	e := h.entries[ext%historyPackets]
	return e.ext > ext || e.ext == ext && !h.alive(e)
}

// Get finds a packet, if it is still there.
func (h *History) Get(ext uint64) (Stored, bool) {
	e := h.entries[ext%historyPackets]
	if e.ext != ext || !h.alive(e) {
		return Stored{}, false
	}
	at := e.pos % uint64(len(h.ring))
	return Stored{Ext: ext, Timestamp: e.timestamp, Marker: e.marker, Temporal: e.temporal, Payload: h.ring[at : at+uint64(e.size)]}, true
}
