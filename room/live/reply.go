package live

import (
	"context"

	"alcove/room"
)

// A mail is one wish to a room. Either do runs in the room's goroutine, or fail says why not.
type request struct {
	do   func()
	fail func(error)
}

// A reply takes one answer; the first counts, and giving it never blocks.
type reply[T any] chan result[T]

type result[T any] struct {
	value T
	err   error
}

func newReply[T any]() reply[T] { return make(reply[T], 1) }

func (r reply[T]) send(v T, err error) {
	select {
	case r <- result[T]{v, err}:
	default:
	}
}

func (r reply[T]) fail(err error) {
	var none T
	r.send(none, err)
}

// errOver answers what a room did not look at any more before it ended.
var errRoomEnded = &room.Error{Code: room.RoomEnded, Detail: "the session is over"}

// ask posts a wish and waits for its answer until ctx ends. The wish may still be granted after that.
func call[T any](ctx context.Context, r *roomActor, do func(reply[T])) (T, error) {
	answer := newReply[T]()
	r.post(request{do: func() { do(answer) }, fail: answer.fail})
	select {
	case got := <-answer:
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, &room.Error{Code: room.Unavailable, Detail: "not in force in time"}
	}
}
