package sfu

import (
	"time"

	"github.com/pion/stun/v4"
)

// nominationsSettleTime is how long after the handshake nominations of several pairs at once may still be on their way.
const nominationsSettleTime = 3 * time.Second

// A nominations determines which of several nominated pairs a client uses. Firefox nominates every pair that it checks and uses the one of
// the highest priority (RFC 5245, sections 8.1.1.2 and 8.1.2.2); if a round trip is longer than the pace of its checks, any of them may be
// nominated last. Chromium repeatedly nominates the pair that it uses, whatever its priority. So the highest priority counts, and another
// pair if the client insists on it or nominates it once all are settled. A validated address always takes precedence over one that is not.
// Owned by the worker.
type nominations struct {
	selected  *path
	candidate *path // nominated once since, of no higher priority
	id        [stun.TransactionIDSize]byte

	settled time.Time // zero before the handshake is over
}

// settle starts the time after which a nomination takes effect at once.
func (n *nominations) settle(now time.Time) { n.settled = now.Add(nominationsSettleTime) }

// nominated takes a check that nominates a path, and reports whether the path is the selected one then. One whose address is not
// validated must not be called once a validated path is selected.
func (n *nominations) nominated(now time.Time, p *path, id [stun.TransactionIDSize]byte) bool {
	switch {
	case n.selected == nil, p == n.selected, p.priority > n.selected.priority:
	case p.isValidated() && !n.selected.isValidated():
	case !n.settled.IsZero() && !now.Before(n.settled):
	case n.candidate == p && n.id != id:
	default:
		n.candidate, n.id = p, id
		return false
	}
	n.selected, n.candidate = p, nil
	return true
}
