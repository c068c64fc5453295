package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The errors of a guess at a passcode.
var (
	// ErrPasscodeWrong: the guess is wrong.
	ErrPasscodeWrong = errors.New("the passcode is wrong")
	// ErrPasscodeBusy: too many guesses are being checked; retry soon.
	ErrPasscodeBusy = errors.New("too many passcodes are being checked")
)

// Throttled: this source has to wait before its next guess at this room. The guess was not checked.
type Throttled struct{ RetryAfter time.Duration }

func (t Throttled) Error() string {
	return fmt.Sprintf("too many wrong passcodes: wait %s", t.RetryAfter)
}

// Passcodes checks guesses, few at a time, because each takes the memory and time that make guessing expensive.
//
//	Check ─► penalty of the source ─► known to be right ─► budget of the room ─► queue, fewest failures first ─► argon2
//	             Throttled                  nil            Throttled             ErrPasscodeBusy              nil, ErrPasscodeWrong
//
// After freeGuesses wrong guesses a source has to wait before its next guess at that room, twice as long after each, and is forgotten once
// it is quiet. This delays nobody else: there is no lockout by which attackers could exclude the patients of a room. One of the two slots
// serves only sources that have not failed; in the other, and in the queue, the source with the fewest failures goes first. A source in a
// network that failed counts as failed, because a /48 contains 65,536 sources. All failed sources share one budget per room, so they cannot
// keep a core busy.
//
// A passcode that argon2 accepted is recognised from then on by an HMAC under a key of the process, in microseconds, so that a group that
// enters at once does not queue. The key and the HMAC stay in memory.
//
// It stores no room name and no address, only a hash of both under a key of the process.
type Passcodes struct {
	seed  maphash.Seed
	key   [sha256.Size]byte               // of known
	match func(PasscodeHash, Secret) bool // replaced in tests

	mu            sync.Mutex
	sources       map[uint64]*guessRecord      // Guarded by mu. By room and source, or its network; at most maxGuessRecords.
	budgets       map[uint64]*rate.Limiter     // Guarded by mu. By room: of sources that failed; at most maxGuessBudgets.
	known         map[uint64][sha256.Size]byte // Guarded by mu. By hash: the HMAC of the passcode; at most maxKnownPasscodes.
	queue         []*pendingGuess              // Guarded by mu. Fewest failures first, then oldest first; at most passcodeQueue.
	waiting       map[uint64]int               // Guarded by mu. By room: guesses in the queue.
	openSlotBusy  bool                         // Guarded by mu. The place for everybody is taken.
	cleanSlotBusy bool                         // Guarded by mu. The place for sources that have not failed is taken.
	swept         time.Time                    // Guarded by mu.
}

// A guessRecord is one source at one room, or the network that sources are in.
type guessRecord struct {
	wrong int
	until time.Time // not before
	last  time.Time
	busy  bool // a guess of its own is being looked at
}

// A pendingGuess is one guess in the queue.
type pendingGuess struct {
	room, source, network uint64        // site is 0 where there is none
	failures              int           // of its source, and of the network around it beyond what people mistype
	decided               chan struct{} // closed when it is decided: running or displaced
	slot                  *bool         // its place: &open or &clean; nil before its turn. Guarded by mu.
	displaced             bool          // by a guess with fewer failures. Guarded by mu.
}

// NewPasscodes returns a checker without history.
func NewPasscodes() *Passcodes {
	p := &Passcodes{
		seed: maphash.MakeSeed(), match: PasscodeHash.matches,
		sources: map[uint64]*guessRecord{}, budgets: map[uint64]*rate.Limiter{}, known: map[uint64][sha256.Size]byte{}, waiting: map[uint64]int{},
	}
	rand.Read(p.key[:]) // never fails
	return p
}

// Check says whether guess is the passcode of a hash: nil, ErrPasscodeWrong, ErrPasscodeBusy, Throttled, or the error of ctx.
// source is whatever counts as one stranger; where it is a network, such as 2001:db8::/64, those around it count too. A panic on the
// way counts as a wrong guess and keeps no place.
func (p *Passcodes) Check(ctx context.Context, now time.Time, room, source string, h PasscodeHash, guess Secret) error {
	if len(guess.Reveal()) > MaxPasscode {
		return ErrPasscodeWrong
	}
	w := &pendingGuess{
		room: maphash.String(p.seed, room), source: maphash.Comparable(p.seed, [2]string{room, source}),
		decided: make(chan struct{}),
	}
	if around := networkAround(source); around.IsValid() {
		w.network = maphash.Comparable(p.seed, [2]string{room, "around " + around.String()})
	}
	hashKey, mac := p.knownKey(h, guess)
	if known, err := p.enqueue(now, w, hashKey, mac); known || err != nil {
		return err
	}
	checked, right := false, false
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.release(w)
		if checked {
			p.recordResult(now, w, right)
		}
		if right {
			p.rememberKnown(hashKey, mac)
		}
	}()
	select {
	case <-w.decided:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.isDisplaced(w) {
		return ErrPasscodeBusy
	}
	checked = true
	if right = p.match(h, guess); !right {
		return ErrPasscodeWrong
	}
	return nil
}

// networkAround returns the network of a source, a /48 or a /24, which one customer may have; none for anything but an address.
func networkAround(source string) netip.Prefix {
	at, err := netip.ParsePrefix(source)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 24
	if at.Addr().Is6() {
		bits = 48
	}
	around, _ := at.Addr().Prefix(min(bits, at.Bits())) // fits
	return around
}

// knownKey returns the key and the HMAC of a correct passcode. A change of the hash changes both.
func (p *Passcodes) knownKey(h PasscodeHash, guess Secret) (hashKey uint64, mac [sha256.Size]byte) {
	m := hmac.New(sha256.New, p.key[:])
	m.Write([]byte(h.Reveal()))
	m.Write([]byte{0}) // in no hash
	m.Write([]byte(guess.Reveal()))
	return maphash.String(p.seed, h.Reveal()), [sha256.Size]byte(m.Sum(nil))
}

// rememberKnown records a correct passcode. The caller holds mu.
func (p *Passcodes) rememberKnown(hashKey uint64, mac [sha256.Size]byte) {
	if len(p.known) >= maxKnownPasscodes {
		clear(p.known) // hashes that are configured no more, most of them; argon2 looks at the others once again
	}
	p.known[hashKey] = mac
}

// penalty is how long a source waits after so many wrong guesses in a row.
func penalty(wrong int) time.Duration {
	if wrong < freeGuesses {
		return 0
	}
	return min(firstPenalty<<min(wrong-freeGuesses, 16), maxPenalty)
}

// enqueue adds a guess to the queue, or reports that it need not wait.
func (p *Passcodes) enqueue(now time.Time, w *pendingGuess, hashKey uint64, mac [sha256.Size]byte) (known bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.sources[w.source]
	switch {
	case g != nil && now.Before(g.until):
		return false, Throttled{g.until.Sub(now)}
	case g != nil && g.busy:
		return false, ErrPasscodeBusy
	}
	if r, ok := p.known[hashKey]; ok && hmac.Equal(r[:], mac[:]) {
		delete(p.sources, w.source)
		return true, nil
	}
	if g != nil {
		w.failures = g.wrong
	}
	if around := p.sources[w.network]; around != nil && around.wrong > freeGuessesAround {
		w.failures += around.wrong - freeGuessesAround
	}
	budget, wait := p.budget(now, w)
	if wait > 0 {
		return false, Throttled{wait}
	}
	if !p.displace(w) { // last, for it may cost another the place
		return false, ErrPasscodeBusy
	}
	if budget != nil {
		budget.AllowN(now, 1)
	}
	if g == nil {
		p.evict(now)
		g = &guessRecord{last: now}
		p.sources[w.source] = g
	}
	g.busy = true
	at, _ := slices.BinarySearchFunc(p.queue, w.failures+1, func(o *pendingGuess, f int) int { return o.failures - f })
	p.queue = slices.Insert(p.queue, at, w)
	p.waiting[w.room]++
	p.dispatch()
	return false, nil
}

// displace finds a place in the queue. When the queue, or the half of it that one room may take, is full, the guess with the most
// failures in it goes; if that is the newcomer, there is no place. The caller holds mu.
func (p *Passcodes) displace(w *pendingGuess) bool {
	full := len(p.queue) >= passcodeQueue
	if !full && p.waiting[w.room] < passcodeQueue/2 {
		return true
	}
	for _, last := range slices.Backward(p.queue) {
		if !full && last.room != w.room {
			continue
		}
		if last.failures <= w.failures {
			return false
		}
		p.unqueue(last)
		last.displaced = true
		close(last.decided)
		return true
	}
	return false
}

// budget is the room's, for sources that failed, with one guess left at least, or says how long until there is one; nil for a source that has
// not failed. Half of it is for those who may have mistyped. The caller holds mu.
func (p *Passcodes) budget(now time.Time, w *pendingGuess) (budget *rate.Limiter, wait time.Duration) {
	need := 1.0
	switch {
	case w.failures == 0:
		return nil, 0
	case w.failures >= freeGuesses:
		need += failedBurst / 2
	}
	if budget = p.budgets[w.room]; budget == nil {
		if len(p.budgets) >= maxGuessBudgets {
			clear(p.budgets)
		}
		budget = rate.NewLimiter(failedPerSecond, failedBurst)
		p.budgets[w.room] = budget
	}
	if tokens := budget.TokensAt(now); tokens < need {
		return nil, max(time.Duration((need-tokens)/failedPerSecond*float64(time.Second)), time.Millisecond)
	}
	return budget, 0
}

// dispatch assigns free slots to the queue. The caller holds mu.
func (p *Passcodes) dispatch() {
	for len(p.queue) > 0 {
		next := p.queue[0]
		switch {
		case next.failures == 0 && !p.cleanSlotBusy:
			next.slot = &p.cleanSlotBusy
		case !p.openSlotBusy:
			next.slot = &p.openSlotBusy
		default:
			return
		}
		p.unqueue(next)
		*next.slot = true
		close(next.decided)
	}
}

// unqueue removes a guess from the queue. The caller holds mu.
func (p *Passcodes) unqueue(w *pendingGuess) {
	i := slices.Index(p.queue, w)
	if i < 0 {
		return
	}
	p.queue = slices.Delete(p.queue, i, i+1)
	if p.waiting[w.room]--; p.waiting[w.room] == 0 {
		delete(p.waiting, w.room)
	}
}

func (p *Passcodes) isDisplaced(w *pendingGuess) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.displaced
}

// release gives back what a guess took, wherever it came to. The caller holds mu.
func (p *Passcodes) release(w *pendingGuess) {
	p.unqueue(w)
	if w.slot != nil {
		*w.slot = false
	}
	if g := p.sources[w.source]; g != nil {
		if g.busy = false; g.wrong == 0 {
			delete(p.sources, w.source)
		}
	}
	p.dispatch()
}

// recordResult records the result of a checked guess. The caller holds mu.
func (p *Passcodes) recordResult(now time.Time, w *pendingGuess, right bool) {
	if right {
		delete(p.sources, w.source)
		return
	}
	for _, key := range []uint64{w.source, w.network} {
		if key == 0 {
			continue // no network around it
		}
		g := p.sources[key]
		if g == nil {
			p.evict(now)
			g = &guessRecord{}
			p.sources[key] = g
		}
		g.wrong++
		g.last = now
	}
	g := p.sources[w.source]
	g.until = now.Add(penalty(g.wrong))
}

// evict forgets who has been quiet for long. When there are more sources than can be remembered, the one that matters least is
// forgotten: with that it gets back a few free guesses, no more than another address would. The caller holds mu.
func (p *Passcodes) evict(now time.Time) {
	if len(p.sources) < maxGuessRecords {
		return
	}
	if d := now.Sub(p.swept); d < 0 || d >= time.Second {
		p.swept = now
		for k, g := range p.sources {
			if !g.busy && now.Sub(g.last) > forgetGuessAfter {
				delete(p.sources, k)
			}
		}
	}
	if len(p.sources) < maxGuessRecords {
		return
	}
	var least uint64
	var found *guessRecord
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
