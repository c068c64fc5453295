package record

import (
	"encoding/binary"
	"sync/atomic"
)

// A ringBuffer passes entries from one writer, the worker, to one reader, the track's goroutine: a byte buffer of fixed
// size and two counters. Full policy: a unit that does not fit fails its track.
type ringBuffer struct {
	buf  []byte        // a power of two long
	head atomic.Uint64 // bytes ever written. Stored by the writer.
	tail atomic.Uint64 // bytes ever read. Stored by the reader.
}

func newRingBuffer(size int) *ringBuffer { return &ringBuffer{buf: make([]byte, size)} }

// put copies an entry in, whole or not at all. halfFull asks the caller to wake the reader.
func (q *ringBuffer) put(head *[entryHead]byte, payload []byte) (ok, halfFull bool) {
	at := q.head.Load()
	used := at - q.tail.Load()
	n := uint64(entryHead + len(payload))
	if used+n > uint64(len(q.buf)) {
		return false, true
	}
	q.copyIn(at, head[:])
	q.copyIn(at+entryHead, payload)
	q.head.Store(at + n)
	return true, used+n > uint64(len(q.buf))/2
}

func (q *ringBuffer) copyIn(at uint64, b []byte) {
	from := at & uint64(len(q.buf)-1)
	n := copy(q.buf[from:], b)
	copy(q.buf, b[n:])
}

func (q *ringBuffer) copyOut(b []byte, at uint64) {
	from := at & uint64(len(q.buf)-1)
	n := copy(b, q.buf[from:])
	copy(b[n:], q.buf)
}

func (q *ringBuffer) empty() bool { return q.tail.Load() == q.head.Load() }

// drain appends whole entries to dst up to its capacity, calls each with the head of every one, and wipes them from the buffer.
func (q *ringBuffer) drain(dst []byte, each func(head *[entryHead]byte)) []byte {
	tail, end := q.tail.Load(), q.head.Load()
	var head [entryHead]byte
	for tail < end {
		q.copyOut(head[:], tail)
		n := entryHead + int(binary.BigEndian.Uint16(head[2:]))
		at := len(dst)
		if at+n > cap(dst) {
			break
		}
		dst = dst[:at+n]
		q.copyOut(dst[at:], tail)
		q.wipe(tail, n)
		each(&head)
		tail += uint64(n)
	}
	q.tail.Store(tail)
	return dst
}

func (q *ringBuffer) wipe(at uint64, n int) {
	from := int(at & uint64(len(q.buf)-1))
	here := min(n, len(q.buf)-from)
	clear(q.buf[from : from+here])
	clear(q.buf[:n-here])
}
