package signaling

import (
	"context"

	"alcove/signaling/conns"
)

// An arrival is how a connection came: its place among all, nil if nobody bounds them, and whether a proxy wrote its address (the PROXY
// protocol).
type connOrigin struct {
	lease   *conns.Lease
	proxied bool
}

type connOriginKey struct{}

func withConnOrigin(ctx context.Context, a connOrigin) context.Context {
	return context.WithValue(ctx, connOriginKey{}, a)
}

func connOriginOf(ctx context.Context) connOrigin {
	a, _ := ctx.Value(connOriginKey{}).(connOrigin)
	return a
}
