package signaling

import (
	"context"

	"alcove/room"
	"alcove/room/live"
)

// brittle gives seats that break when the room is locked.
type brittle struct{ roomRegistry }

func (b brittle) join(ctx context.Context, a live.JoinRequest, c live.Client) (seat, live.Welcome, error) {
	s, w, err := b.roomRegistry.join(ctx, a, c)
	return brittleSeat{s}, w, err
}

type brittleSeat struct{ seat }

func (b brittleSeat) Do(ctx context.Context, c room.Command) (room.Outcome, error) {
	if _, lock := c.(room.Lock); lock {
		panic("CANARY")
	}
	return b.seat.Do(ctx, c)
}
