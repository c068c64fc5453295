package srtp

// Bounds of the replay state of one peer. Only authenticated packets add state.
const (
	// maxWindows is how many sources have a window: three sources with three encodings and RTX each, four times over.
	maxWindows = 64
	// maxNextIndices is how many replaced sources keep their next index, 40 bytes each. A microphone that restarts every minute replaces as
	// many in three days.
	maxNextIndices = 4096
)

// replayStates are the replay states of the SSRCs of one direction. All share one key, so an accepted packet is never
// accepted again, however many SSRCs follow it (RFC 3711, section 3.3.2):
//
//   - A live source has a window: each index once, those older than the window never.
//   - When a new source needs the place, the one that was silent longest loses its window and leaves the next index: all at or above
//     it were never accepted. If the source comes back it begins there; what is older, late or replayed, is refused.
//   - When there is no more room for that either, the key is used up: the connection ends and the client makes another one,
//     under another key. Nothing is forgotten for good under the same key.
type replayStates struct {
	windows   map[uint32]*source
	nextIndex map[uint32]uint64 // the next index that may be accepted, at least 1; no SSRC of live
	clock     uint64            // packets that were accepted
}

type source struct {
	window
	ssrc uint32
	used uint64 // clock at its last packet
}

func newReplayStates() replayStates {
	return replayStates{windows: map[uint32]*source{}, nextIndex: map[uint32]uint64{}}
}

// mark records an authenticated packet of a source with a window.
func (s *replayStates) mark(src *source, index uint64) {
	s.clock++
	src.used = s.clock
	src.mark(index)
}

// open adds a window for an SSRC with its first authenticated packet, whose index is at least next (from nextIndex).
func (s *replayStates) open(ssrc uint32, next, index uint64) error {
	if next == 0 && len(s.windows)+len(s.nextIndex) >= maxWindows+maxNextIndices {
		return ErrKeyExhausted
	}
	delete(s.nextIndex, ssrc)
	src := &source{}
	if len(s.windows) >= maxWindows {
		src = s.oldest()
		delete(s.windows, src.ssrc)
		s.nextIndex[src.ssrc] = src.top
	}
	*src = source{ssrc: ssrc}
	if next > 0 {
		src.resumeAt(next)
	}
	s.windows[ssrc] = src
	s.mark(src, index)
	return nil
}

// oldest is the live source that was silent longest.
func (s *replayStates) oldest() *source {
	var oldest *source
	for _, src := range s.windows {
		if oldest == nil || src.used < oldest.used {
			oldest = src
		}
	}
	return oldest
}

// windowSize is how late a packet may arrive, in packets: RFC 3711 asks for 64 at least; video bursts want more.
const windowSize = 1024

// A window records which of the last windowSize indices were received (RFC 3711, section 3.3.2).
type window struct {
	top  uint64 // highest index + 1; 0 before the first
	bits [windowSize / 64]uint64
}

// resumeAt marks all indices before next as received.
func (w *window) resumeAt(next uint64) {
	w.top = next
	for i := range w.bits {
		w.bits[i] = ^uint64(0)
	}
}

func (w *window) seen(i uint64) bool {
	switch {
	case i >= w.top:
		return false
	case w.top-i > windowSize:
		return true
	}
	return w.bits[i/64%uint64(len(w.bits))]&(1<<(i%64)) != 0
}

func (w *window) mark(i uint64) {
	if w.top == 0 {
		w.top = i // nothing before the first packet was seen
	}
	if i >= w.top+windowSize {
		w.bits, w.top = [windowSize / 64]uint64{}, i
	}
	for ; w.top <= i; w.top++ {
		w.bits[w.top/64%uint64(len(w.bits))] &^= 1 << (w.top % 64)
	}
	w.bits[i/64%uint64(len(w.bits))] |= 1 << (i % 64)
}
