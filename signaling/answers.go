package signaling

import (
	"crypto/sha256"
	"slices"
	"sync"

	"alcove/room/live"
)

// answers remembers what one session was answered, so that a request that is sent again after a lost connection is not done
// twice. Full policy: the oldest is forgotten at maxAnswers or above maxAnswerBytes.
type answers struct {
	mu    sync.Mutex
	byID  map[string]*remembered // Guarded by mu.
	order []*remembered          // Guarded by mu. Oldest first.
	bytes int                    // Guarded by mu. Sum of the frames.
	paces map[*pace]*spending    // Guarded by mu. What is left of each pace of this session.
}

// remembered is one request and its answer.
type remembered struct {
	id    string
	print [sha256.Size]byte
	done  chan struct{} // closed when frame stands
	frame []byte        // written once before done is closed
}

// begin registers a request. If it is there already, mine is false and the caller waits for done; a nil entry means that the
// id was used for another request.
func (a *answers) begin(r request) (entry *remembered, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.byID[r.id]; ok {
		if old.print != r.print {
			return nil, false
		}
		return old, false
	}
	entry = &remembered{id: r.id, print: r.print, done: make(chan struct{})}
	a.byID[r.id] = entry
	a.order = append(a.order, entry)
	a.trim()
	return entry, true
}

// finish keeps the answer.
func (a *answers) finish(entry *remembered, frame []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	entry.frame = frame
	close(entry.done)
	if a.byID[entry.id] == entry {
		a.bytes += len(frame)
		a.trim()
	}
}

// retract gives an answer to whoever waits for it and forgets the request: it was not done, and its id may be used again.
func (a *answers) retract(entry *remembered, frame []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	entry.frame = frame
	close(entry.done)
	if a.byID[entry.id] == entry {
		delete(a.byID, entry.id)
		a.order = slices.DeleteFunc(a.order, func(e *remembered) bool { return e == entry })
	}
}

// trim forgets the oldest. The caller holds mu.
func (a *answers) trim() {
	for len(a.order) > maxAnswers || a.bytes > maxAnswerBytes {
		old := a.order[0]
		a.order = a.order[1:]
		delete(a.byID, old.id)
		select {
		case <-old.done:
			a.bytes -= len(old.frame)
		default: // still under way: its size was not counted
		}
	}
}

// A ledger holds the answers of every session that has a connection or waits for one. An entry goes when its last holder lets
// go: each connection holds it until its live.Client.End, so there are never more than there are seats and connections.
type ledger struct {
	mu       sync.Mutex
	sessions map[live.SessionID]*held // Guarded by mu.
}

type held struct {
	answers *answers
	holders int // Guarded by ledger.mu.
}

func newLedger() *ledger { return &ledger{sessions: map[live.SessionID]*held{}} }

// hold takes the answers of a session; with create false only if there are some, so that a stranger who guesses makes us keep
// nothing. release must be called once, and does nothing if nothing was held.
func (l *ledger) hold(id live.SessionID, create bool) (a *answers, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.sessions[id]
	if !ok && !create {
		return nil, func() {}
	}
	if !ok {
		h = &held{answers: &answers{byID: map[string]*remembered{}, paces: map[*pace]*spending{}}}
		l.sessions[id] = h
	}
	h.holders++
	return h.answers, sync.OnceFunc(func() { l.release(id, h) })
}

func (l *ledger) release(id live.SessionID, h *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.holders--; h.holders == 0 {
		delete(l.sessions, id)
	}
}

func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sessions)
}
