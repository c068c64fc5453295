package signaling

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// A token opens a room once. But its answer may be lost on the way, or the door be one that opens a moment later: then only the
// client that showed it first may say hello with it again. It proves that it is the same by a nonce of its own, which nobody
// else has seen. Nothing of this outlives the daemon: after a restart a used token is used.
//
//	hello(token, nonce) ─► greeting ─► verified, spent ─┬─► refused for now ──► same token, same nonce: another attempt
//	                                                    └─► seat, unconfirmed ► same token, same nonce: the same seat, by resume
//	                                                              └─ next frame of the client ─► forgotten

// A greeting is a token that is being looked at or was accepted, until its client is known to have the answer.
type helloAttempt struct {
	tokenHash, nonceHash [sha256.Size]byte
	expires              time.Time     // the token's end; before it was verified, when no token lives any more. Guarded by mu of greetings.
	inProgress           chan struct{} // capacity 1: one hello at a time; guards what follows

	tokenUsed bool           // it was verified, and marked as used
	session   live.SessionID // of the seat it took, "" before
	secret    auth.Secret    // resumes it, as long as the client has shown no newer one
}

// greetings are those that may come again. Full policy: at maxHelloAttempts no more are kept, and a token works once.
type helloAttempts struct {
	mu      sync.Mutex
	byToken map[[sha256.Size]byte]*helloAttempt // Guarded by mu. By the hash of the token.
}

func newHelloAttempts() *helloAttempts {
	return &helloAttempts{byToken: map[[sha256.Size]byte]*helloAttempt{}}
}

// find gives the greeting of a token for the client that has its nonce, else nil.
func (g *helloAttempts) find(now time.Time, token, nonce auth.Secret) *helloAttempt {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.byToken[sha256.Sum256([]byte(token.Reveal()))]
	hash := sha256.Sum256([]byte(nonce.Reveal()))
	if a == nil || nonce.Empty() || !now.Before(a.expires) || subtle.ConstantTimeCompare(a.nonceHash[:], hash[:]) == 0 {
		return nil
	}
	return a
}

// add remembers a token that nobody else shows just now. The caller has the first turn, and ends it.
func (g *helloAttempts) add(now time.Time, token, nonce auth.Secret) *helloAttempt {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.byToken) >= maxHelloAttempts {
		for key, a := range g.byToken {
			if !now.Before(a.expires) {
				delete(g.byToken, key)
			}
		}
	}
	if nonce.Empty() || len(g.byToken) >= maxHelloAttempts {
		return nil
	}
	a := &helloAttempt{
		tokenHash: sha256.Sum256([]byte(token.Reveal())), nonceHash: sha256.Sum256([]byte(nonce.Reveal())),
		expires: now.Add(auth.MaxLifetime + 2*auth.Leeway), inProgress: make(chan struct{}, 1),
	}
	if old := g.byToken[a.tokenHash]; old != nil && now.Before(old.expires) {
		return nil // of another client, who must not lose it
	}
	a.inProgress <- struct{}{}
	g.byToken[a.tokenHash] = a
	return a
}

// accept takes note that a token was verified and marked as used. The caller has the turn.
func (g *helloAttempts) markTokenUsed(a *helloAttempt, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.tokenUsed, a.expires = true, until
}

// forget makes a token used for good.
func (g *helloAttempts) remove(a *helloAttempt) {
	if a == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byToken[a.tokenHash] == a {
		delete(g.byToken, a.tokenHash)
	}
}

// come takes a seat with the token of a hello, or the one that was taken with it already.
func (s *session) join(ctx context.Context, h Hello, token auth.Secret) (w live.Welcome, f *Failure) {
	attempts := s.srv.attempts
	attempt := attempts.find(s.srv.now(), token, h.Nonce)
	if attempt == nil {
		attempt = attempts.add(s.srv.now(), token, h.Nonce)
	} else {
		select {
		case attempt.inProgress <- struct{}{}:
		case <-ctx.Done():
			return w, NewFailure(room.Unavailable, "the hello before is not answered yet")
		}
	}
	defer func() { attempt.finish(attempts, f) }() // after a panic too: whom it belongs to may try again
	check := s.srv.cfg.Tokens.Verify
	if attempt != nil && attempt.tokenUsed {
		check = s.srv.cfg.Tokens.Recheck
	}
	var grant auth.Grant
	if attempt == nil || attempt.session == "" {
		var err error
		if grant, err = check(s.srv.now(), token); err != nil {
			return w, s.refuseToken(err)
		}
	}
	if attempt != nil && !attempt.tokenUsed {
		attempts.markTokenUsed(attempt, grant.ExpiresAt.Add(auth.Leeway))
	}
	if attempt != nil && attempt.session != "" {
		w, f = s.resume(ctx, attempt.session, attempt.secret)
	} else {
		w, f = s.newSeat(ctx, h, token, grant)
	}
	if attempt != nil && f == nil {
		attempt.session, attempt.secret, s.attempt = w.Session, w.Secret, attempt
	}
	return w, f
}

// done ends a turn. What is refused for good is not asked again.
func (a *helloAttempt) finish(attempts *helloAttempts, f *Failure) {
	if a == nil {
		return
	}
	if f != nil && !f.Retryable && f.Code != room.PasscodeWrong {
		attempts.remove(a)
	}
	<-a.inProgress
}

// back takes up a seat by its secret.
func (s *session) resume(ctx context.Context, id live.SessionID, secret auth.Secret) (w live.Welcome, f *Failure) {
	// Held before the older connection lets go: its answers must not be forgotten in between.
	cache, release := s.srv.caches.acquire(id, false)
	var err error
	s.seat, w, err = s.srv.rooms.resume(ctx, id, secret, s)
	if err != nil {
		release()
		s.seat = nil
		return w, s.explain("hello", err)
	}
	if cache == nil {
		cache, release = s.srv.caches.acquire(w.Session, true)
	}
	s.cache = cache
	s.setRelease(release)
	return w, nil
}

// enterAnew takes a new seat. What was revoked while it was found out who comes opens no room behind the back of who revoked it.
func (s *session) newSeat(ctx context.Context, h Hello, token auth.Secret, grant auth.Grant) (w live.Welcome, f *Failure) {
	arrival, refused := s.admission(ctx, h, grant)
	if refused != nil {
		s.srv.refusals.entryRefused(grant, refused.Code)
		return w, refused
	}
	if _, err := s.srv.cfg.Tokens.Recheck(s.srv.now(), token); err != nil {
		return w, s.refuseToken(err)
	}
	if !s.lease.MarkSeated(false) {
		f = NewFailure(room.Unavailable, "the places of those who come back are all that is left")
		f.RetryAfterMs = retryUnavailable
		s.srv.metrics.Joined(string(f.Code))
		return w, f
	}
	var err error
	s.seat, w, err = s.srv.rooms.join(ctx, arrival, s)
	if err != nil {
		s.seat = nil
		f = s.explain("hello", err)
		s.srv.refusals.entryRefused(grant, f.Code)
		return w, f
	}
	cache, release := s.srv.caches.acquire(w.Session, true)
	s.cache = cache
	s.setRelease(release)
	return w, nil
}
