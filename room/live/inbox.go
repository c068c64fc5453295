package live

import (
	"sync"

	"alcove/room"
)

// An inbox holds the news that must not be lost and may not block who brings it: of each kind only the latest counts, so it is
// bounded by the seats of the room.
type inbox struct {
	wake chan struct{} // holds one token while there is news

	mu       sync.Mutex
	slots    map[room.ParticipantID]SlotsMapped // Guarded by mu.
	drops    map[room.ParticipantID]uint64      // lost connections, by their number. Guarded by mu.
	wanted   map[source]EncodingsChanged        // Guarded by mu.
	exceeded map[excess]bool                    // too much is sent; true: it is withheld. Guarded by mu.
	unkeyed  map[room.ParticipantID]string      // codes of connections without keys. Guarded by mu.
	speakers *SpeakersChanged                   // Guarded by mu.
	begun    bool                               // the recorder. Guarded by mu.
	fault    room.Fault                         // of the recorder. Guarded by mu.
	failed   bool                               // the media plane gave the room up. Guarded by mu.
	closed   bool                               // Guarded by mu.
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// hear takes an event of the media plane.
func (b *inbox) hear(e MediaEvent) {
	b.put(func() {
		switch e := e.(type) {
		case SlotsMapped:
			if b.slots == nil {
				b.slots = map[room.ParticipantID]SlotsMapped{}
			}
			b.slots[e.Participant] = e
		case EncodingsChanged:
			if b.wanted == nil {
				b.wanted = map[source]EncodingsChanged{}
			}
			b.wanted[source{e.Participant, e.Source}] = e
		case RateExceeded:
			if b.exceeded == nil {
				b.exceeded = map[excess]bool{}
			}
			x := excess{e.Participant, e.Publication}
			b.exceeded[x] = b.exceeded[x] || e.Withheld
		case ConnectionFailed:
			if b.unkeyed == nil {
				b.unkeyed = map[room.ParticipantID]string{}
			}
			b.unkeyed[e.Participant] = e.Code
		case SpeakersChanged:
			b.speakers = &e
		case RecorderBegan:
			b.begun = true
		case RecorderFailed:
			b.fault = e.Fault
		case MediaFailed:
			b.failed = true
		}
	})
}

// drop takes the news that a connection is gone.
func (b *inbox) drop(id room.ParticipantID, connection uint64) {
	b.put(func() {
		if b.drops == nil {
			b.drops = map[room.ParticipantID]uint64{}
		}
		b.drops[id] = max(b.drops[id], connection)
	})
}

func (b *inbox) put(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	change()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// A source is one source of one participant.
type source struct {
	participant room.ParticipantID
	source      room.Source
}

// An excess is a publication that sends more than it may.
type excess struct {
	participant room.ParticipantID
	publication room.PublicationID
}

// news is what an inbox held.
type news struct {
	drops    map[room.ParticipantID]uint64
	slots    map[room.ParticipantID]SlotsMapped
	wanted   map[source]EncodingsChanged
	exceeded map[excess]bool
	unkeyed  map[room.ParticipantID]string
	speakers *SpeakersChanged
	begun    bool
	fault    room.Fault
	failed   bool
}

// take empties the inbox.
func (b *inbox) take() news {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := news{b.drops, b.slots, b.wanted, b.exceeded, b.unkeyed, b.speakers, b.begun, b.fault, b.failed}
	b.drops, b.slots, b.wanted, b.exceeded, b.unkeyed, b.speakers, b.begun, b.fault = nil, nil, nil, nil, nil, nil, false, ""
	return n
}

// close drops all news from now on.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.drops, b.slots, b.wanted, b.exceeded, b.unkeyed, b.speakers = true, nil, nil, nil, nil, nil, nil
}
