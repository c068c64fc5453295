package auth

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func use(name string, issued time.Time) Use {
	return Use{Key: NewTokenKey(testIssuer, name), IssuedAt: issued, Until: issued.Add(time.Minute)}
}

func TestUsedTokenMemory(t *testing.T) {
	m, err := NewUsedTokenMemory(start, 2)
	if err != nil {
		t.Fatal(err)
	}
	later := start.Add(UsedTokenRetention - time.Minute)
	steps := []struct {
		name string
		now  time.Time
		use  Use
		want error
	}{
		{"first", start, use("a", start), nil},
		{"again", start, use("a", start), ErrTokenUsed},
		{"again at its end", start.Add(time.Minute), use("a", start), ErrTokenUsed},
		{"again by a clock set back", start.Add(-time.Minute), use("a", start), ErrTokenUsed},
		{"from before", start, use("old", start.Add(-time.Second)), ErrIssuedBeforeStart},
		{"second", start.Add(3 * time.Second), use("b", start.Add(30*time.Second)), nil},
		{"full", start.Add(4 * time.Second), use("c", start), ErrUsedTokensFull},
		{"full still knows", start.Add(4 * time.Second), use("b", start), ErrTokenUsed},
		{"both are remembered after their end", later, use("c", later), ErrUsedTokensFull},
		{"by a clock set back after its end", start, use("a", start), ErrTokenUsed},
		{"one is forgotten", start.Add(UsedTokenRetention + 2*time.Second), use("c", start.Add(UsedTokenRetention)), nil},
		{"full again", start.Add(UsedTokenRetention + 3*time.Second), use("d", start.Add(UsedTokenRetention)), ErrUsedTokensFull},
		{"never fuller", start.Add(UsedTokenRetention + 3*time.Second), use("d", start.Add(UsedTokenRetention)), ErrUsedTokensFull},
	}
	for _, s := range steps {
		if err := m.MarkUsed(s.now, s.use); !errors.Is(err, s.want) {
			t.Errorf("%s: got %v, want %v", s.name, err, s.want)
		}
	}
	if len(m.until) > 2 {
		t.Errorf("%d are remembered, above the bound", len(m.until))
	}
	if _, err := NewUsedTokenMemory(start, 0); err == nil {
		t.Error("a memory of nothing is accepted")
	}
}

func TestUsedTokenMemoryEvicts(t *testing.T) {
	m, _ := NewUsedTokenMemory(start, 1000)
	const step = time.Hour
	for i := range 900 {
		at := start.Add(time.Duration(i) * step)
		if err := m.MarkUsed(at, use(fmt.Sprint(i), at)); err != nil {
			t.Fatal(err)
		}
	}
	if most := int((UsedTokenRetention+MaxLifetime)/step) + 1; len(m.until) > most {
		t.Errorf("%d are remembered, want at most %d", len(m.until), most)
	}
}

func TestUsedTokenMemoryConcurrent(t *testing.T) {
	m, _ := NewUsedTokenMemory(start, 1000)
	var accepted atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if m.MarkUsed(start, use("same", start)) == nil {
				accepted.Add(1)
			}
		})
	}
	wg.Wait()
	if accepted.Load() != 1 {
		t.Errorf("%d uses of one token", accepted.Load())
	}
}

// TestTokenKey checks that the key of a used token contains the issuer, because a jti is unique within one issuer only.
func TestTokenKey(t *testing.T) {
	if NewTokenKey("a", "bc") == NewTokenKey("ab", "c") || NewTokenKey("a", "x") == NewTokenKey("b", "x") {
		t.Error("two issuers share a key")
	}
}
