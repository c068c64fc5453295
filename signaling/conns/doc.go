// Package conns bounds the connections of strangers, so that nobody who holds many keeps out who needs one.
//
//	Accept ─► Enter ─┬─ a place is free ─────────────────────────► Place: waiting ⇄ serving ─► Seat: kept until it ends
//	                 ├─ full: the idle connection of the heaviest source is closed ─┘
//	                 └─ full of seats: refused
//
// A source is an IPv4 address or an IPv6 /64; the sources of a /24, and of a /56 and a /48, share. Who holds one seat has some
// places that nobody takes away, for the rest of the page and for the next connection after a loss.
package conns
