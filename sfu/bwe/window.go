package bwe

// A rateMeter measures bits a second over a sliding window. Times are in microseconds of one clock.
type rateMeter struct {
	bytes  [rateBuckets]int32
	newest int64 // bucket
	first  int64 // bucket of the first packet
	begun  bool
}

const bucketMicros = int64(rateBucket / 1000)

func (m *rateMeter) add(at int64, size int) {
	b := at / bucketMicros
	switch {
	case !m.begun || b >= m.newest+rateBuckets || b+4*rateBuckets < m.newest: // a silence, or another clock
		m.bytes = [rateBuckets]int32{}
		m.begun, m.newest = true, b
		m.first = b
	case b > m.newest:
		for m.newest < b {
			m.newest++
			m.bytes[uint64(m.newest)%rateBuckets] = 0
		}
	case b+rateBuckets <= m.newest:
		return // later than the window is long
	}
	m.bytes[uint64(b)%rateBuckets] += int32(size)
}

// rate is what came within the window before a time, in bit/s. A window that begins before the first packet is shortened, down to four
// buckets.
func (m *rateMeter) rate(at, window int64) float64 {
	if !m.begun {
		return 0
	}
	last, n := at/bucketMicros, min(window/bucketMicros, rateBuckets-1)
	from := max(last-n, m.newest-rateBuckets+1, m.first)
	sum := int64(0)
	for b := from; b <= min(last, m.newest); b++ {
		sum += int64(m.bytes[uint64(b)%rateBuckets])
	}
	span := at - from*bucketMicros // whole buckets, and the part of the last
	return float64(sum) * 8e6 / float64(max(span, 4*bucketMicros))
}

// A windowMin is the least of a window and the one before. Times and values are in microseconds.
type windowMin struct {
	least, before int64
	since         int64
	begun         bool
}

func (w *windowMin) update(at, v, window int64) int64 {
	switch {
	case !w.begun:
		w.least, w.before, w.since, w.begun = v, v, at, true
	case at-w.since >= window:
		w.before, w.least, w.since = w.least, v, at
	}
	w.least = min(w.least, v)
	return min(w.least, w.before)
}

// A windowMax is the most of a window and the one before.
type windowMax struct {
	most, before float64
	since        int64
}

func (w *windowMax) update(at int64, v float64, window int64) float64 {
	if at-w.since >= window {
		w.before, w.most, w.since = w.most, v, at
	}
	w.most = max(w.most, v)
	return max(w.most, w.before)
}

// value is the most, without a new one.
func (w *windowMax) value() float64 { return max(w.most, w.before) }
