// Package conns limits TCP connections, so that a client that holds many cannot keep others out.
//
//	Accept ─► Acquire ─┬─ below the limit ───────────────────────────► Lease: waiting ⇄ serving ─► seated: kept until it ends
//	                   ├─ at the limit: the idle connection of the heaviest source is closed ─┘
//	                   └─ all leases are seated: refused
//
// A source is an IPv4 address or an IPv6 /64; the sources of a /24, and of a /56 and a /48, count together as well. A source with a
// seat keeps some leases that are never evicted, for the rest of the page and for the next connection after a loss.
package conns
