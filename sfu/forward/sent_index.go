package forward

// Number of outgoing packets of a slot that can be resent.
const (
	sentIndexCamera = 160 // almost a second at 1.5 Mbit/s
	sentIndexScreen = 256 // the same at 2.5 Mbit/s
	SentIndexAudio  = 32  // 640 ms: what is older is played
)

// An Origin records the source packet of an outgoing one and how it was changed: enough to send it again identically.
type Origin struct {
	Ext             uint64 // extended number of its source
	Timestamp       uint32 // it left under
	PictureIDOffset uint16 // added to its picture id
	TL0Offset       uint8  // added to its TL0PICIDX
	Encoding        uint8  // of the publication
	Verbatim        bool   // the payload was sent unchanged
}

// sentEntry is an Origin packed into 24 bytes: a room has one list per sender and receiver.
type sentEntry struct {
	ext             uint64 // 0: none
	timestamp       uint32
	out             uint32 // low bits; the list spans far less
	pictureIDOffset uint16
	tl0Offset       uint8
	encoding        uint8 // and verbatim in the highest bit
}

const verbatim = 0x80

// SentIndex remembers which source packet went out under which number of a slot; the zero value, nothing. Owned by the worker.
type SentIndex struct{ list []sentEntry }

// NewSentIndex creates an index for about a second of a camera or a screen.
func NewSentIndex(screen bool) SentIndex {
	if screen {
		return SentIndex{make([]sentEntry, sentIndexScreen)}
	}
	return SentIndex{make([]sentEntry, sentIndexCamera)}
}

// NewAudioSentIndex creates one for sound.
func NewAudioSentIndex() SentIndex { return SentIndex{make([]sentEntry, SentIndexAudio)} }

// Empty reports whether it has no room for anything.
func (s *SentIndex) Empty() bool { return s.list == nil }

func (s *SentIndex) at(out uint64) *sentEntry { return &s.list[out%uint64(len(s.list))] }

// Put records a packet. A packet later than the length of the list is not recorded.
func (s *SentIndex) Put(out uint64, from *Origin) {
	e := s.at(out)
	if e.ext != 0 && int32(uint32(out)-e.out) < 0 {
		return
	}
	// Field by field: copying a struct would wait for all its stores.
	e.ext, e.timestamp, e.out, e.pictureIDOffset, e.tl0Offset, e.encoding = from.Ext, from.Timestamp, uint32(out), from.PictureIDOffset, from.TL0Offset, from.Encoding
	if from.Verbatim {
		e.encoding |= verbatim
	}
}

// Find returns the origin of an outgoing sequence number in a NACK; last is the newest sent.
func (s *SentIndex) Find(seq uint16, last uint64) (out uint64, from Origin, ok bool) {
	out = last - uint64(uint16(last)-seq)
	if s.Empty() {
		return 0, Origin{}, false
	}
	e := s.at(out)
	if out == 0 || out > last || e.ext == 0 || e.out != uint32(out) { // 0 is never used
		return 0, Origin{}, false
	}
	return out, Origin{e.ext, e.timestamp, e.pictureIDOffset, e.tl0Offset, e.encoding &^ verbatim, e.encoding&verbatim != 0}, true
}

// Reset forgets everything: the slot changed hands.
func (s *SentIndex) Reset() { clear(s.list) }

// Forget forgets a packet that never left; low are the low bits of its number.
func (s *SentIndex) Forget(low uint32) {
	if s.Empty() {
		return
	}
	for i := range s.list {
		if e := &s.list[i]; e.ext != 0 && e.out == low {
			e.ext = 0
			return
		}
	}
}
