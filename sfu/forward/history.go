package forward

// Limits of a history: about a second of the source, in bytes and packets.
const (
	historyPackets  = 512       // of video at 2.5 Mbit/s: 1.8 s
	historyMin      = 16 << 10  // bytes: 1 s of Opus twice over
	historyMax      = 384 << 10 // bytes: 1 s at 3 Mbit/s
	maxPayload      = 1500      // bytes: nothing larger comes through a path without fragments
	growAfterLosing = 64        // entries: fewer than this alive means that the buffer is too small for the rate
)

// A Stored is one packet of a History. Payload is valid until the next Put.
type Stored struct {
	Ext       uint64
	Timestamp uint32
	Marker    bool
	Payload   []byte
}

type entry struct {
	ext       uint64
	pos       uint64 // absolute position of the payload in the ring
	timestamp uint32
	size      uint16
	marker    bool
}

// A History keeps the last packets of one publication, once for all its subscribers, who hold only numbers. Owned by the
// worker of the publication.
type History struct {
	entries [historyPackets]entry
	ring    []byte
	pos     uint64 // absolute position of the next payload
}

// Put stores a payload under its extended sequence number, over the oldest.
func (h *History) Put(ext uint64, timestamp uint32, marker bool, payload []byte) {
	if len(payload) > maxPayload || len(payload) == 0 {
		return
	}
	if h.ring == nil {
		h.ring = make([]byte, historyMin)
	}
	old := &h.entries[ext%historyPackets]
	if len(h.ring) < historyMax && ext >= growAfterLosing {
		if e := h.entries[(ext-growAfterLosing)%historyPackets]; e.ext == ext-growAfterLosing && !h.alive(e) {
			h.grow()
		}
	}
	size := uint64(len(payload))
	if at := h.pos % uint64(len(h.ring)); at+size > uint64(len(h.ring)) {
		h.pos += uint64(len(h.ring)) - at // a payload is never split
	}
	copy(h.ring[h.pos%uint64(len(h.ring)):], payload)
	*old = entry{ext: ext, pos: h.pos, timestamp: timestamp, size: uint16(size), marker: marker}
	h.pos += size
}

// grow doubles the ring and forgets what it held: at the start of a stream, where it happens, little is lost.
func (h *History) grow() {
	h.ring = make([]byte, min(2*len(h.ring), historyMax))
	h.entries = [historyPackets]entry{}
	h.pos = 0
}

func (h *History) alive(e entry) bool { return e.size > 0 && e.pos+uint64(len(h.ring)) >= h.pos }

// Get finds a packet, if it is still there.
func (h *History) Get(ext uint64) (Stored, bool) {
	e := h.entries[ext%historyPackets]
	if e.ext != ext || !h.alive(e) {
		return Stored{}, false
	}
	at := e.pos % uint64(len(h.ring))
	return Stored{Ext: ext, Timestamp: e.timestamp, Marker: e.marker, Payload: h.ring[at : at+uint64(e.size)]}, true
}
