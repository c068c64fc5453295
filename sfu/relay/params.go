package relay

import "time"

const (
	// realm is required by the mechanism (RFC 8489, section 9.2) and carries no information.
	realm = "alcove"
	// allocateTimeout is how long a connection may have no allocation: a browser needs three round trips after TLS.
	allocateTimeout = 10 * time.Second
	// maxUnallocatedMessages bounds the messages of a connection without an allocation: a browser sends two, one more if a nonce is stale.
	maxUnallocatedMessages = 16
	// maxConns is how many connections one credential may have: browsers open one per network and way (TLS, and UDP on two ports), all anew
	// with each ICE restart, and connections of a lost network remain until TCP gives up.
	maxConns = 24
	// endMargin is how long before its allocation expires a connection is closed: pion crashes if a lifetime, which clients choose, ends at
	// the moment that a permission is created. Firefox refreshes 10 s before the end.
	endMargin = 3 * time.Second
	// maxChannels is how many channels a connection may bind: one for the media port of its room, and again when it expired.
	maxChannels = 16
	// maxMessage is the largest message taken: a datagram of udp.MaxDatagram in a Send indication (36 bytes) with its padding.
	maxMessage = 1640
	// writeTimeout is how long a write may block before the connection is closed.
	writeTimeout = 10 * time.Second
	// receiveBuffer of a relayed socket, in bytes: packets that wait here are late already, so they are dropped after half a second of a 1
	// Mbit/s line.
	receiveBuffer = 64 << 10
	// maxChallenges is how many first messages over UDP are answered a second, and at once: their senders may be forged. Each answer is
	// less than twice as large as what it answers, both with headers.
	maxChallenges = 500
	// nonceLifetime is how old a nonce of a first answer may be: a slow line has several round trips, and some repeats, within it.
	nonceLifetime = 30 * time.Second
	// udpQueue is how many datagrams of a client over UDP may wait to be relayed: half a second of a 1 Mbit/s line.
	udpQueue = 64
	// udpBuffer is the receive buffer of a socket for clients over UDP, in bytes: 100 ms of fifty clients at 1 Mbit/s, and some.
	udpBuffer = 1 << 20
	// secretBytes is the length of usernames and passwords, so that they cannot be guessed.
	secretBytes = 16
)

// SendBuffer is the send buffer of a client's TCP connection, in bytes: 10 Mbit/s at a round trip of 100 ms. A larger one fills before the
// bandwidth estimate falls, which adds delay.
const SendBuffer = 128 << 10
