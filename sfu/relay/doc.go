// Package relay lets media through networks that block UDP: a TURN server (RFC 8656) over TCP and TLS that reaches our own media
// ports and nothing else.
//
//	browser ══ TCP or TLS ══► conn ── whole messages ──► pion/turn: credentials, permissions, channels
//	                                                            │ datagrams
//	                 a worker's socket ◄─── UDP on this host ── relayed: the media ports or nothing
//
// Each connection has a TURN server of its own, so that all it knows ends with it. A credential is made when a seat is admitted, and
// ends with the admission: its connections are cut at once. It is random and says nothing of a person.
//
// What a stranger costs is fixed: a connection without an allocation sends a few messages and lives for some seconds. Nothing here
// writes a log: all that could be said holds addresses.
package relay
