package session

import (
	"crypto/sha256"
	"slices"
	"sync"

	"golang.org/x/time/rate"

	"alcove/room/live"
	"alcove/signaling/wire"
)

// An idempotencyCache keeps the answers of one session, so that a request that is repeated after a lost connection is executed once. Full
// policy: at maxAnswers or above maxAnswerBytes the oldest answer is evicted.
type idempotencyCache struct {
	mu       sync.Mutex
	byID     map[string]*cachedAnswer        // Guarded by mu.
	order    []*cachedAnswer                 // Guarded by mu. Oldest first.
	bytes    int                             // Guarded by mu. Sum of the frames.
	limiters map[*requestLimit]*rate.Limiter // Guarded by mu. The session's limiters, which outlive a connection as well.
}

func newIdempotencyCache() *idempotencyCache {
	return &idempotencyCache{byID: map[string]*cachedAnswer{}, limiters: map[*requestLimit]*rate.Limiter{}}
}

// A cachedAnswer is one request and its answer.
type cachedAnswer struct {
	id          string
	fingerprint [sha256.Size]byte
	done        chan struct{} // closed when frame is written
	frame       []byte        // written once before done is closed
}

// begin registers a request. If it was registered before, first is false and the caller waits for done. The answer is nil if the
// ID belongs to another request.
func (c *idempotencyCache) begin(r wire.Request) (answer *cachedAnswer, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.byID[r.ID]; ok {
		if old.fingerprint != r.Fingerprint {
			return nil, false
		}
		return old, false
	}
	answer = &cachedAnswer{id: r.ID, fingerprint: r.Fingerprint, done: make(chan struct{})}
	c.byID[r.ID] = answer
	c.order = append(c.order, answer)
	c.evict()
	return answer, true
}

// complete stores the answer.
func (c *idempotencyCache) complete(answer *cachedAnswer, frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer.frame = frame
	close(answer.done)
	if c.byID[answer.id] == answer {
		c.bytes += len(frame)
		c.evict()
	}
}

// retract answers waiting repetitions of a request that was not executed, and removes it: its ID may be used again.
func (c *idempotencyCache) retract(answer *cachedAnswer, frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer.frame = frame
	close(answer.done)
	if c.byID[answer.id] == answer {
		delete(c.byID, answer.id)
		c.order = slices.DeleteFunc(c.order, func(a *cachedAnswer) bool { return a == answer })
	}
}

// evict removes the oldest answers above the limits. The caller holds mu.
func (c *idempotencyCache) evict() {
	for len(c.order) > maxAnswers || c.bytes > maxAnswerBytes {
		oldest := c.order[0]
		c.order = c.order[1:]
		delete(c.byID, oldest.id)
		select {
		case <-oldest.done:
			c.bytes -= len(oldest.frame)
		default: // in progress: its size was not counted
		}
	}
}

// idempotencyCaches holds the cache of every session that has a connection or waits for one. A connection holds a reference until
// its live.Client.End, and the last one removes the cache, so there are never more caches than seats and connections.
type idempotencyCaches struct {
	mu       sync.Mutex
	sessions map[live.SessionID]*sharedCache // Guarded by mu.
}

type sharedCache struct {
	cache *idempotencyCache
	refs  int // Guarded by idempotencyCaches.mu.
}

func newIdempotencyCaches() *idempotencyCaches {
	return &idempotencyCaches{sessions: map[live.SessionID]*sharedCache{}}
}

// acquire references the cache of a session. Without create it returns nil where there is none, so that guessed session IDs cost
// no memory. release must be called; only its first call has an effect.
func (l *idempotencyCaches) acquire(id live.SessionID, create bool) (c *idempotencyCache, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shared, ok := l.sessions[id]
	if !ok && !create {
		return nil, func() {}
	}
	if !ok {
		shared = &sharedCache{cache: newIdempotencyCache()}
		l.sessions[id] = shared
	}
	shared.refs++
	return shared.cache, sync.OnceFunc(func() { l.release(id, shared) })
}

func (l *idempotencyCaches) release(id live.SessionID, shared *sharedCache) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if shared.refs--; shared.refs == 0 {
		delete(l.sessions, id)
	}
}

func (l *idempotencyCaches) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sessions)
}
