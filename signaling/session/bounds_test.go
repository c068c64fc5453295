package session

import (
	"strings"
	"testing"
	"time"

	"alcove/signaling/wire"
)

func TestMessageLimit(t *testing.T) {
	now := time.Unix(1790000000, 0)
	l := newMessageLimiter(pingInterval)
	for i := range messageBurst {
		if wait, _ := l.take(now); wait != 0 {
			t.Fatalf("message %d of the burst refused", i)
		}
	}
	wait, flood := l.take(now)
	if wait != time.Second/messageRate || flood {
		t.Errorf("wait %v, flood %v", wait, flood)
	}
	if wait, _ := l.take(now.Add(wait)); wait != 0 {
		t.Errorf("refused after the announced wait: %v", wait)
	}
	for range maxRefusedRun {
		_, flood = l.take(now)
	}
	if flood {
		t.Error("a flood too early")
	}
	if _, flood = l.take(now); !flood {
		t.Error("no flood")
	}
}

// TestMessageLimitPings checks that a client that has used up its messages can still send pings, but not exceed the limit with them.
func TestMessageLimitPings(t *testing.T) {
	now := time.Unix(1790000000, 0)
	l := newMessageLimiter(pingInterval)
	exhaust := func() {
		for wait := time.Duration(0); wait == 0; wait, _ = l.take(now) {
		}
	}
	for i := range 20 {
		exhaust()
		if wait, _ := l.takePing(now); wait != 0 {
			t.Fatalf("ping %d came in time and is refused", i)
		}
		now = now.Add(pingInterval)
	}
	exhaust()
	for range freePings {
		l.takePing(now)
	}
	if wait, _ := l.takePing(now); wait == 0 {
		t.Error("a ping too many costs nothing")
	}
	flood := false
	for range maxRefusedRun + 1 {
		_, flood = l.takePing(now)
	}
	if !flood {
		t.Error("pings alone never count as a flood")
	}
}

func TestOutboxIsBounded(t *testing.T) {
	for name, fill := range map[string]func(*outbox){
		"frames": func(o *outbox) {
			for range maxQueuedFrames + 1 {
				o.answer([]byte("{}"))
			}
		},
		"bytes": func(o *outbox) {
			for range 3 {
				o.answer(make([]byte, maxQueuedBytes/2))
			}
		},
	} {
		o := newOutbox()
		fill(o)
		if frame, bye := o.next(); frame != nil || bye != wire.CloseRateLimited || o.bytes != 0 {
			t.Errorf("%s: %d bytes to send, close %d", name, len(frame), bye)
		}
		o.event(time.Time{}, "roster", wire.Object{})
		if frame, _ := o.next(); frame != nil {
			t.Errorf("%s: took an event after the end", name)
		}
	}
}

func TestIdempotencyCacheIsBounded(t *testing.T) {
	l := newIdempotencyCaches()
	a, release := l.acquire("s", true)
	ask := func(id string, size int) *cachedAnswer {
		entry, mine := a.begin(wire.Request{ID: id})
		if !mine {
			t.Fatalf("%s is known", id)
		}
		a.complete(entry, make([]byte, size))
		return entry
	}
	for i := range 3 * maxAnswers {
		ask(strings.Repeat("a", i+1), 10)
	}
	if len(a.byID) != maxAnswers || len(a.order) != maxAnswers || a.bytes != maxAnswers*10 {
		t.Errorf("%d answers, %d in order, %d bytes", len(a.byID), len(a.order), a.bytes)
	}
	for i := range 10 {
		ask(strings.Repeat("b", i+1), maxAnswerBytes/3)
	}
	if a.bytes > maxAnswerBytes || len(a.byID) > 3 {
		t.Errorf("%d bytes in %d answers", a.bytes, len(a.byID))
	}
	if _, mine := a.begin(wire.Request{ID: "bbbbbbbbbb"}); mine {
		t.Error("the last answer is evicted")
	}
	if none, _ := l.acquire("other", false); none != nil || l.size() != 1 {
		t.Error("a guess made an entry")
	}
	again, second := l.acquire("s", false)
	release()
	release()
	if again != a || l.size() != 1 {
		t.Error("removed while referenced")
	}
	if second(); l.size() != 0 {
		t.Error("kept without a reference")
	}
}
