package signaling

import (
	"context"
	"errors"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// A passcodeChecker compares a guess with a hash, at the pace that guessing is allowed; auth.Passcodes is one. Its errors are
// those of auth.Passcodes.Check.
type passcodeChecker interface {
	Check(ctx context.Context, now time.Time, room, source string, h auth.PasscodeHash, guess auth.Secret) error
}

// A door is what a passcode belongs to: the policy that names it, and the room whose guesses count together, whether they come with a
// hello or from a seat.
type passcodeScope struct{ policy, room string }

// doorOf finds the door of a seat.
func passcodeScopeOf(w live.Welcome) passcodeScope {
	return passcodeScope{policy: w.Policy.Name, room: w.Room}
}

// try compares a guess; nil if it is right. A room without a passcode is never guessed at.
func (s *session) checkPasscode(ctx context.Context, d passcodeScope, guess auth.Secret) *Failure {
	hash := s.srv.settings.Load().Passcodes[d.policy]
	if hash.Empty() {
		return NewFailure(room.InvalidState, "the room has no passcode")
	}
	err := s.srv.passcodes.Check(ctx, s.srv.now(), d.room, s.source, hash, guess)
	var slow auth.Throttled
	switch {
	case err == nil:
		return nil
	case errors.Is(err, auth.ErrPasscodeWrong):
		return NewFailure(room.PasscodeWrong, "wrong")
	case errors.As(err, &slow):
		return NewRateLimited("too many wrong passcodes from here", slow.RetryAfter)
	}
	return NewFailure(room.Unavailable, "too many passcodes are being checked")
}

// enterPasscode compares what one who has a seat entered, and lets the room know when it is right.
func (s *session) enterPasscode(ctx context.Context, p PasscodeGuess) *Failure {
	if f := s.checkPasscode(ctx, s.passcodeScope, p.Guess); f != nil {
		return f
	}
	if _, err := s.seat.Do(ctx, room.PasscodeEntered{OK: true}); err != nil {
		return s.explain("passcode.enter", err)
	}
	return nil
}

// arrive gathers what is known of one who comes with a good token.
func (s *session) admission(ctx context.Context, h Hello, g auth.Grant) (live.JoinRequest, *Failure) {
	a := live.JoinRequest{Grant: g, DisplayName: h.DisplayName, NotBefore: g.NotBefore, NotAfter: g.NotAfter}
	if !h.Passcode.Empty() {
		policy := g.Policy
		if policy == "" {
			policy = "default"
		}
		if f := s.checkPasscode(ctx, passcodeScope{policy, g.Room}, h.Passcode); f != nil {
			return a, f
		}
		a.PasscodeOK = true
	}
	if known := s.srv.cfg.Acknowledged; known != nil {
		hashes, err := known(ctx, g.Person)
		if err != nil { // asked again: that is safe
			s.srv.log.Warn("earlier agreements cannot be read", "type", typeName(err))
		}
		a.Acknowledged = hashes
	}
	return a, nil
}
