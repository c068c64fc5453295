package forward

import "time"

// How much faster the time line of a replay runs than the source's, in powers of two.
const (
	// replayShift: a second of history takes 31 ms of the slot's time line. Receivers estimate the delay of a stream from timestamps and
	// arrivals, so frames that arrive at once must have about one timestamp: else the frames of a second look early by up to a second, are
	// held back for as long, and so is the audio that goes with them (RFC 3550, section 6.4.1).
	replayShift = 5
	// maxReplayShift still tells frames at 80 a second apart.
	maxReplayShift = 10
)

// A replay is the part of a source that a slot gets from history.
type replay struct {
	until uint64 // number of the newest packet that was stored when it began; 0: none
	shift uint8
	// The source's timestamp of that packet, and the slot's.
	newest, live uint32
}

// Replay begins a new source with a stored key frame, as Switch does with the next that arrives. Next then gets the stored packets from
// there on, the first of them marked as a key frame, faster than they were sent. until and newest are number and timestamp of the newest.
// Numbers and names of pictures continue as after Switch; the timestamps of what is stored are compressed, so that those of later packets
// are what they would have been without history.
func (s *Selector) Replay(until uint64, newest uint32) {
	s.switching, s.replay = true, replay{until: until, newest: newest}
}

// beginReplay sets the time line: the newest stored packet has the timestamp of one that arrives now. It returns the timestamp of the
// first.
func (s *Selector) beginReplay(now time.Time, p *Packet) uint32 {
	r := &s.replay
	r.shift, r.live = replayShift, r.newest
	span := r.newest - p.Timestamp
	if !s.running {
		return r.live - span>>r.shift
	}
	gap := max(now.Sub(s.lastAt), 0)
	r.live = s.after(gap)
	if gap >= time.Minute {
		return r.live - span>>r.shift
	}
	last := s.lastTS
	if int32(s.newestTS-last) > 0 {
		last = s.newestTS
	}
	for r.shift < maxReplayShift && span>>r.shift >= r.live-last {
		r.shift++
	}
	if least := last + span>>r.shift + 1; int32(r.live-least) < 0 {
		r.live = least // a little ahead of time, see after
	}
	return r.live - span>>r.shift
}

// replayed reports whether a packet is of the replay, and its timestamp.
func (s *Selector) replayed(p *Packet) (timestamp uint32, ok bool) {
	r := &s.replay
	if p.Ext > r.until {
		return 0, false
	}
	return r.live - (r.newest-p.Timestamp)>>r.shift, true
}
