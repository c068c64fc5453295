package session

import (
	"sync"
	"time"

	"alcove/signaling/wire"
)

// An outbox queues frames for the writer of one connection.
//
// Full policy: at maxQueuedFrames or maxQueuedBytes everything is dropped and the connection closes with 4429; the client
// resumes and gets the whole state, which is shorter than the events it missed.
//
// Frames that are queued before open stay: the answer to hello goes ahead of every event.
type outbox struct {
	wake chan struct{} // capacity 1: next has something

	mu          sync.Mutex
	opened      bool     // Guarded by mu. The hello was answered.
	frames      [][]byte // Guarded by mu.
	bytes       int      // Guarded by mu. Sum of frames.
	seq         uint64   // Guarded by mu. Of the last event.
	closeCode   int      // Guarded by mu. Follows the frames; 0 while the connection is open.
	closeReason string   // Guarded by mu. Of an invalid frame, for the developer of the client; else "".
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// event queues an event. Its number and its position in the queue are assigned together.
func (o *outbox) event(now time.Time, kind string, data wire.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeCode != 0 {
		return
	}
	o.seq++
	o.push(wire.EncodeEvent(o.seq, now, kind, data))
}

// answer queues an answer, if there is one.
func (o *outbox) answer(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeCode == 0 && frame != nil {
		o.push(frame)
	}
}

// push adds a frame or applies the full policy. The caller holds mu.
func (o *outbox) push(frame []byte) {
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
	if len(o.frames) > maxQueuedFrames || o.bytes > maxQueuedBytes {
		o.frames, o.bytes = nil, 0
		o.closeCode, o.opened = wire.CloseRateLimited, true
	}
	o.signal()
}

// open puts the answer to hello in front and releases the queue.
func (o *outbox) open(helloAnswer []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeCode == 0 {
		o.frames = append([][]byte{helloAnswer}, o.frames...)
		o.bytes += len(helloAnswer)
	}
	o.opened = true
	o.signal()
}

// close closes the connection with code after the queued frames; nothing more is queued. The first code wins, and is returned.
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

// rejectFrame closes with 4400 and the reason: a frame with an invalid envelope has no answer.
func (o *outbox) rejectFrame(err error) {
	o.mu.Lock()
	if o.closeCode == 0 {
		o.closeReason = err.Error()
	}
	o.mu.Unlock()
	o.close(wire.CloseProtocol)
}

// reason returns the text of the close frame.
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

// next removes the next frame, or returns the close code if none is left. Both are zero if there is nothing to send yet.
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
