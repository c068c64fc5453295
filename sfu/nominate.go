package sfu

import (
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// nominationsSettle is how long after the handshake nominations of several pairs at once may still be on their way.
const nominationsSettle = 3 * time.Second

// A nominations says which pair a client uses, of several that it nominated. Firefox nominates every pair that it checks, and uses
// the one of the highest priority (RFC 5245, sections 8.1.1.2 and 8.1.2.2); where a round trip is longer than the pace of its checks, the
// last one to come is any of them. Chromium nominates what it uses, whatever its priority, again and again. So the highest priority counts,
// as pion does it, and another pair when the client insists on it, or says so when all is settled. Owned by pion's agent, but for settled.
type nominations struct {
	selected *ice.CandidatePair
	asked    *ice.CandidatePair // nominated once since, of no higher priority
	id       [stun.TransactionIDSize]byte

	settled atomic.Pointer[time.Time] // nil before the handshake is over
}

// settle begins the time after which what is nominated is used.
func (n *nominations) settle(now time.Time) {
	at := now.Add(nominationsSettle)
	n.settled.Store(&at)
}

// nominated takes a check that nominates, and reports whether pion has to be told to follow it.
func (n *nominations) nominated(now time.Time, pair *ice.CandidatePair, id [stun.TransactionIDSize]byte) bool {
	if n.selected == nil || pair == n.selected || pair.Remote.Priority() > n.selected.Remote.Priority() {
		n.selected, n.asked = pair, nil // as pion does by itself
		return false
	}
	settled := n.settled.Load()
	if settled != nil && !now.Before(*settled) || n.asked == pair && n.id != id {
		n.selected, n.asked = pair, nil
		return true
	}
	n.asked, n.id = pair, id
	return false
}

// request is pion's hook for each check.
func (n *nominations) request(m *stun.Message, _, _ ice.Candidate, pair *ice.CandidatePair) bool {
	return m.Contains(stun.AttrUseCandidate) && n.nominated(time.Now(), pair, m.TransactionID)
}
