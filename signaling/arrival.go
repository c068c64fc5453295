package signaling

import (
	"context"

	"alcove/signaling/conns"
)

// An arrival is how a connection came: its place among all, nil if nobody bounds them, and whether a proxy wrote its address (the PROXY
// protocol).
type arrival struct {
	place   *conns.Place
	proxied bool
}

type arrivalKey struct{}

func withArrival(ctx context.Context, a arrival) context.Context {
	return context.WithValue(ctx, arrivalKey{}, a)
}

func arrivalOf(ctx context.Context) arrival {
	a, _ := ctx.Value(arrivalKey{}).(arrival)
	return a
}
