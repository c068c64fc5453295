package auth

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// cheap is a hash of the lowest cost that is accepted.
func cheap(passcode string) PasscodeHash {
	h := PasscodeHash{memory: minArgonMemory, time: minArgonTime, lanes: 1, salt: NewSecret("12345678")}
	h.sum = NewSecret(string(h.derive(NewSecret(passcode), sumSize)))
	return h
}

func TestPasscodeHash(t *testing.T) {
	h, err := HashPasscode(NewSecret("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h.Reveal(), "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("got %s", h.Reveal())
	}
	again, err := ParsePasscodeHash(h.Reveal())
	if err != nil || again.Reveal() != h.Reveal() {
		t.Fatalf("got %v", err)
	}
	if !again.matches(NewSecret("correct horse")) || again.matches(NewSecret("correct horsf")) || again.matches(Secret{}) {
		t.Error("matches another passcode, or not its own")
	}
	if (PasscodeHash{}).matches(Secret{}) {
		t.Error("no hash matches no passcode")
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x", h, h, h, h, struct{ H PasscodeHash }{h})
	if strings.Contains(printed, "argon2id") || strings.Contains(printed, h.sum.Reveal()) {
		t.Errorf("prints %s", printed)
	}
	for _, short := range []string{"", "1234567", strings.Repeat("x", MaxPasscode+1)} {
		if _, err := HashPasscode(NewSecret(short)); err == nil {
			t.Errorf("%q is accepted", short)
		}
	}
	made := GeneratePasscode()
	if _, err := HashPasscode(made); err != nil || len(made.Reveal()) != 14 || made.Equal(GeneratePasscode()) {
		t.Errorf("made %q, %v", made.Reveal(), err)
	}
}

// A hash of the reference implementation: echo -n "password" | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24 (its test.c).
const referenceHash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestPasscodeHashReference(t *testing.T) {
	h, err := ParsePasscodeHash(referenceHash)
	if err != nil || !h.matches(NewSecret("password")) {
		t.Errorf("the reference's hash does not match: %v", err)
	}
}

func passcodeSeeds() []string {
	return []string{
		referenceHash, "", "$", "$argon2id$v=19$m=65536,t=2,p=1$$", "password",
		strings.Replace(referenceHash, "argon2id", "argon2i", 1),
		strings.Replace(referenceHash, "v=19", "v=16", 1),
		strings.Replace(referenceHash, "m=65536", "m=64", 1),
		strings.Replace(referenceHash, "m=65536", "m=99999999", 1),
		strings.Replace(referenceHash, "m=65536", "m=+65536", 1),
		strings.Replace(referenceHash, "t=2", "t=1", 1),
		strings.Replace(referenceHash, "p=1", "p=0", 1),
		strings.Replace(referenceHash, "c29tZXNhbHQ", "c29t", 1),
		referenceHash + "=", referenceHash + "\n", referenceHash + strings.Repeat("A", 300),
	}
}

func TestParsePasscodeHash(t *testing.T) {
	for i, s := range passcodeSeeds() {
		if _, err := ParsePasscodeHash(s); (err == nil) != (i == 0) {
			t.Errorf("%q: %v", s, err)
		} else if err != nil && s != "" && s != "$" && strings.Contains(err.Error(), s) {
			t.Errorf("%q is in its error", s)
		}
	}
}

func FuzzParsePasscodeHash(f *testing.F) {
	for _, s := range passcodeSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := ParsePasscodeHash(s); err == nil && h.Reveal() != s {
			t.Fatal("two forms of one hash")
		}
	})
}

func TestPasscodeCheck(t *testing.T) {
	p, h := NewPasscodes(), cheap("correct horse")
	check := func(after time.Duration, source, guess string) error {
		return p.Check(t.Context(), start.Add(after), "tuesday", source, h, NewSecret(guess))
	}
	for _, step := range []struct {
		after         time.Duration
		source, guess string
		want          error
	}{
		{0, "a", "correct horse", nil},
		{0, "a", "1", ErrPasscodeWrong},
		{0, "a", "2", ErrPasscodeWrong},
		{0, "a", "3", ErrPasscodeWrong},
		{0, "a", "correct horse", Throttled{time.Second}},
		{0, "b", "correct horse", nil},
		{time.Second - 1, "a", "4", Throttled{1}},
		{time.Second, "a", "4", ErrPasscodeWrong},
		{time.Second, "a", "5", Throttled{2 * time.Second}},
		{3 * time.Second, "a", strings.Repeat("x", MaxPasscode+1), ErrPasscodeWrong},
		{3 * time.Second, "a", "correct horse", nil},
		{3 * time.Second, "a", "6", ErrPasscodeWrong},
		{3 * time.Second, "a", "correct horse", nil},
	} {
		if err := check(step.after, step.source, step.guess); !errors.Is(err, step.want) {
			t.Errorf("%s guesses %.8s after %s: got %v, want %v", step.source, step.guess, step.after, err, step.want)
		}
	}
	if err := p.Check(t.Context(), start, "wednesday", "a", h, NewSecret("x")); !errors.Is(err, ErrPasscodeWrong) {
		t.Errorf("another room: %v", err)
	}
	if len(p.waiting) != 0 || len(p.queue) != 0 {
		t.Errorf("%d wait", len(p.queue))
	}
	if penalty(2) != 0 || penalty(3) != time.Second || penalty(6) != 8*time.Second || penalty(1000) != maxPenalty {
		t.Error("the penalty does not double")
	}
}

// TestPasscodeGuessesFromManySources guesses from many sources as often as allowed for an hour, and checks that few guesses are compared,
// and that people with the passcode are let in throughout.
func TestPasscodeGuessesFromManySources(t *testing.T) {
	p := NewPasscodes()
	p.match = func(_ PasscodeHash, guess Secret) bool { return guess.Reveal() == "correct horse" }
	looked, people := 0, 0
	for second := range 3600 {
		now := start.Add(time.Duration(second) * time.Second)
		for source := range 50 {
			err := p.Check(t.Context(), now, "tuesday", fmt.Sprint("bad", source), PasscodeHash{}, NewSecret("guess"))
			if errors.Is(err, ErrPasscodeWrong) {
				looked++
			} else if !errors.As(err, new(Throttled)) {
				t.Fatal(err)
			}
		}
		if second%10 == 0 {
			if err := p.Check(t.Context(), now, "tuesday", fmt.Sprint("good", second), PasscodeHash{}, NewSecret("correct horse")); err != nil {
				t.Fatalf("a patient is kept out: %v", err)
			}
			people++
		}
	}
	if each := looked / 50; each > 25 || people != 360 {
		t.Errorf("%d guesses a source in an hour", each)
	}
	if len(p.sources) > 50 {
		t.Errorf("%d sources are remembered", len(p.sources))
	}
}

// TestPasscodeMemory checks that memory is bounded when there are more sources than records, and that the source with the most guesses
// keeps its record.
func TestPasscodeMemory(t *testing.T) {
	p := NewPasscodes()
	p.match = func(_ PasscodeHash, guess Secret) bool { return guess.Reveal() == "correct horse" }
	guess := func(source string, after time.Duration) error {
		return p.Check(t.Context(), start.Add(after), "tuesday", source, PasscodeHash{}, NewSecret("guess"))
	}
	for i := range 10 {
		guess("stubborn", time.Duration(i)*maxPenalty)
	}
	for i := range maxGuessRecords + 5000 {
		guess(fmt.Sprint("s", i), 9*maxPenalty)
	}
	if len(p.sources) > maxGuessRecords {
		t.Errorf("%d sources are remembered", len(p.sources))
	}
	if err := guess("stubborn", 9*maxPenalty); !errors.As(err, new(Throttled)) {
		t.Errorf("the stubborn one was forgotten: %v", err)
	}
	guess("later", 9*maxPenalty+2*forgetGuessAfter)
	if len(p.sources) != 1 {
		t.Errorf("%d quiet sources are remembered", len(p.sources))
	}
}

// TestPasscodeConcurrency checks the limits on concurrent guesses: two comparisons at a time, one guess of each source, and half of the
// queue for each room. The source with the fewest failures goes first.
func TestPasscodeConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPasscodes()
		entered, leave := make(chan struct{}, 2*passcodeQueue), make(chan struct{})
		p.match = func(PasscodeHash, Secret) bool { entered <- struct{}{}; <-leave; return false }
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2*passcodeQueue)
		var wg sync.WaitGroup
		check := func(room, source string) {
			wg.Go(func() { results <- p.Check(ctx, start, room, source, PasscodeHash{}, NewSecret("x")) })
			synctest.Wait()
		}
		now := func(room, source string) error {
			return p.Check(ctx, start, room, source, PasscodeHash{}, NewSecret("x"))
		}
		for i := range 2 + passcodeQueue/2 {
			check("tuesday", fmt.Sprint(i))
		}
		if len(entered) != 2 || len(p.queue) != passcodeQueue/2 {
			t.Fatalf("%d are looked at, %d wait", len(entered), len(p.queue))
		}
		if err := now("tuesday", "else"); !errors.Is(err, ErrPasscodeBusy) {
			t.Errorf("a room takes more than half of the queue: %v", err)
		}
		check("wednesday", "0")
		if err := now("wednesday", "0"); !errors.Is(err, ErrPasscodeBusy) {
			t.Errorf("a source guesses twice at a time: %v", err)
		}
		cancel()
		for range passcodeQueue/2 + 1 {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("one that waited: %v", err)
			}
		}
		close(leave)
		wg.Wait()
		for range 2 {
			if err := <-results; !errors.Is(err, ErrPasscodeWrong) {
				t.Errorf("one that was looked at: %v", err)
			}
		}
		if len(p.queue) != 0 || len(p.waiting) != 0 || len(p.sources) != 2 || p.openSlotBusy || p.cleanSlotBusy {
			t.Errorf("%d wait, of %d rooms; %d sources", len(p.queue), len(p.waiting), len(p.sources))
		}
	})
}

// TestPasscodeQueueSlots checks that sources without failed guesses are served first, and that a full queue evicts the source with the most
// failures.
func TestPasscodeQueueSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPasscodes()
		leave := make(chan struct{})
		p.match = func(PasscodeHash, Secret) bool { <-leave; return false }
		p.budgets[maphash.String(p.seed, "tuesday")] = rate.NewLimiter(failedPerSecond, 1000)
		for i := range passcodeQueue {
			p.sources[maphash.Comparable(p.seed, [2]string{"tuesday", fmt.Sprint("bad", i)})] = &guessRecord{wrong: 1 + i, last: start}
		}
		results := map[string]error{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		check := func(source string) {
			wg.Go(func() {
				err := p.Check(t.Context(), start, "tuesday", source, PasscodeHash{}, NewSecret("x"))
				mu.Lock()
				defer mu.Unlock()
				results[source] = err
			})
			synctest.Wait()
		}
		for i := range passcodeQueue/2 + 1 {
			check(fmt.Sprint("bad", passcodeQueue-1-i))
		}
		if p.cleanSlotBusy || !p.openSlotBusy || len(p.queue) != passcodeQueue/2 {
			t.Fatalf("those who failed: %d wait", len(p.queue))
		}
		check("good")
		if !p.cleanSlotBusy || len(p.queue) != passcodeQueue/2-1 || !errors.Is(results["bad30"], ErrPasscodeBusy) {
			t.Errorf("one who has not failed: %d wait, %v", len(p.queue), results)
		}
		check("good, too")
		if p.queue[0].failures != 0 {
			t.Errorf("one who has not failed waits behind %d failures", p.queue[0].failures)
		}
		check("bad31")
		if !errors.Is(results["bad31"], ErrPasscodeBusy) {
			t.Errorf("twice at a time: %v", results["bad31"])
		}
		close(leave)
		wg.Wait()
		if len(p.queue) != 0 || len(p.waiting) != 0 || p.openSlotBusy || p.cleanSlotBusy {
			t.Errorf("%d wait", len(p.queue))
		}
	})
}

// TestPasscodePanic checks that a panic during a comparison releases the slots that it held, both the global one and that of its source,
// and that the guess still counts against the budget.
func TestPasscodePanic(t *testing.T) {
	p := NewPasscodes()
	now := time.Unix(1_790_000_000, 0)
	guess := func(source string) (err error) {
		defer func() {
			if recover() != nil {
				err = errors.New("panic")
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // waits for nothing
		if !p.cleanSlotBusy && !p.openSlotBusy {
			ctx = t.Context()
		}
		return p.Check(ctx, now, "room", source, cheap("right one"), NewSecret("right one"))
	}
	p.match = func(PasscodeHash, Secret) bool { panic("a bug") }
	for i := range 3 * passcodeQueue {
		if err := guess(fmt.Sprint("source ", i)); err == nil || err.Error() != "panic" {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	for range freeGuesses {
		guess("a")
	}
	if err := guess("a"); !errors.As(err, new(Throttled)) {
		t.Errorf("guesses that end in a bug are free: %v", err)
	}
	p.match = func(PasscodeHash, Secret) bool { return true }
	if err := guess("b"); err != nil {
		t.Errorf("after bugs: %v", err)
	}
	if len(p.queue) != 0 || len(p.waiting) != 0 || p.openSlotBusy || p.cleanSlotBusy {
		t.Errorf("%d queued, %d rooms; places taken: %v %v", len(p.queue), len(p.waiting), p.openSlotBusy, p.cleanSlotBusy)
	}
}
