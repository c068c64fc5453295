package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// A crowd guesses at one room from every source without a pause, while argon2 takes as long as it does on a small server. Virtual time.
type crowd struct {
	p      *Passcodes
	looked atomic.Int64 // guesses that argon2 looked at
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

const argonTakes = 150 * time.Millisecond

func newCrowd(t *testing.T, sources []string) *crowd {
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{p: NewPasscodes(), stop: cancel}
	c.p.match = func(_ PasscodeHash, guess Secret) bool {
		c.looked.Add(1)
		time.Sleep(argonTakes)
		return guess.Reveal() == "correct horse"
	}
	for i, source := range sources {
		c.wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			for ctx.Err() == nil {
				err := c.p.Check(ctx, time.Now(), "tuesday", source, PasscodeHash{}, NewSecret("guess"))
				pause := 50 * time.Millisecond
				if slow, ok := errors.AsType[Throttled](err); ok {
					pause = slow.RetryAfter
				}
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
			}
		})
	}
	return c
}

// enter is a person with the right passcode, who comes back as a client does. It gives how long that took.
func (c *crowd) enter(t *testing.T, source string) time.Duration {
	t.Helper()
	begin := time.Now()
	for {
		err := c.p.Check(t.Context(), time.Now(), "tuesday", source, PasscodeHash{}, NewSecret("correct horse"))
		switch slow, throttled := errors.AsType[Throttled](err); {
		case err == nil:
			return time.Since(begin)
		case throttled:
			time.Sleep(slow.RetryAfter)
		case errors.Is(err, ErrPasscodeBusy):
			time.Sleep(time.Second)
		default:
			t.Fatal(err)
		}
		if time.Since(begin) > 5*time.Minute {
			t.Fatal("kept out")
		}
	}
}

// TestPasscodeGuessersAndGroup checks that guessers from 45 addresses and from a /48 never delay a right passcode, even after one typing
// error, and that the guesses cost far less than one core.
func TestPasscodeGuessersAndGroup(t *testing.T) {
	addresses, networks := []string{}, []string{}
	for i := range 45 {
		addresses = append(addresses, fmt.Sprintf("203.0.%d.7/32", i))
	}
	for i := range 100 {
		networks = append(networks, fmt.Sprintf("2001:db8:7:%x::/64", i))
	}
	for name, sources := range map[string][]string{"45 addresses": addresses, "one /48": networks} {
		for _, after := range []time.Duration{0, time.Second, 10 * time.Second, time.Minute} {
			t.Run(fmt.Sprint(name, " after ", after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCrowd(t, sources)
					time.Sleep(after)
					var took []time.Duration
					for person := range 5 {
						source := fmt.Sprintf("198.51.%d.9/32", person)
						if person == 4 {
							for c.p.Check(t.Context(), time.Now(), "tuesday", source, PasscodeHash{}, NewSecret("mistyped")) != ErrPasscodeWrong {
								time.Sleep(100 * time.Millisecond)
							}
						}
						took = append(took, c.enter(t, source))
					}
					// At the very beginning none of the 45 has failed yet: each has one guess, two at a time, before anybody is sure.
					limit := time.Second
					if after < 10*time.Second {
						limit = 45/2*argonTakes + 2*time.Second
					}
					if slowest := slices.Max(took); slowest > limit {
						t.Errorf("people with the right passcode took %v", took)
					}
					before, at := c.looked.Load(), time.Now()
					time.Sleep(time.Minute)
					if rate := float64(c.looked.Load()-before) / time.Since(at).Seconds(); rate > 1.5 && after >= time.Minute {
						t.Errorf("argon2 looks at %.1f guesses a second", rate)
					}
					c.stop()
					c.wg.Wait()
				})
			})
		}
	}
}

// TestThrottledGuessKeepsQueue checks that a guess that exceeds the budget of its room evicts nobody from the queue, and that a guess
// without a slot does not use the budget.
func TestThrottledGuessKeepsQueue(t *testing.T) {
	p, now := NewPasscodes(), time.Now()
	room := maphash.String(p.seed, "tuesday")
	p.openSlotBusy, p.cleanSlotBusy = true, true // both places are taken
	for range passcodeQueue / 2 {
		p.queue = append(p.queue, &pendingGuess{room: room, failures: 2, decided: make(chan struct{})})
		p.waiting[room]++
	}
	guess := func(wrong int) error {
		w := &pendingGuess{room: room, source: 7, decided: make(chan struct{})}
		p.sources[7] = &guessRecord{wrong: wrong, last: now}
		_, err := p.enqueue(now, w, 1, [sha256.Size]byte{})
		return err
	}
	budget := rate.NewLimiter(failedPerSecond, failedBurst)
	budget.AllowN(now, failedBurst)
	p.budgets[room] = budget
	if err, ok := errors.AsType[Throttled](guess(1)); !ok || len(p.queue) != passcodeQueue/2 {
		t.Errorf("above the budget: %v, and %d wait", err, len(p.queue))
	}
	now = now.Add(time.Hour)
	if err := guess(2); err != ErrPasscodeBusy || budget.TokensAt(now) != failedBurst {
		t.Errorf("without a place: %v, and %v are left", err, budget.TokensAt(now))
	}
	if err := guess(1); err != nil || budget.TokensAt(now) != failedBurst-1 || len(p.queue) != passcodeQueue/2 {
		t.Errorf("with both: %v, %v are left, %d wait", err, budget.TokensAt(now), len(p.queue))
	}
}

// TestPasscodeGroup checks that thirty people who enter the right passcode at once cost one or two argon2 computations, and that a changed
// passcode is verified again.
func TestPasscodeGroup(t *testing.T) {
	p := NewPasscodes()
	looked := 0
	p.match = func(h PasscodeHash, guess Secret) bool { looked++; return h.matches(guess) }
	first, second := cheap("correct horse"), cheap("battery staple")
	for i := range 30 {
		if err := p.Check(t.Context(), start, "tuesday", fmt.Sprint(i), first, NewSecret("correct horse")); err != nil {
			t.Fatal(err)
		}
	}
	if looked != 1 {
		t.Errorf("argon2 looked %d times", looked)
	}
	if err := p.Check(t.Context(), start, "tuesday", "old", second, NewSecret("correct horse")); !errors.Is(err, ErrPasscodeWrong) {
		t.Errorf("the passcode before the change: %v", err)
	}
	if err := p.Check(t.Context(), start, "tuesday", "new", second, NewSecret("battery staple")); err != nil {
		t.Error(err)
	}
	for i := range freeGuesses {
		p.Check(t.Context(), start, "tuesday", "bad", first, NewSecret(fmt.Sprint("guess", i)))
	}
	if err := p.Check(t.Context(), start, "tuesday", "bad", first, NewSecret("correct horse")); !errors.As(err, new(Throttled)) {
		t.Errorf("one who has to wait is told at once that a passcode is right: %v", err)
	}
	for i := range 2 * maxKnownPasscodes {
		p.known[uint64(i)] = [32]byte{}
		p.rememberKnown(uint64(i+maxKnownPasscodes), [32]byte{1})
		if len(p.known) > maxKnownPasscodes+1 {
			t.Fatalf("%d passcodes are remembered", len(p.known))
		}
	}
}
