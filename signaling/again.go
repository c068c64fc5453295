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
type greeting struct {
	token, nonce [sha256.Size]byte
	until        time.Time     // the token's end; before it was verified, when no token lives any more. Guarded by mu of greetings.
	turn         chan struct{} // capacity 1: one hello at a time; guards what follows

	spent   bool           // it was verified, and marked as used
	session live.SessionID // of the seat it took, "" before
	secret  auth.Secret    // resumes it, as long as the client has shown no newer one
}

// greetings are those that may come again. Full policy: at maxGreetings no more are kept, and a token works once.
type greetings struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*greeting // Guarded by mu. By the hash of the token.
}

func newGreetings() *greetings { return &greetings{all: map[[sha256.Size]byte]*greeting{}} }

// find gives the greeting of a token for the client that has its nonce, else nil.
func (g *greetings) find(now time.Time, token, nonce auth.Secret) *greeting {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.all[sha256.Sum256([]byte(token.Reveal()))]
	hash := sha256.Sum256([]byte(nonce.Reveal()))
	if one == nil || nonce.Empty() || !now.Before(one.until) || subtle.ConstantTimeCompare(one.nonce[:], hash[:]) == 0 {
		return nil
	}
	return one
}

// add remembers a token that nobody else shows just now. The caller has the first turn, and ends it.
func (g *greetings) add(now time.Time, token, nonce auth.Secret) *greeting {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.all) >= maxGreetings {
		for key, one := range g.all {
			if !now.Before(one.until) {
				delete(g.all, key)
			}
		}
	}
	if nonce.Empty() || len(g.all) >= maxGreetings {
		return nil
	}
	one := &greeting{
		token: sha256.Sum256([]byte(token.Reveal())), nonce: sha256.Sum256([]byte(nonce.Reveal())),
		until: now.Add(auth.MaxLifetime + 2*auth.Leeway), turn: make(chan struct{}, 1),
	}
	if old := g.all[one.token]; old != nil && now.Before(old.until) {
		return nil // of another client, who must not lose it
	}
	one.turn <- struct{}{}
	g.all[one.token] = one
	return one
}

// accept takes note that a token was verified and marked as used. The caller has the turn.
func (g *greetings) accept(one *greeting, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one.spent, one.until = true, until
}

// forget makes a token used for good.
func (g *greetings) forget(one *greeting) {
	if one == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all[one.token] == one {
		delete(g.all, one.token)
	}
}

// come takes a seat with the token of a hello, or the one that was taken with it already.
func (s *session) come(ctx context.Context, h hello, token auth.Secret) (w live.Welcome, f *Failure) {
	known := s.srv.greetings
	one := known.find(s.srv.now(), token, h.nonce)
	if one == nil {
		one = known.add(s.srv.now(), token, h.nonce)
	} else {
		select {
		case one.turn <- struct{}{}:
		case <-ctx.Done():
			return w, failure(room.Unavailable, "the hello before is not answered yet")
		}
	}
	defer func() { one.done(known, f) }() // after a panic too: whom it belongs to may try again
	check := s.srv.cfg.Tokens.Verify
	if one != nil && one.spent {
		check = s.srv.cfg.Tokens.Recheck
	}
	var grant auth.Grant
	if one == nil || one.session == "" {
		var err error
		if grant, err = check(s.srv.now(), token); err != nil {
			return w, s.refuseToken(err)
		}
	}
	if one != nil && !one.spent {
		known.accept(one, grant.ExpiresAt.Add(auth.Leeway))
	}
	if one != nil && one.session != "" {
		w, f = s.back(ctx, one.session, one.secret)
	} else {
		w, f = s.enterAnew(ctx, h, token, grant)
	}
	if one != nil && f == nil {
		one.session, one.secret, s.greeting = w.Session, w.Secret, one
	}
	return w, f
}

// done ends a turn. What is refused for good is not asked again.
func (one *greeting) done(known *greetings, f *Failure) {
	if one == nil {
		return
	}
	if f != nil && !f.Retryable && f.Code != room.PasscodeWrong {
		known.forget(one)
	}
	<-one.turn
}

// back takes up a seat by its secret.
func (s *session) back(ctx context.Context, id live.SessionID, secret auth.Secret) (w live.Welcome, f *Failure) {
	// Held before the older connection lets go: its answers must not be forgotten in between.
	past, release := s.srv.ledger.hold(id, false)
	var err error
	s.seat, w, err = s.srv.rooms.resume(ctx, id, secret, s)
	if err != nil {
		release()
		s.seat = nil
		return w, s.explain("hello", err)
	}
	if past == nil {
		past, release = s.srv.ledger.hold(w.Session, true)
	}
	s.past = past
	s.keep(release)
	return w, nil
}

// enterAnew takes a new seat. What was revoked while it was found out who comes opens no room behind the back of who revoked it.
func (s *session) enterAnew(ctx context.Context, h hello, token auth.Secret, grant auth.Grant) (w live.Welcome, f *Failure) {
	arrival, refused := s.arrive(ctx, h, grant)
	if refused != nil {
		s.srv.refusals.refusedEntry(grant, refused.Code)
		return w, refused
	}
	if _, err := s.srv.cfg.Tokens.Recheck(s.srv.now(), token); err != nil {
		return w, s.refuseToken(err)
	}
	if !s.place.Seat(false) {
		f = failure(room.Unavailable, "the places of those who come back are all that is left")
		f.RetryAfterMs = retryUnavailable
		s.srv.metrics.Joined(string(f.Code))
		return w, f
	}
	var err error
	s.seat, w, err = s.srv.rooms.join(ctx, arrival, s)
	if err != nil {
		s.seat = nil
		f = s.explain("hello", err)
		s.srv.refusals.refusedEntry(grant, f.Code)
		return w, f
	}
	past, release := s.srv.ledger.hold(w.Session, true)
	s.past = past
	s.keep(release)
	return w, nil
}
