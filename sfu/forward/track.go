package forward

import "time"

// Limits of loss detection.
const (
	// maxMissing bounds the list of missing packets: more at once is an outage, which a key frame mends, not NACKs.
	maxMissing = 128
	// firstNack waits for reordering, in the network or by bundled links, before a packet counts as lost.
	firstNack = 10 * time.Millisecond
	// minNackInterval separates two requests where the round trip is short or unknown.
	minNackInterval = 40 * time.Millisecond
	// seenSize is how many packets back a duplicate is recognised.
	seenSize = 1024
	// maxJump is a sequence step that no outage explains: the source restarted.
	maxJump = 3000
)

// A Verdict classifies a packet of a track.
type Verdict uint8

// The verdicts.
const (
	Fresh     Verdict = iota // the highest so far
	Late                     // older, but missing until now
	Duplicate                // seen, or too old to tell
	Restarted                // the sequence jumped: everything before is history
)

type missing struct {
	ext      uint64
	nacks    int
	nextNack time.Time
}

// A Track follows the sequence of one incoming SSRC: extends sequence numbers, finds duplicates and losses (RFC 4585,
// section 6.2.1). All methods belong to its one owner.
type Track struct {
	started      bool
	base         uint64 // extended numbers begin above, see Follow
	first        uint64 // extended
	highest      uint64 // extended
	seen         [seenSize / 64]uint64
	missing      []missing
	lostInOutage int // lost for good, for missing was full

	received uint64 // without duplicates, which would hide losses
	// of the last report (RFC 3550, appendix A.3)
	lastExpected, lastReceived uint64
	interval                   Loss // counted by the last report
}

// extBase keeps extended numbers of packets just before the first positive.
const extBase = 1 << 16

// Follow begins the track of an SSRC that takes the place of another: its extended numbers are all above those of the old one.
func (t *Track) Follow(old *Track) {
	base := old.base
	if old.started {
		base = (old.highest>>16 + 1) << 16
	}
	*t = Track{base: base, missing: t.missing[:0]}
}

// Receive takes a sequence number and returns its extended form.
func (t *Track) Receive(now time.Time, seq uint16, nack bool) (uint64, Verdict) {
	if !t.started {
		begin := max(t.base, extBase) + uint64(seq)
		*t = Track{started: true, first: begin, highest: begin, missing: t.missing[:0], received: 1}
		t.set(t.highest)
		return t.highest, Fresh
	}
	step := int64(int16(seq - uint16(t.highest)))
	ext := uint64(int64(t.highest) + step)
	switch {
	case step > maxJump || step < -maxJump:
		// A source that restarts keeps the time line: the next number follows the highest.
		restart := (t.highest>>16+1)<<16 + uint64(seq)
		*t = Track{started: true, first: restart, highest: restart, missing: t.missing[:0], received: 1}
		t.set(restart)
		return restart, Restarted
	case step > 0:
		t.advance(now, ext, nack)
		t.received++
		return ext, Fresh
	case step <= -seenSize || ext < t.first || t.has(ext):
		return ext, Duplicate
	}
	t.set(ext)
	t.forget(ext)
	t.received++
	return ext, Late
}

func (t *Track) advance(now time.Time, ext uint64, nack bool) {
	for e := t.highest + 1; e < ext; e++ {
		t.clear(e)
		switch {
		case !nack:
		case len(t.missing) < maxMissing:
			t.missing = append(t.missing, missing{ext: e, nextNack: now.Add(firstNack)})
		default:
			t.lostInOutage++
		}
	}
	t.set(ext)
	t.highest = ext
}

func (t *Track) set(e uint64)      { t.seen[e/64%uint64(len(t.seen))] |= 1 << (e % 64) }
func (t *Track) clear(e uint64)    { t.seen[e/64%uint64(len(t.seen))] &^= 1 << (e % 64) }
func (t *Track) has(e uint64) bool { return t.seen[e/64%uint64(len(t.seen))]&(1<<(e%64)) != 0 }

// Missing reports whether this number was lost and is still wanted: an RTX packet is accepted only then, because probes
// resend received packets.
func (t *Track) Missing(seq uint16) bool {
	for _, m := range t.missing {
		if uint16(m.ext) == seq {
			return true
		}
	}
	return false
}

// HasMissing reports whether anything is missing and still wanted.
func (t *Track) HasMissing() bool { return len(t.missing) > 0 }

func (t *Track) forget(ext uint64) {
	for i := range t.missing {
		if t.missing[i].ext == ext {
			t.missing = append(t.missing[:i], t.missing[i+1:]...)
			return
		}
	}
}

// MaxNacks is how often a packet of video is requested; after that the frame is lost to everyone.
const MaxNacks = 8

// Nacks appends the sequence numbers to ask for now, oldest first, each at most times. lost counts those given up for good since the last
// call: the last request has its round trip too.
func (t *Track) Nacks(now time.Time, rtt time.Duration, times int, dst []uint16) (ask []uint16, lost int) {
	wait := max(rtt, minNackInterval)
	lost, t.lostInOutage = t.lostInOutage, 0
	kept := t.missing[:0]
	for _, m := range t.missing {
		due := !now.Before(m.nextNack)
		if due && m.nacks >= times || t.highest-m.ext >= seenSize/2 {
			lost++
			continue
		}
		if due {
			dst = append(dst, uint16(m.ext))
			m.nacks++
			m.nextNack = now.Add(wait)
		}
		kept = append(kept, m)
	}
	t.missing = kept
	return dst, lost
}

// A Report holds the figures of a receiver report on a source (RFC 3550, section 6.4.1).
type Report struct {
	FractionLost uint8
	TotalLost    uint32 // 24 bits
	Highest      uint32
}

// Report returns the figures since the last call, none before the first packet.
func (t *Track) Report() Report {
	if !t.started {
		return Report{}
	}
	expected := t.highest - t.first + 1
	lost := int64(expected) - int64(t.received)
	de, dr := expected-t.lastExpected, t.received-t.lastReceived
	t.lastExpected, t.lastReceived = expected, t.received
	r := Report{Highest: uint32(t.highest - extBase), TotalLost: uint32(min(max(lost, 0), 0x7fffff))}
	t.interval = Loss{Expected: int(de), Lost: int(int64(de) - int64(dr))}
	if de > 0 && de > dr {
		r.FractionLost = uint8((de - dr) << 8 / de)
	}
	return r
}

// Interval is what the newest report counted, late packets included: of those, Lost may be negative.
func (t *Track) Interval() Loss { return t.interval }

// Received reports whether this number arrived, among the last seenSize.
func (t *Track) Received(ext uint64) bool {
	return ext >= t.first && ext <= t.highest && t.highest-ext < seenSize && t.has(ext)
}

// Highest is the extended number of the newest packet.
func (t *Track) Highest() uint64 { return t.highest }

// Started reports whether a packet arrived.
func (t *Track) Started() bool { return t.started }
