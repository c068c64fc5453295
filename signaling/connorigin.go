package signaling

import (
	"context"

	"alcove/signaling/conns"
)

// A connOrigin tells how a TCP connection came: its lease, nil if connections are not limited, and whether a proxy sent its
// address by the PROXY protocol.
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
