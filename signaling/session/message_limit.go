package session

import (
	"time"

	"golang.org/x/time/rate"
)

// A messageLimiter limits the messages of one connection: messageBurst at once, then messageRate a second. freePings pings cost
// nothing, and one more in each interval. It reads no clock.
type messageLimiter struct {
	messages, pings *rate.Limiter
	refused         int // in a row
}

func newMessageLimiter(pingInterval time.Duration) messageLimiter {
	return messageLimiter{messages: rate.NewLimiter(messageRate, messageBurst), pings: rate.NewLimiter(rate.Every(pingInterval), freePings)}
}

// takePing charges one ping. A ping in its interval is free, because a client that spent its messages must still be able to show
// that it is alive.
func (l *messageLimiter) takePing(now time.Time) (wait time.Duration, flood bool) {
	if l.pings.AllowN(now, 1) {
		return 0, false
	}
	return l.take(now)
}

// take charges one message. wait is the time after which it would be accepted, 0 if it is; flood reports that the client has
// ignored maxRefusedRun refusals and the connection should close.
func (l *messageLimiter) take(now time.Time) (wait time.Duration, flood bool) {
	if wait = take(l.messages, now); wait == 0 {
		l.refused = 0
		return 0, false
	}
	l.refused++
	return wait, l.refused > maxRefusedRun
}

// take charges one event to a token bucket, or returns the time after which it would fit; then nothing is charged.
func take(l *rate.Limiter, now time.Time) (wait time.Duration) {
	r := l.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait == 0 {
		return 0
	}
	r.CancelAt(now)
	return max(wait, time.Millisecond)
}
