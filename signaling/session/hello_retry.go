package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// A token opens a room once. But the answer may be lost on the way, or the room may refuse for a moment; then the client that
// sent the token first may repeat its hello. It proves that it is the same client by a nonce that nobody else has seen. A restart
// of the daemon forgets the attempts, and a used token stays used.
//
//	hello(token, nonce) ─► helloAttempt ─► verified, used ─┬─► refused for now ──► same token and nonce: another attempt
//	                                                        └─► seat, unconfirmed ► same token and nonce: the same seat, by resume
//	                                                                  └─ next frame of the client ─► removed

// A helloAttempt is a token that is being verified or was accepted, until its client is known to have the answer.
type helloAttempt struct {
	tokenHash, nonceHash [sha256.Size]byte
	// expires is the end of the token; before it was verified, the latest end that a token can have. Guarded by mu of helloAttempts.
	expires    time.Time
	inProgress chan struct{} // capacity 1: one hello at a time; guards what follows

	tokenUsed bool           // the token was verified and marked as used
	session   live.SessionID // of the seat, "" before it has one
	secret    auth.Secret    // resumes the seat until the client confirms a newer one
}

// helloAttempts holds the attempts that may be repeated. Full policy: at maxHelloAttempts no more are kept, and a token works
// once.
type helloAttempts struct {
	mu      sync.Mutex
	byToken map[[sha256.Size]byte]*helloAttempt // Guarded by mu. By the hash of the token.
}

func newHelloAttempts() *helloAttempts {
	return &helloAttempts{byToken: map[[sha256.Size]byte]*helloAttempt{}}
}

// find returns the attempt of a token for the client that has its nonce, else nil.
func (l *helloAttempts) find(now time.Time, token, nonce auth.Secret) *helloAttempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.byToken[sha256.Sum256([]byte(token.Reveal()))]
	hash := sha256.Sum256([]byte(nonce.Reveal()))
	if a == nil || nonce.Empty() || !now.Before(a.expires) || subtle.ConstantTimeCompare(a.nonceHash[:], hash[:]) == 0 {
		return nil
	}
	return a
}

// add registers an attempt in progress, which the caller finishes. It returns nil without a nonce, when full, and while another
// client has an attempt with this token.
func (l *helloAttempts) add(now time.Time, token, nonce auth.Secret) *helloAttempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byToken) >= maxHelloAttempts {
		for key, a := range l.byToken {
			if !now.Before(a.expires) {
				delete(l.byToken, key)
			}
		}
	}
	if nonce.Empty() || len(l.byToken) >= maxHelloAttempts {
		return nil
	}
	a := &helloAttempt{
		tokenHash: sha256.Sum256([]byte(token.Reveal())), nonceHash: sha256.Sum256([]byte(nonce.Reveal())),
		expires: now.Add(auth.MaxLifetime + 2*auth.Leeway), inProgress: make(chan struct{}, 1),
	}
	if old := l.byToken[a.tokenHash]; old != nil && now.Before(old.expires) {
		return nil // of another client, who must not lose it
	}
	a.inProgress <- struct{}{}
	l.byToken[a.tokenHash] = a
	return a
}

// markTokenUsed notes that the token was verified and marked as used. The attempt is in progress by the caller.
func (l *helloAttempts) markTokenUsed(a *helloAttempt, expires time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.tokenUsed, a.expires = true, expires
}

// remove ends the repetitions of an attempt, which may be nil.
func (l *helloAttempts) remove(a *helloAttempt) {
	if a == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byToken[a.tokenHash] == a {
		delete(l.byToken, a.tokenHash)
	}
}

// finish ends the progress of an attempt, which may be nil. A permanent refusal is not repeated.
func (l *helloAttempts) finish(a *helloAttempt, f *wire.Failure) {
	if a == nil {
		return
	}
	if f != nil && !f.Retryable && f.Code != room.PasscodeWrong {
		l.remove(a)
	}
	<-a.inProgress
}

// join takes a new seat with a token, or the seat that an earlier attempt with this token and nonce took.
func (s *Session) join(ctx context.Context, h wire.Hello, token auth.Secret) (w live.Welcome, f *wire.Failure) {
	attempts, now := s.svc.attempts, s.svc.cfg.Now
	attempt := attempts.find(now(), token, h.Nonce)
	if attempt == nil {
		attempt = attempts.add(now(), token, h.Nonce)
	} else {
		select {
		case attempt.inProgress <- struct{}{}:
		case <-ctx.Done():
			return w, wire.NewFailure(room.Unavailable, "the hello before is not answered yet")
		}
	}
	defer func() { attempts.finish(attempt, f) }() // after a panic too: the client may repeat its hello
	verify := s.svc.cfg.Tokens.Verify
	if attempt != nil && attempt.tokenUsed {
		verify = s.svc.cfg.Tokens.Recheck
	}
	var grant auth.Grant
	if attempt == nil || attempt.session == "" {
		var err error
		if grant, err = verify(now(), token); err != nil {
			return w, s.refuseToken(err)
		}
	}
	if attempt != nil && !attempt.tokenUsed {
		attempts.markTokenUsed(attempt, grant.ExpiresAt.Add(auth.Leeway))
	}
	if attempt != nil && attempt.session != "" {
		w, f = s.resume(ctx, live.ResumeRequest{Session: attempt.session, Secret: attempt.secret, E2EE: speaksE2EE(h)})
	} else {
		w, f = s.newSeat(ctx, h, token, grant)
	}
	if attempt != nil && f == nil {
		attempt.session, attempt.secret, s.attempt = w.Session, w.Secret, attempt
	}
	return w, f
}
