package live

import (
	"sync"

	"alcove/room"
)

// An inbox holds media events and lost connections until the actor handles them. Adding never blocks. It keeps only the latest of
// each kind, so it is bounded by the seats of the room.
type inbox struct {
	wake chan struct{} // holds a token while the inbox is not empty

	mu            sync.Mutex
	slots         map[room.ParticipantID]SlotsMapped     // Guarded by mu.
	disconnects   map[room.ParticipantID]uint64          // numbers of lost connections. Guarded by mu.
	wanted        map[sourceKey]EncodingsChanged         // Guarded by mu.
	paused        map[room.ParticipantID]VideosPaused    // Guarded by mu.
	exceeded      map[rateKey]bool                       // publications above their limits; true: withheld. Guarded by mu.
	connections   map[room.ParticipantID]room.MediaState // newest media state. Guarded by mu.
	speakers      *SpeakersChanged                       // Guarded by mu.
	lines         *LinesChanged                          // Guarded by mu.
	recorderBegan bool                                   // Guarded by mu.
	recorderFault room.Fault                             // Guarded by mu.
	mediaFailed   bool                                   // the media plane closed the room. Guarded by mu.
	closed        bool                                   // Guarded by mu.
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// addEvent adds an event of the media plane.
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
		case VideosPaused:
			if b.paused == nil {
				b.paused = map[room.ParticipantID]VideosPaused{}
			}
			b.paused[e.Participant] = e
		case RateExceeded:
			if b.exceeded == nil {
				b.exceeded = map[rateKey]bool{}
			}
			x := rateKey{e.Participant, e.Publication}
			b.exceeded[x] = b.exceeded[x] || e.Withheld
		case ConnectionMade:
			b.setMedia(e.Participant, room.MediaState{AES128: e.AES128})
		case ConnectionFailed:
			b.setMedia(e.Participant, room.MediaState{Failure: e.Code})
		case SpeakersChanged:
			b.speakers = &e
		case LinesChanged:
			b.lines = &e
		case RecorderBegan:
			b.recorderBegan = true
		case RecorderFailed:
			b.recorderFault = e.Fault
		case MediaFailed:
			b.mediaFailed = true
		}
	})
}

// setMedia keeps the state of the newest media connection. The caller holds mu.
func (b *inbox) setMedia(id room.ParticipantID, m room.MediaState) {
	if b.connections == nil {
		b.connections = map[room.ParticipantID]room.MediaState{}
	}
	b.connections[id] = m
}

// addDisconnect adds a lost connection.
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

// A sourceKey names one source of one participant.
type sourceKey struct {
	participant room.ParticipantID
	source      room.Source
}

// A rateKey names a publication that exceeds its limits.
type rateKey struct {
	participant room.ParticipantID
	publication room.PublicationID
}

// inboxEvents is the content of an inbox.
type inboxEvents struct {
	disconnects   map[room.ParticipantID]uint64
	slots         map[room.ParticipantID]SlotsMapped
	wanted        map[sourceKey]EncodingsChanged
	paused        map[room.ParticipantID]VideosPaused
	exceeded      map[rateKey]bool
	connections   map[room.ParticipantID]room.MediaState
	speakers      *SpeakersChanged
	lines         *LinesChanged
	recorderBegan bool
	recorderFault room.Fault
	mediaFailed   bool
}

// take empties the inbox and returns its content.
func (b *inbox) take() inboxEvents {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := inboxEvents{b.disconnects, b.slots, b.wanted, b.paused, b.exceeded, b.connections, b.speakers, b.lines, b.recorderBegan, b.recorderFault, b.mediaFailed}
	b.disconnects, b.slots, b.wanted, b.paused, b.exceeded, b.connections, b.speakers, b.lines, b.recorderBegan, b.recorderFault = nil, nil, nil, nil, nil, nil, nil, nil, false, ""
	return n
}

// close drops the content and everything added later.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.disconnects, b.slots, b.wanted, b.paused, b.exceeded, b.connections, b.speakers, b.lines = true, nil, nil, nil, nil, nil, nil, nil, nil
}
