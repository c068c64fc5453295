package signaling

import (
	"fmt"
	"sync"
	"time"
)

// An outbox is what waits for the writer of one connection.
//
// Full policy: at maxQueuedFrames or maxQueuedBytes everything is dropped and the connection closes with 4429; the client
// resumes and is told everything anew, which is shorter than what it missed.
//
// Frames put before open wait: the answer to hello goes ahead of every event.
type outbox struct {
	wake chan struct{} // capacity 1: there is something to take

	mu          sync.Mutex
	opened      bool     // Guarded by mu. The hello was answered.
	frames      [][]byte // Guarded by mu.
	bytes       int      // Guarded by mu. Sum of frames.
	seq         uint64   // Guarded by mu. Of the last event.
	closeCode   int      // Guarded by mu. The close code that follows the frames, 0 while the connection lives.
	closeReason string   // Guarded by mu. What stands beside it, for the developer of a client that cannot frame; else "".
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// event queues one event; its number and its place in the queue are given together.
func (o *outbox) event(now time.Time, kind string, data Object) {
	body := MustJSON(data)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeCode != 0 {
		return
	}
	o.seq++
	o.push(fmt.Appendf(nil, `{"seq":%d,"type":%q,"ts":%d,"data":%s}`, o.seq, kind, now.UnixMilli(), body))
}

// answer queues an answer, if there is one.
func (o *outbox) answer(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeCode == 0 && frame != nil {
		o.push(frame)
	}
}

// push adds a frame or gives up. The caller holds mu.
func (o *outbox) push(frame []byte) {
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
	if len(o.frames) > maxQueuedFrames || o.bytes > maxQueuedBytes {
		o.frames, o.bytes = nil, 0
		o.closeCode, o.opened = CloseRateLimited, true
	}
	o.signal()
}

// start puts the answer to hello in front and lets the rest go.
func (o *outbox) open(first []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeCode == 0 {
		o.frames = append([][]byte{first}, o.frames...)
		o.bytes += len(first)
	}
	o.opened = true
	o.signal()
}

// finish lets the queued frames go and then closes with code; nothing is taken any more. The first code stands, and is given.
func (o *outbox) close(code int) (effective int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeCode == 0 {
		o.closeCode = code
	}
	o.opened = true
	o.signal()
	return o.closeCode
}

// reject closes with 4400 and says why: no answer could.
func (o *outbox) rejectFrame(err error) {
	o.mu.Lock()
	if o.closeCode == 0 {
		o.closeReason = err.Error()
	}
	o.mu.Unlock()
	o.close(CloseProtocol)
}

// reason is what stands beside the close code.
func (o *outbox) reason() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closeReason
}

func (o *outbox) closed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closeCode != 0
}

// take gives the next frame, or the close code if none is left. Both are zero if there is nothing to do yet.
func (o *outbox) next() (frame []byte, closeCode int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.opened {
		return nil, 0
	}
	if len(o.frames) == 0 {
		return nil, o.closeCode
	}
	frame = o.frames[0]
	o.frames[0] = nil
	o.frames = o.frames[1:]
	o.bytes -= len(frame)
	return frame, 0
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // the writer was woken already and will look
	}
}
