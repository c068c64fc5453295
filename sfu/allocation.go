package sfu

import (
	"cmp"
	"slices"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
)

// Limits of the allocation of a receiver's bandwidth to videos.
const (
	// budgetShare of the estimate is used: the estimate is a little late.
	budgetShare = 0.95
	// raiseShare is how much of the budget all may take after a step up: rates change from second to second.
	raiseShare = 0.9
	// leastVideo is the least that a video is sent with, in bit/s: below it only audio.
	leastVideo = 60_000
	// stepUpInterval is the time between two steps up: each may cost a key frame, and shows in the estimate only then.
	stepUpInterval = time.Second
	// A step that has to be taken back was taken too early: the next one waits for so long, and twice as long each time.
	minPatience = time.Second
	maxPatience = 8 * time.Second
	// patienceAfter is how long a step up must hold so that the next one need not wait.
	patienceAfter = 10 * time.Second
	// patienceRate ends the wait: the path became so much wider.
	patienceRate = 1.3
	// calmAfter is how long a path shows no congestion until all that is wanted is sent at once, if it fits.
	calmAfter = 10 * time.Second
	// firstMeasure is when the first measurement of an encoding ends: until then what was announced counts, which is much more.
	firstMeasure = 300 * time.Millisecond
	// guessedBase is the share of an encoding's bits that its lowest temporal layer takes, before that was measured.
	guessedBase = 0.6
	// pinnedShare is how much taller than all others a video is shown that counts as chosen by the person.
	pinnedShare = 1.5
)

// wireOverhead is what headers add to a payload on the path, in bytes.
const wireOverhead = forward.NumberedHeaderSize + srtp.TagSize + datagramOverhead

// A wireMeter measures what an encoding takes on a path, headers included. Owned by the worker.
type wireMeter struct {
	bytes, baseBytes int // since the last result, of all and of the lowest temporal layer
	since            time.Time
	rate, baseRate   int // bit/s, smoothed; 0: not known yet
}

// add counts a packet. It reports whether the encoding begins, or goes on after a pause.
func (m *wireMeter) add(now time.Time, payload int, base bool) (begins bool) {
	since := now.Sub(m.since)
	switch {
	case since >= 2*time.Second: // what came before says nothing of the time without it
		m.bytes, m.baseBytes, m.since, begins = 0, 0, now, true
	case since >= time.Second || m.rate == 0 && since >= firstMeasure:
		m.rate = m.smooth(m.rate, m.bytes, since)
		m.baseRate = m.smooth(m.baseRate, m.baseBytes, since)
		m.bytes, m.baseBytes, m.since = 0, 0, now
	}
	m.bytes += payload + wireOverhead
	if base {
		m.baseBytes += payload + wireOverhead
	}
	return begins
}

func (m *wireMeter) smooth(before, bytes int, since time.Duration) int {
	rate := int(int64(8*bytes) * int64(time.Second) / int64(since))
	if before == 0 {
		return rate
	}
	return (before + rate) / 2
}

// cost is what a choice takes on the path, in bit/s: as measured, or, before that, as announced.
func (c choice) cost() int {
	e := c.encoding
	if e == nil {
		return 0
	}
	rate, base := e.wire.rate, e.wire.baseRate
	if rate == 0 {
		rate = e.announced()
		base = int(guessedBase * float64(rate))
	}
	if c.base {
		return base
	}
	return rate
}

// announced is the highest bitrate that the client was told for an encoding.
func (e *encoding) announced() int {
	all := slices.Sorted(slices.Values(e.publication.peer.worker.engine.allowed(e.publication.line.source)))
	if len(all) == 0 {
		return defaultVideoBits >> (2 * (len(e.publication.encodings) - 1 - e.index))
	}
	return all[min(max(len(all)-len(e.publication.encodings)+e.index, 0), len(all)-1)]
}

// A wish is what a slot would show, and what it gets.
type wish struct {
	slot   *slot
	first  bool     // who speaks or was chosen: all frames of the smallest size before others get anything
	levels []choice // the cheapest first
	ideal  choice   // what it would show on an endless path, which may not arrive now
	at     int      // of levels; -1: nothing
	most   int      // the highest that may be chosen now
}

// cost is what it takes at its level.
func (w *wish) cost() int {
	if w.at < 0 {
		return 0
	}
	return w.levels[w.at].cost()
}

// levelsOf lists what a slot can show of an encoding and of the smaller ones that arrive: the smallest with its lowest temporal layer,
// then each in full.
func levelsOf(ideal *encoding, now time.Time) (levels []choice) {
	for _, e := range ideal.publication.encodings[:ideal.index+1] {
		if !e.alive(now) {
			continue
		}
		if len(levels) == 0 && e.wire.baseRate < e.wire.rate {
			levels = append(levels, choice{e, true})
		}
		levels = append(levels, choice{encoding: e})
	}
	if len(levels) == 0 { // the next larger one, as in nearest
		if e := ideal.nearest(now); e.alive(now) {
			levels = append(levels, choice{encoding: e})
		}
	}
	return levels
}

// current is the highest level of a wish that takes no more than what its slot was given last; -1: nothing.
func (w *wish) current() int {
	s := w.slot
	at := -1
	for i, c := range w.levels {
		if s.target != nil && (c.encoding.index < s.target.index || c.encoding == s.target && (c.base || !s.baseOnly)) {
			at = i
		}
	}
	return at
}

// wishes lists what the slots would show, in the order in which they get bandwidth: who was chosen or speaks, who leads the session,
// screens, and the rest by their size.
func (p *peer) wishes(now time.Time) []wish {
	var all []wish
	pinned := p.pinned()
	class := func(s *slot) int {
		switch from := s.flow.peer.member; {
		case s.flow == pinned || pinned == nil && from.id == p.member.room.focus && s.line.slotKind == slotVideo:
			return 0
		case from.entry.Priority && s.line.slotKind == slotVideo:
			return 1
		case s.line.slotKind == slotScreen:
			return 2
		}
		return 3
	}
	for _, s := range p.slots {
		if s.flow == nil || !s.video() {
			continue
		}
		w := wish{slot: s, at: -1}
		if e := s.ideal(); e != nil && s.flow.open() {
			w.ideal, w.levels, w.first = choice{encoding: e}, levelsOf(e, now), class(s) == 0
		}
		all = append(all, w)
	}
	slices.SortStableFunc(all, func(a, b wish) int {
		return cmp.Or(cmp.Compare(class(a.slot), class(b.slot)), cmp.Compare(b.slot.height(), a.slot.height()))
	})
	return all
}

// pinned is the video that the person chose to see larger than all others, nil: none.
func (p *peer) pinned() *publication {
	var tallest *publication
	most, second := 0, 0
	for _, s := range p.slots {
		if s.flow == nil || !s.video() {
			continue
		}
		if h := s.height(); h > most {
			tallest, most, second = s.flow, h, most
		} else {
			second = max(second, h)
		}
	}
	if second == 0 || float64(most) < pinnedShare*float64(second) {
		return nil
	}
	return tallest
}

// fill raises wishes from nothing, level by level in their order, as far as a budget in bit/s allows, and returns what they take.
func fill(all []wish, budget int) (sum int) {
	highest := -1
	for i := range all {
		all[i].at = -1
		highest = max(highest, all[i].most)
	}
	raise := func(w *wish, level int) {
		if level != w.at+1 || level > w.most {
			return
		}
		cost := w.levels[level].cost()
		if step := cost - w.cost(); sum+step <= budget {
			w.at, sum = level, sum+step
		}
	}
	for i := range all {
		for level := 0; all[i].first && level <= all[i].smallest(); level++ {
			raise(&all[i], level)
		}
	}
	for level := 0; level <= highest; level++ {
		for i := range all {
			raise(&all[i], level)
		}
	}
	return sum
}

// videoBudget is what video may take on the path, in bit/s.
func (b *bandwidth) videoBudget() int {
	rate := float64(b.estimator.Rate())
	left := int(budgetShare*rate) - b.audioRate
	budget := left - min(b.repeatRate, left/2)
	if budget < leastVideo {
		return 0
	}
	return budget
}

// allocate gives every slot what the path has room for: less at once, more by one step a second. Audio is never paused.
func (p *peer) allocate(now time.Time) {
	b := p.bandwidth
	b.allocated = b.estimator.Rate()
	all := p.wishes(now)
	budget := b.videoBudget()
	b.demand = p.demand(all)
	for i := range all {
		all[i].most = len(all[i].levels) - 1
	}
	if sum := fill(all, int(raiseShare*float64(budget))); sum > 0 && satisfied(all) && now.Sub(b.congestedAt) > calmAfter {
		p.apply(all, now)
		return
	}
	lowered := p.lower(all, budget)
	if lowered {
		b.takeBack(now)
	} else if b.mayRaise(now) && raise(all, budget) {
		b.raisedAt = now
	}
	p.apply(all, now)
}

// satisfied reports whether every wish has its highest level.
func satisfied(all []wish) bool {
	return !slices.ContainsFunc(all, func(w wish) bool { return w.at < w.most })
}

// lower leaves the wishes what their slots have, as far as it fits. A slot that shows nothing yet may get all frames of the smallest size. It
// reports whether any slot has to show less.
func (p *peer) lower(all []wish, budget int) (lowered bool) {
	for i := range all {
		w := &all[i]
		w.most = min(w.current(), len(w.levels)-1)
		if w.slot.unallocated {
			w.most = w.smallest()
		}
	}
	fill(all, budget)
	for i := range all {
		lowered = lowered || all[i].at < all[i].most && !all[i].slot.unallocated
	}
	return lowered
}

// raise raises one wish by one level, the first that would get more if all began anew; for it others give back what they would not get.
func raise(all []wish, budget int) bool {
	room := int(raiseShare * float64(budget))
	best := slices.Clone(all)
	for i := range best {
		best[i].most = len(best[i].levels) - 1
	}
	fill(best, room)
	sum := 0
	for i := range all {
		sum += all[i].cost()
	}
	for _, i := range lowestFirst(all) {
		if best[i].at <= all[i].at {
			continue
		}
		next := slices.Clone(all)
		next[i].at = min(max(next[i].at+1, next[i].smallest()), best[i].at) // what comes back costs a key frame: all its frames at once
		sum := sum + next[i].cost() - all[i].cost()
		for j := len(next) - 1; j >= 0 && sum > room; j-- {
			if next[j].at > best[j].at {
				sum -= next[j].cost() - best[j].cost()
				next[j].at = best[j].at
			}
		}
		if sum <= room {
			copy(all, next)
			return true
		}
	}
	return false
}

// lowestFirst returns the order in which wishes are raised, as fill does it.
func lowestFirst(all []wish) []int {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) int {
		if w := &all[i]; w.first && w.at < w.smallest() {
			return -2
		}
		return all[i].at
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return order
}

// smallest is the level of all frames of the smallest encoding, -1 without levels.
func (w *wish) smallest() int {
	at := -1
	for level, c := range w.levels {
		if c.encoding == w.levels[0].encoding {
			at = level
		}
	}
	return at
}

// takeBack notes that slots have to show less. If a step up was not long ago, the next one waits longer.
func (b *bandwidth) takeBack(now time.Time) {
	switch {
	case b.raisedAt.Before(b.loweredAt): // the same congestion
	case b.patience == 0 || now.Sub(b.raisedAt) > patienceAfter:
		b.patience = minPatience
	default:
		b.patience = min(2*b.patience, maxPatience)
	}
	b.loweredAt, b.loweredRate = now, b.estimator.Rate()
}

// mayRaise reports whether it is time for a step up.
func (b *bandwidth) mayRaise(now time.Time) bool {
	waits := now.Sub(b.loweredAt) < b.patience && float64(b.estimator.Rate()) < patienceRate*float64(b.loweredRate)
	return !waits && now.Sub(b.raisedAt) >= stepUpInterval-tick/2
}

// apply gives the slots what was decided.
func (p *peer) apply(all []wish, now time.Time) {
	var paused []string
	near := p.bandwidth.near(p, now)
	p.bandwidth.short = false
	for i := range all {
		w := &all[i]
		w.slot.standby = near
		s, c := w.slot, choice{}
		if w.at >= 0 {
			c = w.levels[w.at]
		}
		wanted := w.ideal.encoding != nil
		s.limited = wanted && (w.at < len(w.levels)-1 || w.at < 0)
		s.paused = s.limited && w.at < 0 && len(w.levels) > 0
		p.bandwidth.short = p.bandwidth.short || s.limited
		// A slot whose smallest encoding does not arrive begins as soon as it does.
		smallest := s.flow.encodings[0]
		s.unallocated = wanted && w.at < 0 && smallest.absentSince.IsZero() && !smallest.alive(now)
		if s.paused {
			paused = append(paused, s.flow.send.ID)
		}
		s.choose(c)
		s.flow.notifyWanted(now)
	}
	p.reportPaused(paused)
}

// demand is the estimate that all wishes need, in bit/s.
func (p *peer) demand(all []wish) int {
	video := 0
	for i := range all {
		video += all[i].ideal.cost()
	}
	b := p.bandwidth
	return int((float64(video)/raiseShare + float64(b.audioRate+b.repeatRate)) / budgetShare)
}

// reportPaused tells the room which videos are paused for want of bandwidth, when the list changed.
func (p *peer) reportPaused(paused []string) {
	if slices.Equal(paused, p.bandwidth.paused) {
		return
	}
	for _, id := range paused {
		if !slices.Contains(p.bandwidth.paused, id) {
			p.worker.count.VideosPaused++
		}
	}
	p.bandwidth.paused = paused
	p.member.room.events(VideosPaused{Peer: p.id, Publications: slices.Clone(paused)})
}
