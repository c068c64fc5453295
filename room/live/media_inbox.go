package live

import (
	"sync"

	"alcove/room"
)

// An inbox holds the news that must not be lost and may not block who brings it: of each kind only the latest counts, so it is
// bounded by the seats of the room.
type inbox struct {
	wake chan struct{} // holds one token while there is news

	mu              sync.Mutex
	slots           map[room.ParticipantID]SlotsMapped // Guarded by mu.
	disconnects     map[room.ParticipantID]uint64      // lost connections, by their number. Guarded by mu.
	wanted          map[sourceKey]EncodingsChanged     // Guarded by mu.
	exceeded        map[rateKey]bool                   // too much is sent; true: it is withheld. Guarded by mu.
	handshakeFaults map[room.ParticipantID]string      // codes of connections without keys. Guarded by mu.
	speakers        *SpeakersChanged                   // Guarded by mu.
	recorderBegan   bool                               // the recorder. Guarded by mu.
	recorderFault   room.Fault                         // of the recorder. Guarded by mu.
	mediaFailed     bool                               // the media plane gave the room up. Guarded by mu.
	closed          bool                               // Guarded by mu.
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// hear takes an event of the media plane.
func (b *inbox) addEvent(e MediaEvent) {
	b.add(func() {
		switch e := e.(type) {
		case SlotsMapped:
			if b.slots == nil {
				b.slots = map[room.ParticipantID]SlotsMapped{}
			}
			b.slots[e.Participant] = e
		case EncodingsChanged:
			if b.wanted == nil {
				b.wanted = map[sourceKey]EncodingsChanged{}
			}
			b.wanted[sourceKey{e.Participant, e.Source}] = e
		case RateExceeded:
			if b.exceeded == nil {
				b.exceeded = map[rateKey]bool{}
			}
			x := rateKey{e.Participant, e.Publication}
			b.exceeded[x] = b.exceeded[x] || e.Withheld
		case ConnectionFailed:
			if b.handshakeFaults == nil {
				b.handshakeFaults = map[room.ParticipantID]string{}
			}
			b.handshakeFaults[e.Participant] = e.Code
		case SpeakersChanged:
			b.speakers = &e
		case RecorderBegan:
			b.recorderBegan = true
		case RecorderFailed:
			b.recorderFault = e.Fault
		case MediaFailed:
			b.mediaFailed = true
		}
	})
}

// drop takes the news that a connection is gone.
func (b *inbox) addDisconnect(id room.ParticipantID, connection uint64) {
	b.add(func() {
		if b.disconnects == nil {
			b.disconnects = map[room.ParticipantID]uint64{}
		}
		b.disconnects[id] = max(b.disconnects[id], connection)
	})
}

func (b *inbox) add(change func()) {
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
type sourceKey struct {
	participant room.ParticipantID
	source      room.Source
}

// An excess is a publication that sends more than it may.
type rateKey struct {
	participant room.ParticipantID
	publication room.PublicationID
}

// news is what an inbox held.
type news struct {
	disconnects     map[room.ParticipantID]uint64
	slots           map[room.ParticipantID]SlotsMapped
	wanted          map[sourceKey]EncodingsChanged
	exceeded        map[rateKey]bool
	handshakeFaults map[room.ParticipantID]string
	speakers        *SpeakersChanged
	recorderBegan   bool
	recorderFault   room.Fault
	mediaFailed     bool
}

// take empties the inbox.
func (b *inbox) take() news {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := news{b.disconnects, b.slots, b.wanted, b.exceeded, b.handshakeFaults, b.speakers, b.recorderBegan, b.recorderFault, b.mediaFailed}
	b.disconnects, b.slots, b.wanted, b.exceeded, b.handshakeFaults, b.speakers, b.recorderBegan, b.recorderFault = nil, nil, nil, nil, nil, nil, false, ""
	return n
}

// close drops all news from now on.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.disconnects, b.slots, b.wanted, b.exceeded, b.handshakeFaults, b.speakers = true, nil, nil, nil, nil, nil, nil
}
