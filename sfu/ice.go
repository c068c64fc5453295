package sfu

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	mrand "math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v4"

	"alcove/sfu/forward"
)

// An agent is the ICE side of one peer. It is an ICE-lite agent (RFC 8445, section 2.5): it answers the client's checks and makes none
// to find pairs. A check alone proves little: its source address may be forged, and an eavesdropper can replay it
// from another address. So the server sends each address a Binding request under the client's own credentials, which a full agent
// must answer (RFC 8445, section 7.3; Chromium and Firefox do), and which reaches the client only where the client receives:
//
//	check ──► answered ──► request of ours ──► response from the address that was asked ──► validated ──┬─► nominated: media moves there
//	            └── at most 3 times the bytes that came from an address go there before it is validated     └─► else: known
//
// Invariants: only validation moves media or claims an address. An address that was validated within consentLimit belongs to its peer
// and cannot be taken over. The old address stays in use until the new one is validated. Only validation refreshes consent (RFC 7675).
// Without the client's password an attacker can neither fill the path table nor evict a validated path.
//
// Owned by the worker, once its peer is adopted.
type agent struct {
	peer    *peer
	current *credentials
	next    *credentials // of an ICE restart; nil when none is under way
	paths   []*path      // at most maxPaths

	consent   time.Time // when the selected address was last validated; before, when the agent began
	askDue    time.Time
	dtlsFrom  *path // source of the last DTLS datagram, before any path is nominated
	seen      [seenChecks]seenCheck
	seenNext  int
	repeats   float64 // checks seen from another address that may still be answered
	repeatsAt time.Time
}

// A seenCheck is one check that was received.
type seenCheck struct {
	id   [stun.TransactionIDSize]byte
	from netip.AddrPort
}

// credentials are those of both sides between two ICE restarts.
type credentials struct {
	agent       *agent
	id          uint32 // random; part of our transaction ids
	tieBreaker  uint64
	ufrag, pwd  string // ours
	ourName     string // USERNAME of their checks: ours:theirs
	ourKey      stun.MessageIntegrity
	theirName   stun.Username // of ours: theirs:ours
	theirKey    stun.MessageIntegrity
	nominations nominations
}

// A path is an address of the client under one pair of credentials.
type path struct {
	addr        netip.AddrPort
	credentials *credentials
	priority    uint32
	lastCheck   time.Time // time of the last check
	lastRequest time.Time // when the last request left
	validatedAt time.Time // time of the last response; zero: none
	received    int       // bytes, since it was validated or ever
	sent        int       // likewise, except what a fresh validation allows
	nominated   bool      // and the nomination waits for validation
	insisted    bool      // by two checks
	nomination  [stun.TransactionIDSize]byte
}

func (p *path) isValidated() bool { return !p.validatedAt.IsZero() }

// recentlyValidated reports whether the validation is new enough for media to move here.
func (p *path) recentlyValidated(now time.Time) bool {
	return p.isValidated() && now.Sub(p.validatedAt) < validationFresh
}

func newCredentials(ufrag, pwd string, o *offer) *credentials {
	var b [12]byte
	rand.Read(b[:])
	return &credentials{
		id: binary.BigEndian.Uint32(b[:]), tieBreaker: binary.BigEndian.Uint64(b[4:]), ufrag: ufrag, pwd: pwd,
		ourName: ufrag + ":" + o.ufrag, ourKey: stun.NewShortTermIntegrity(pwd),
		theirName: stun.NewUsername(o.ufrag + ":" + ufrag), theirKey: stun.NewShortTermIntegrity(o.pwd),
	}
}

// newAgent begins with the credentials of the first answer.
func newAgent(p *peer, c *credentials) *agent {
	a := &agent{peer: p, current: c, repeats: repeatedChecks}
	c.agent = a
	return a
}

// start starts accepting checks: the answer is being sent.
func (a *agent) start() {
	w := a.peer.worker
	a.consent, a.repeatsAt = w.now, w.now
	w.register(a.current)
}

// restart takes new credentials (RFC 8445, section 2.4). The pair in use stays until one of the new ones is validated and nominated.
func (a *agent) restart(c *credentials) {
	w := a.peer.worker
	if a.next != nil {
		a.retire(a.next)
	}
	c.agent, a.next = a, c
	w.register(c)
	w.count.ICERestarts++
}

// stop forgets everything that the worker knows of this agent.
func (a *agent) stop() {
	a.peer.worker.unregister(a.current)
	if a.next != nil {
		a.peer.worker.unregister(a.next)
	}
	for len(a.paths) > 0 {
		a.forget(a.paths[0])
	}
}

// forceClose does the same without relying on the agent's structures, which a bug may have corrupted.
func (a *agent) forceClose() {
	w := a.peer.worker
	mine := func(c *credentials) bool { return c.agent == a }
	maps.DeleteFunc(w.byUfrag, func(_ string, c *credentials) bool { return mine(c) })
	maps.DeleteFunc(w.byTransaction, func(_ uint32, c *credentials) bool { return mine(c) })
	maps.DeleteFunc(w.pendingPaths, func(_ netip.AddrPort, p *path) bool { return mine(p.credentials) })
	a.paths = nil
}

// retire ends credentials: checks under them are no longer answered. Packets in flight from a validated address are accepted until the path
// is forgotten.
func (a *agent) retire(c *credentials) {
	a.peer.worker.unregister(c)
	c.nominations = nominations{}
	for _, p := range slices.Clone(a.paths) {
		if p.credentials != c {
			continue
		}
		if p.nominated = false; !p.isValidated() {
			a.forget(p)
		}
	}
}

// forget drops a path. Its address may be known under other credentials, too.
func (a *agent) forget(p *path) {
	w := a.peer.worker
	a.paths = slices.DeleteFunc(a.paths, func(o *path) bool { return o == p })
	if w.pendingPaths[p.addr] == p {
		delete(w.pendingPaths, p.addr)
	}
	known := slices.ContainsFunc(a.paths, func(o *path) bool { return o.addr == p.addr && o.isValidated() })
	if !known && w.byAddr[p.addr] == a.peer {
		delete(w.byAddr, p.addr)
	}
	if a.dtlsFrom == p {
		a.dtlsFrom = nil
	}
}

// register makes credentials known for incoming checks and responses.
func (w *worker) register(c *credentials) {
	for w.byTransaction[c.id] != nil {
		c.id++
	}
	w.byUfrag[c.ufrag], w.byTransaction[c.id] = c, c
}

func (w *worker) unregister(c *credentials) {
	if w.byUfrag[c.ufrag] == c {
		delete(w.byUfrag, c.ufrag)
	}
	if w.byTransaction[c.id] == c {
		delete(w.byTransaction, c.id)
	}
}

// handleSTUN handles one STUN datagram. A datagram for none of our credentials costs only the lookup.
func (w *worker) handleSTUN(data []byte, from netip.AddrPort) forward.Drop {
	kind, ok := stunKind(data)
	if !ok {
		return forward.Malformed
	}
	var c *credentials
	switch kind {
	case stunRequest:
		ufrag, ok := stunUfrag(data)
		if !ok {
			return forward.Malformed
		}
		c = w.byUfrag[string(ufrag)]
	case stunSuccess:
		c = w.byTransaction[binary.BigEndian.Uint32(data[8:])]
	default:
		return forward.Malformed
	}
	if c == nil {
		return forward.Unknown
	}
	m := w.incoming
	m.Raw = append(m.Raw[:0], data...)
	if m.Decode() != nil {
		return forward.Malformed
	}
	if kind == stunSuccess {
		return c.agent.handleResponse(c, m, from)
	}
	return c.agent.handleCheck(c, m, from, len(data))
}

// handleCheck handles a connectivity check, which may be replayed or forged.
func (a *agent) handleCheck(c *credentials, m *stun.Message, from netip.AddrPort, size int) forward.Drop {
	w := a.peer.worker
	var name stun.Username
	if name.GetFrom(m) != nil || name.String() != c.ourName || c.ourKey.Check(m) != nil {
		return forward.Unauthentic
	}
	w.acting = a.peer
	if !a.isFree(from) {
		return forward.AddressHeld
	}
	if a.seenElsewhere(m.TransactionID, from) && !a.mayRepeat() {
		return forward.RepeatedCheck
	}
	p := a.path(c, from)
	var priority [4]byte
	if v, err := m.Get(stun.AttrPriority); err == nil && len(v) == len(priority) {
		p.priority = binary.BigEndian.Uint32(v)
	}
	p.lastCheck = w.now
	p.received += size
	if !p.isValidated() && w.byAddr[from] == nil {
		w.pendingPaths[from] = p
	}
	nominates := m.Contains(stun.AttrUseCandidate)
	id := m.TransactionID
	drop := a.send(p, respond(w.outgoing, id, from, c.ourKey))
	if nominates {
		a.nominated(p, id)
	}
	if !p.recentlyValidated(w.now) {
		a.sendRequest(p)
	}
	return drop
}

// handleStray looks whether RTP from an unknown address is of a client whose address changed: behind a NAT that forgot, say. Browsers check a pair
// that works every 2.5 s only, but send audio every 20 ms. The packet itself is dropped, because it may be a replay from another address.
func (w *worker) handleStray(data []byte, from netip.AddrPort) {
	w.atStep(stepStray, nil)
	if claim := w.pendingPaths[from]; claim != nil {
		claim.received += len(data)
		return
	}
	w.strayTokens = min(strayTries, w.strayTokens+w.now.Sub(w.straysAt).Seconds()*strayTries)
	w.straysAt = w.now
	if w.strayTokens < 1 {
		return
	}
	w.strayTokens--
	h, err := forward.ParseHeader(data)
	if err != nil {
		return
	}
	for _, p := range w.peers { // an SSRC may be that of several
		if p.agent == nil || p.keys.open == nil || p.streams[h.SSRC] == nil {
			continue
		}
		w.tryBuffer = append(w.tryBuffer[:0], data...) // a try destroys it
		if p.keys.open.Authenticates(w.tryBuffer, h.Size) {
			w.acting = p
			p.agent.addressChanged(from, len(data))
			return
		}
	}
}

// addressChanged sends a request to an unknown address from which the client's media arrives. Once validated, the address is used, because
// the client uses it already.
func (a *agent) addressChanged(to netip.AddrPort, size int) {
	w, selected := a.peer.worker, a.selected()
	if selected == nil || !selected.isValidated() || !a.isFree(to) {
		return
	}
	p := a.path(a.current, to)
	p.priority, p.lastCheck, p.received = selected.priority, w.now, p.received+size
	p.nominated, p.insisted = true, true
	w.pendingPaths[to] = p
	a.sendRequest(p)
}

// isFree reports whether no other peer owns the address. A peer without a recent validation of it loses it.
func (a *agent) isFree(at netip.AddrPort) bool {
	holder := a.peer.worker.byAddr[at]
	if holder == nil || holder == a.peer {
		return true
	}
	if holder.agent == nil {
		return false
	}
	now := a.peer.worker.now
	for _, p := range slices.Clone(holder.agent.paths) {
		if p.addr != at {
			continue
		}
		if p.isValidated() && now.Sub(p.validatedAt) < consentLimit {
			return false
		}
		holder.agent.forget(p)
	}
	return true
}

// seenElsewhere reports whether a check with this id came from another address before, and remembers it. A check from the same address is a
// retransmission (RFC 8489, section 6.2.1).
func (a *agent) seenElsewhere(id [stun.TransactionIDSize]byte, from netip.AddrPort) bool {
	for i := range a.seen {
		if a.seen[i].id == id && a.seen[i].from.IsValid() {
			return a.seen[i].from != from
		}
	}
	a.seen[a.seenNext] = seenCheck{id, from}
	a.seenNext = (a.seenNext + 1) % len(a.seen)
	return false
}

// mayRepeat limits the effects of repeated checks. They are not all dropped: if a copy overtakes the check itself, the check looks like the
// repeat.
func (a *agent) mayRepeat() bool {
	now := a.peer.worker.now
	a.repeats = min(repeatedChecks, a.repeats+now.Sub(a.repeatsAt).Seconds()*repeatedChecks)
	a.repeatsAt = now
	if a.repeats < 1 {
		return false
	}
	a.repeats--
	return true
}

// path finds or adds an address. When the table is full, the one that is longest without a check goes, and of those that are not validated first.
func (a *agent) path(c *credentials, addr netip.AddrPort) *path {
	if p := a.findPath(c, addr); p != nil {
		return p
	}
	if len(a.paths) >= maxPaths {
		a.evict()
	}
	p := &path{addr: addr, credentials: c}
	a.paths = append(a.paths, p)
	return p
}

// findPath is the path of an address, nil if there is none.
func (a *agent) findPath(c *credentials, addr netip.AddrPort) *path {
	for _, p := range a.paths {
		if p.addr == addr && p.credentials == c {
			return p
		}
	}
	return nil
}

func (a *agent) evict() {
	var victim *path
	for _, p := range a.paths {
		if p == p.credentials.nominations.selected {
			continue
		}
		if victim == nil || victim.isValidated() && !p.isValidated() || victim.isValidated() == p.isValidated() && p.lastCheck.Before(victim.lastCheck) {
			victim = p
		}
	}
	a.forget(victim) // at most two are selected, so there is one
}

// nominated records the path that the client wants to use. It takes effect at once if the address was validated just now or no better path
// is known; else it waits for validation.
func (a *agent) nominated(p *path, id [stun.TransactionIDSize]byte) {
	now, n := a.peer.worker.now, &p.credentials.nominations
	if p.recentlyValidated(now) || p == n.selected {
		n.nominated(now, p, id)
		a.applySelection(p.credentials)
		return
	}
	p.insisted = p.insisted || p.nominated && p.nomination != id
	p.nominated, p.nomination = true, id
	if n.selected == nil || !n.selected.isValidated() {
		n.nominated(now, p, id)
	}
}

// handleResponse takes a response to a request of ours.
func (a *agent) handleResponse(c *credentials, m *stun.Message, from netip.AddrPort) forward.Drop {
	w := a.peer.worker
	nominated, ok := w.validator.verify(w.now, m.TransactionID, from)
	if !ok || c.theirKey.Check(m) != nil {
		return forward.Unauthentic
	}
	w.acting = a.peer
	if !a.isFree(from) {
		return forward.AddressHeld
	}
	p := a.findPath(c, from)
	if p == nil { // evicted from the table since the request
		p = a.path(c, from)
		p.nominated = nominated
	}
	if !p.isValidated() {
		w.count.AddressesValidated++
	}
	p.validatedAt, p.received, p.sent = w.now, 0, 0
	if w.pendingPaths[from] != nil {
		delete(w.pendingPaths, from)
	}
	w.byAddr[from] = a.peer
	if p.nominated {
		p.nominated = false
		n := &c.nominations
		if !n.nominated(w.now, p, p.nomination) && p.insisted {
			n.selected, n.candidate = p, nil
		}
		p.insisted = false
	}
	a.applySelection(c)
	if p == a.selected() {
		a.consent = w.now
	}
	return forward.Kept
}

// selected is the path in use, nil before the first nomination.
func (a *agent) selected() *path { return a.current.nominations.selected }

// applySelection moves media to the selected path once it is validated. The first selection of an ICE restart ends the old credentials.
func (a *agent) applySelection(c *credentials) {
	p := c.nominations.selected
	if p == nil || !p.isValidated() {
		return
	}
	w := a.peer.worker
	if c == a.next {
		old := a.current
		a.current, a.next = c, nil
		c.nominations.settle(w.now)
		a.retire(old)
	}
	if c != a.current || a.peer.remote == p.addr {
		return
	}
	a.consent = p.validatedAt
	a.peer.selected(p.addr)
}

// tick repeats unanswered requests, and asks periodically whether the client still receives. It reports whether consent is fresh.
func (a *agent) tick() bool {
	now := a.peer.worker.now
	if now.Sub(a.consent) > consentLimit {
		return false
	}
	for _, p := range a.paths {
		if (p.nominated || p == p.credentials.nominations.selected && !p.isValidated()) && now.Sub(p.lastRequest) >= validationRetry {
			a.sendRequest(p)
		}
	}
	if now.Before(a.askDue) {
		return true
	}
	// Within 0.8 to 1.2 times the interval (RFC 7675, section 5.1).
	a.askDue = now.Add(consentInterval*4/5 + time.Duration(mrand.Int64N(int64(consentInterval*2/5))))
	if p := a.selected(); p != nil && p.isValidated() {
		a.sendRequest(p)
	}
	a.sweep(now)
	return true
}

// sweep forgets paths that were silent for consentLimit.
func (a *agent) sweep(now time.Time) {
	for _, p := range slices.Clone(a.paths) {
		silent := now.Sub(p.lastCheck) > consentLimit && now.Sub(p.validatedAt) > consentLimit
		if silent && p != p.credentials.nominations.selected {
			a.forget(p)
		}
	}
}

// sendRequest sends a request that only the client itself can answer, and only if it receives there.
func (a *agent) sendRequest(p *path) {
	w := a.peer.worker
	p.lastRequest = w.now
	c := p.credentials
	w.drop(a.send(p, request(w.outgoing, w.validator.id(w.now, c.id, p.addr, p.nominated), c)))
}

// send sends w.outgoing.
func (a *agent) send(p *path, err error) forward.Drop {
	if err != nil {
		return forward.Malformed
	}
	return a.write(p, a.peer.worker.outgoing.Raw)
}

// write sends within the limit on traffic to a host that may never have asked for any (RFC 9000, section 8.1).
func (a *agent) write(p *path, b []byte) forward.Drop {
	if !p.recentlyValidated(a.peer.worker.now) && !(p.isValidated() && p == a.selected()) {
		if p.sent+len(b) > maxAmplification*p.received {
			return forward.UnvalidatedAddress
		}
		p.sent += len(b)
	}
	_, _ = a.peer.worker.sock.WriteTo(b, p.addr)
	return forward.Kept
}

// handleDTLS takes a DTLS datagram of an address that passed a check.
func (w *worker) handleDTLS(data []byte, from netip.AddrPort) forward.Drop {
	p := w.byAddr[from]
	if p == nil {
		claim := w.pendingPaths[from]
		if claim == nil {
			return forward.Unknown
		}
		claim.received += len(data)
		p = claim.credentials.agent.peer
		p.agent.dtlsFrom = claim
	}
	if p.transport == nil {
		return forward.Unknown
	}
	return p.transport.pipe.push(data)
}

// sendDTLS sends a datagram of pion's DTLS to the selected path, or before there is one to the source of the last DTLS datagram.
func (a *agent) sendDTLS(b []byte) {
	p := a.selected()
	if p == nil {
		p = a.dtlsFrom
	}
	switch {
	case a.peer.remote.IsValid(): // a goodbye, too, after the peer was closed
		_, _ = a.peer.worker.sock.WriteTo(b, a.peer.remote)
	case p != nil && !a.peer.closed:
		a.peer.worker.drop(a.write(p, b))
	}
}
