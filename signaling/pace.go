package signaling

import (
	"time"

	"alcove/room"
)

// A pace bounds what reaches other people's eyes, or the disk: a few at once, and then a few a minute, far below the pace of messages.
// Paces belong to the session, not to the connection, so that a resume does not begin them anew.
type pace struct {
	burst     float64
	perMinute float64
}

// The paces, each with what it counts together.
var (
	// wordsPace: words between one who waits and the hosts. A host may answer a waiting room of a dozen in one go.
	wordsPace = pace{burst: 12, perMinute: 12}
	// helpPace: calls for help again, while the one before is not answered. The first is never refused.
	helpPace = pace{burst: 3, perMinute: 3}
	// consentPace: what is asked, and what is granted. Each is shown to others or written for good. What takes back is never refused.
	consentPace = pace{burst: 6, perMinute: 6}
	// asksPace: what rings at somebody else and changes nothing.
	asksPace = pace{burst: 12, perMinute: 12}
)

// paceOf finds the pace of a request, nil if it has none of its own: all that closes, withdraws, or refuses.
func paceOf(asked any) *pace {
	switch a := asked.(type) {
	case room.Message:
		return &wordsPace
	case room.RequestHelp:
		return &helpPace
	case room.AnswerConsent:
		if a.Granted {
			return &consentPace
		}
	case room.AskConsent:
		return &consentPace
	case room.AskScreen, room.AskUnmute, room.ShowAgreement:
		return &asksPace
	}
	return nil
}

// A spending is what is left of one pace.
type spending struct {
	left float64
	last time.Time
}

// spend pays for one request. If it cannot, wait is when it could.
func (p *pace) spend(s *spending, now time.Time) (wait time.Duration) {
	if s.last.IsZero() {
		s.left, s.last = p.burst, now
	}
	s.left = min(p.burst, s.left+max(0, now.Sub(s.last).Minutes())*p.perMinute)
	s.last = now // earlier too: a clock that was set back keeps nobody waiting
	if s.left < 1 {
		return max(time.Duration((1-s.left)/p.perMinute*float64(time.Minute)), time.Millisecond)
	}
	s.left--
	return 0
}

// hold says how long a request has to wait, 0 if it may be done now.
func (a *idempotencyCache) reserve(asked any, helpRaised bool, now time.Time) time.Duration {
	p := paceOf(asked)
	if p == nil || p == &helpPace && !helpRaised {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.limiters[p]
	if s == nil {
		s = &spending{}
		a.limiters[p] = s
	}
	return p.spend(s, now)
}
