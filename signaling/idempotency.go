package signaling

import (
	"crypto/sha256"
	"slices"
	"sync"

	"alcove/room/live"
)

// answers remembers what one session was answered, so that a request that is sent again after a lost connection is not done
// twice. Full policy: the oldest is forgotten at maxAnswers or above maxAnswerBytes.
type idempotencyCache struct {
	mu       sync.Mutex
	byID     map[string]*cachedAnswer // Guarded by mu.
	order    []*cachedAnswer          // Guarded by mu. Oldest first.
	bytes    int                      // Guarded by mu. Sum of the frames.
	limiters map[*pace]*spending      // Guarded by mu. What is left of each pace of this session.
}

// remembered is one request and its answer.
type cachedAnswer struct {
	id          string
	fingerprint [sha256.Size]byte
	done        chan struct{} // closed when frame stands
	frame       []byte        // written once before done is closed
}

// begin registers a request. If it is there already, mine is false and the caller waits for done; a nil entry means that the
// id was used for another request.
func (a *idempotencyCache) begin(r Request) (entry *cachedAnswer, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.byID[r.ID]; ok {
		if old.fingerprint != r.Fingerprint {
			return nil, false
		}
		return old, false
	}
	entry = &cachedAnswer{id: r.ID, fingerprint: r.Fingerprint, done: make(chan struct{})}
	a.byID[r.ID] = entry
	a.order = append(a.order, entry)
	a.evict()
	return entry, true
}

// finish keeps the answer.
func (a *idempotencyCache) complete(entry *cachedAnswer, frame []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	entry.frame = frame
	close(entry.done)
	if a.byID[entry.id] == entry {
		a.bytes += len(frame)
		a.evict()
	}
}

// retract gives an answer to whoever waits for it and forgets the request: it was not done, and its id may be used again.
func (a *idempotencyCache) retract(entry *cachedAnswer, frame []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	entry.frame = frame
	close(entry.done)
	if a.byID[entry.id] == entry {
		delete(a.byID, entry.id)
		a.order = slices.DeleteFunc(a.order, func(e *cachedAnswer) bool { return e == entry })
	}
}

// trim forgets the oldest. The caller holds mu.
func (a *idempotencyCache) evict() {
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
type idempotencyCaches struct {
	mu       sync.Mutex
	sessions map[live.SessionID]*sharedCache // Guarded by mu.
}

type sharedCache struct {
	cache   *idempotencyCache
	holders int // Guarded by ledger.mu.
}

func newIdempotencyCaches() *idempotencyCaches {
	return &idempotencyCaches{sessions: map[live.SessionID]*sharedCache{}}
}

// hold takes the answers of a session; with create false only if there are some, so that a stranger who guesses makes us keep
// nothing. release must be called once, and does nothing if nothing was held.
func (l *idempotencyCaches) acquire(id live.SessionID, create bool) (a *idempotencyCache, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.sessions[id]
	if !ok && !create {
		return nil, func() {}
	}
	if !ok {
		h = &sharedCache{cache: &idempotencyCache{byID: map[string]*cachedAnswer{}, limiters: map[*pace]*spending{}}}
		l.sessions[id] = h
	}
	h.holders++
	return h.cache, sync.OnceFunc(func() { l.release(id, h) })
}

func (l *idempotencyCaches) release(id live.SessionID, h *sharedCache) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.holders--; h.holders == 0 {
		delete(l.sessions, id)
	}
}

func (l *idempotencyCaches) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sessions)
}
