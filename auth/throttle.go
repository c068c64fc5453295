package auth

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// Why a guess at a passcode brought nothing.
var (
	// ErrPasscodeWrong says that the passcode is another.
	ErrPasscodeWrong = errors.New("the passcode is wrong")
	// ErrPasscodeBusy says that too many guesses are being looked at: come back soon.
	ErrPasscodeBusy = errors.New("too many passcodes are being checked")
)

// Throttled says that this source has to wait before it guesses at this room again. The guess was not looked at.
type Throttled struct{ RetryAfter time.Duration }

func (t Throttled) Error() string {
	return fmt.Sprintf("too many wrong passcodes: wait %s", t.RetryAfter)
}

// Passcodes checks guesses, few at a time, because each takes the memory and time that make guessing dear.
//
// After freeGuesses wrong ones a source waits before its next guess at that room, twice as long after each, and is forgotten when
// it is quiet. Nobody else waits for it: there is no lock of a room that strangers could close on its patients. What many
// sources together can try is bounded by the concurrency; a passcode needs to be long enough for that, see MinPasscode.
//
// It keeps no room's name and no address, only a hash of both under a key of the process.
type Passcodes struct {
	seed  maphash.Seed
	slots chan struct{}
	match func(PasscodeHash, Secret) bool // in tests another

	mu      sync.Mutex
	sources map[uint64]*guesser // Guarded by mu. By room and source; at most maxGuessers.
	waiting map[uint64]int      // Guarded by mu. By room: guesses in the queue or being checked.
	queued  int                 // Guarded by mu. The sum.
	swept   time.Time           // Guarded by mu.
}

// A guesser is one source at one room.
type guesser struct {
	wrong int
	until time.Time // not before
	last  time.Time
	busy  bool // a guess of its own is being looked at
}

// NewPasscodes makes a checker that has seen nobody.
func NewPasscodes() *Passcodes {
	return &Passcodes{
		seed: maphash.MakeSeed(), slots: make(chan struct{}, passcodeSlots), match: PasscodeHash.matches,
		sources: map[uint64]*guesser{}, waiting: map[uint64]int{},
	}
}

// Check says whether guess is the passcode of a hash: nil, ErrPasscodeWrong, ErrPasscodeBusy, Throttled, or the error of ctx.
// source is whatever counts as one stranger, such as an address or its network.
func (p *Passcodes) Check(ctx context.Context, now time.Time, room, source string, h PasscodeHash, guess Secret) error {
	if len(guess.Reveal()) > MaxPasscode {
		return ErrPasscodeWrong
	}
	roomKey := maphash.String(p.seed, room)
	key := maphash.Comparable(p.seed, [2]string{room, source})
	g, err := p.enter(now, roomKey, key)
	if err != nil {
		return err
	}
	return p.guess(ctx, now, roomKey, key, g, h, guess)
}

// guess looks at one guess that has its place in the queue. A panic gives back what was taken, and counts as a wrong guess.
func (p *Passcodes) guess(ctx context.Context, now time.Time, roomKey, key uint64, g *guesser, h PasscodeHash, guess Secret) error {
	looked, right := false, false
	defer p.leave(roomKey, key, g, func() {
		switch g.last = now; {
		case right:
			delete(p.sources, key)
		case looked:
			g.wrong++
			g.until = now.Add(penalty(g.wrong))
		}
	})
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.slots }()
	looked = true
	if right = p.match(h, guess); !right {
		return ErrPasscodeWrong
	}
	return nil
}

// penalty is how long a source waits after so many wrong guesses in a row.
func penalty(wrong int) time.Duration {
	if wrong < freeGuesses {
		return 0
	}
	return min(firstPenalty<<min(wrong-freeGuesses, 16), maxPenalty)
}

// enter takes a place in the queue. The queue is full: come back; half of it is the most that one room may take, so that guesses at
// one room do not keep people out of the others.
func (p *Passcodes) enter(now time.Time, room, key uint64) (*guesser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.sources[key]
	switch {
	case g != nil && now.Before(g.until):
		return nil, Throttled{g.until.Sub(now)}
	case g != nil && g.busy, p.queued >= passcodeQueue, p.waiting[room] >= passcodeQueue/2:
		return nil, ErrPasscodeBusy
	case g == nil:
		p.makeRoom(now)
		g = &guesser{last: now}
		p.sources[key] = g
	}
	g.busy = true
	p.queued++
	p.waiting[room]++
	return g, nil
}

func (p *Passcodes) leave(room, key uint64, g *guesser, conclude func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.busy = false
	p.queued--
	if p.waiting[room]--; p.waiting[room] == 0 {
		delete(p.waiting, room)
	}
	conclude()
	if g.wrong == 0 {
		delete(p.sources, key)
	}
}

// makeRoom forgets who has been quiet for long. When there are more sources than can be remembered, the one that matters least is
// forgotten: with that it gets back a few free guesses, no more than another address would.
func (p *Passcodes) makeRoom(now time.Time) {
	if len(p.sources) < maxGuessers {
		return
	}
	if d := now.Sub(p.swept); d < 0 || d >= time.Second {
		p.swept = now
		for k, g := range p.sources {
			if !g.busy && now.Sub(g.last) > forgetGuesser {
				delete(p.sources, k)
			}
		}
	}
	if len(p.sources) < maxGuessers {
		return
	}
	var least uint64
	var found *guesser
	looked := 0
	for k, g := range p.sources { // in no order: a sample is enough
		if g.busy {
			continue
		}
		if found == nil || g.wrong < found.wrong {
			least, found = k, g
		}
		if looked++; looked >= evictionSample {
			break
		}
	}
	delete(p.sources, least)
}
