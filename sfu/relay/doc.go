// Package relay lets media through networks that block UDP, or all but some of its ports: a TURN server (RFC 8656) over TCP, TLS and UDP that
// reaches our own media ports and nothing else.
//
//	browser ══ TCP or TLS ══► conn ── whole messages ──► pion/turn: credentials, permissions, channels
//	                                                            │ datagrams
//	                 a worker's socket ◄─── UDP on this host ── relayed: the media ports or nothing
//
// Each connection has a TURN server of its own, so that its state ends with it. A credential is created when a seat is admitted and
// revoked with the admission, which closes its connections at once. It is random and identifies nobody.
//
//	browser ── UDP ──► datagrams ── who has a credential ──► udpConn, one for each address ──► conn
//
// Over UDP nothing is kept of a client before it proves by a nonce that it receives where it says it is, and by a credential that it may be
// there. Until then it gets short answers, at a limited rate.
//
// An unauthenticated client has a fixed cost: without an allocation it may send a few messages and stay for some seconds. The package
// writes no log, because every line would hold addresses.
package relay
