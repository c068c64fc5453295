package session

import (
	"time"

	"golang.org/x/time/rate"

	"alcove/room"
	"alcove/signaling/wire"
)

// A requestLimit bounds requests that others see or that are written for good, far below the rate of messages. The limiters
// belong to the session, not to the connection, so a resume does not refill them.
type requestLimit struct{ burst, perMinute int }

// Each limit counts all requests that it covers together.
var (
	// chatLimit: messages between somebody who waits and the hosts, and answers to calls for help. A host may answer a waiting room of a dozen at once.
	chatLimit = requestLimit{burst: 12, perMinute: 12}
	// nameLimit: names, which all others see.
	nameLimit = requestLimit{burst: 6, perMinute: 6}
	// helpLimit: repeated calls for help before the last one was cleared or withdrawn. The first call is never refused.
	helpLimit = requestLimit{burst: 3, perMinute: 3}
	// helpWithdrawalLimit: after each the next call is a first one again, so this bounds those. The call stays, which is the safe side.
	helpWithdrawalLimit = requestLimit{burst: 3, perMinute: 3}
	// consentLimit: asking for consent and granting it. Withdrawing is never refused.
	consentLimit = requestLimit{burst: 6, perMinute: 6}
	// fileLimit: files, of which recipients see each.
	fileLimit = requestLimit{burst: 20, perMinute: 20}
	// promptLimit: prompts on somebody else's screen that change nothing.
	promptLimit = requestLimit{burst: 12, perMinute: 12}
	// keyPackageLimit: hosts get each. A page makes one when it enters, when it reloads and when a worker was lost.
	keyPackageLimit = requestLimit{burst: 12, perMinute: 12}
	// groupMessageLimit: everyone gets each, up to 64 KiB.
	groupMessageLimit = requestLimit{burst: 30, perMinute: 60}
	// groupEntryLimit: everyone gets each, up to 192 KiB. The commits of a host who adds a full room one by one fit.
	groupEntryLimit = requestLimit{burst: 60, perMinute: 60}
	// syncLimit: an answer has up to 512 KiB, and the whole log 4 MiB.
	syncLimit = requestLimit{burst: 30, perMinute: 60}
	// releaseLimit: one for each kind of recording at each change of the group.
	releaseLimit = requestLimit{burst: 60, perMinute: 120}
)

func (l *requestLimit) limiter() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.burst)
}

// requestLimitOf returns the limit of a request, nil if it has none: everything that closes, refuses or, but for calls for help, withdraws.
func requestLimitOf(content any) *requestLimit {
	switch c := content.(type) {
	case room.Rename:
		return &nameLimit
	case room.Message, room.ReplyHelp:
		return &chatLimit
	case room.RequestHelp:
		return &helpLimit
	case room.WithdrawHelp:
		return &helpWithdrawalLimit
	case room.AnswerConsent:
		if c.Granted {
			return &consentLimit
		}
	case room.AskConsent:
		return &consentLimit
	case wire.FileCreate:
		return &fileLimit
	case room.AskScreen, room.AskUnmute, room.ShowAgreement:
		return &promptLimit
	case room.SetKeyPackage:
		return &keyPackageLimit
	case room.SendToGroup:
		return &groupMessageLimit
	case room.CreateGroup, room.CommitGroup:
		return &groupEntryLimit
	case room.SyncGroup:
		return &syncLimit
	case room.ReleaseKeys:
		return &releaseLimit
	}
	return nil
}

// takeLimit charges a request to its limit and returns the time after which it would fit, 0 if it does.
func (c *idempotencyCache) takeLimit(content any, helpRaised bool, now time.Time) time.Duration {
	limit := requestLimitOf(content)
	if limit == nil || limit == &helpLimit && !helpRaised {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.limiters[limit]
	if l == nil {
		l = limit.limiter()
		c.limiters[limit] = l
	}
	return take(l, now)
}
