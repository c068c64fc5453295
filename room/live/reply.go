package live

import (
	"context"

	"alcove/room"
)

// A request is posted to a room. Either do runs on the goroutine of the room, or fail is called with the reason.
type request struct {
	do   func()
	fail func(error)
}

// A reply receives one answer. Only the first counts; sending never blocks.
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

// errRoomEnded answers requests that a room did not handle before it ended.
var errRoomEnded = &room.Error{Code: room.RoomEnded, Detail: "the session is over"}

// call posts a request and waits for its answer until ctx ends. The request may be carried out after that all the same.
func call[T any](ctx context.Context, r *roomActor, do func(reply[T])) (T, error) {
	answer := newReply[T]()
	r.post(request{do: func() { do(answer) }, fail: answer.fail})
	select {
	case result := <-answer:
		return result.value, result.err
	case <-ctx.Done():
		var none T
		return none, &room.Error{Code: room.Unavailable, Detail: "not in force in time"}
	}
}
