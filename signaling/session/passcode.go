package session

import (
	"context"
	"errors"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// A passcodeScope is the policy that holds the hash of a passcode, and the room whose guesses count together, whether they come
// with a hello or from a seat.
type passcodeScope struct{ policy, room string }

// passcodeScopeOf returns the scope of a seat.
func passcodeScopeOf(w live.Welcome) passcodeScope {
	return passcodeScope{policy: w.Policy.Name, room: w.Room}
}

// checkPasscode compares a guess; nil if it is right. In a room without a passcode a guess is an error.
func (s *Session) checkPasscode(ctx context.Context, scope passcodeScope, guess auth.Secret) *wire.Failure {
	var hash auth.PasscodeHash
	if s.svc.cfg.PasscodeHash != nil {
		hash = s.svc.cfg.PasscodeHash(scope.policy)
	}
	if hash.Empty() {
		return wire.NewFailure(room.InvalidState, "the room has no passcode")
	}
	err := s.svc.passcodes.Check(ctx, s.svc.cfg.Now(), scope.room, s.peer.Prefix, hash, guess)
	var throttled auth.Throttled
	switch {
	case err == nil:
		return nil
	case errors.Is(err, auth.ErrPasscodeWrong):
		return wire.NewFailure(room.PasscodeWrong, "wrong")
	case errors.As(err, &throttled):
		return wire.NewRateLimited("too many wrong passcodes from here", throttled.RetryAfter)
	}
	return wire.NewFailure(room.Unavailable, "too many passcodes are being checked")
}

// enterPasscode compares a guess of a participant and reports a correct one to the room.
func (s *Session) enterPasscode(ctx context.Context, p wire.PasscodeGuess) *wire.Failure {
	if f := s.checkPasscode(ctx, s.passcodeScope, p.Guess); f != nil {
		return f
	}
	if _, err := s.seat.Do(ctx, room.PasscodeEntered{OK: true}); err != nil {
		return s.failure("passcode.enter", err)
	}
	return nil
}
