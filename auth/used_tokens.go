package auth

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Why a token cannot be spent.
var (
	ErrTokenUsed         = errors.New("token was used before")
	ErrIssuedBeforeStart = errors.New("token is older than the memory of used tokens")
	ErrUsedTokensFull    = errors.New("memory of used tokens is full")
)

// A Use is the single use of one token.
type Use struct {
	Key      TokenKey
	IssuedAt time.Time
	Until    time.Time // after this the token is expired
	Person   string    // its holder: Grant.Person
	KeyID    string    // kid of the key that signed it
}

// KeepUntil is until when a use is remembered that happens now.
func (u Use) KeepUntil(now time.Time) time.Time {
	if kept := now.Add(UsedTokenRetention); kept.After(u.Until) {
		return kept
	}
	return u.Until
}

// A UsedTokens remembers which tokens were used.
type UsedTokens interface {
	// MarkUsed marks a use; ErrTokenUsed, ErrIssuedBeforeStart, ErrUsedTokensFull or any other error refuse the token.
	MarkUsed(now time.Time, u Use) error
}

// UsedTokenMemory is a UsedTokens in memory. It is bounded, and refuses when it is full, because an accepted token that is not remembered
// could be used again. It also refuses tokens issued before it began, since a restarted daemon has forgotten what it accepted.
type UsedTokenMemory struct {
	start time.Time
	limit int

	mu    sync.Mutex
	until map[TokenKey]time.Time // Guarded by mu.
	swept time.Time              // Guarded by mu.
}

// NewUsedTokenMemory remembers up to limit tokens that were issued from the second of begin on.
func NewUsedTokenMemory(begin time.Time, limit int) (*UsedTokenMemory, error) {
	if limit < 1 {
		return nil, fmt.Errorf("memory of used tokens needs room for one at least, not %d", limit)
	}
	return &UsedTokenMemory{start: begin.Truncate(time.Second), limit: limit, until: map[TokenKey]time.Time{}}, nil
}

// MarkUsed implements UsedTokens.
func (m *UsedTokenMemory) MarkUsed(now time.Time, u Use) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until, there := m.until[u.Key]; there && !now.After(until) {
		return ErrTokenUsed
	}
	if u.IssuedAt.Before(m.start) {
		return ErrIssuedBeforeStart
	}
	if len(m.until) >= m.limit || now.Sub(m.swept) >= MaxLifetime {
		m.sweep(now)
	}
	if len(m.until) >= m.limit {
		return ErrUsedTokensFull
	}
	m.until[u.Key] = u.KeepUntil(now)
	return nil
}

// sweep forgets what was kept long enough. Within one second a full memory is swept once: tokens expire by the second, and a flood must not
// make each of its requests walk the whole map.
func (m *UsedTokenMemory) sweep(now time.Time) {
	if d := now.Sub(m.swept); d >= 0 && d < time.Second {
		return
	}
	m.swept = now
	for k, until := range m.until {
		if now.After(until) {
			delete(m.until, k)
		}
	}
}
