package relay

import "time"

const (
	// realm is needed by the mechanism (RFC 8489, section 9.2) and says nothing.
	realm = "alcove"
	// allocateTimeout is how long a connection may have no allocation: a browser needs three round trips after TLS.
	allocateTimeout = 10 * time.Second
	// maxUnallocatedMessages bounds the messages of a connection without an allocation: a browser sends two, one more if a nonce is stale.
	maxUnallocatedMessages = 16
	// maxConns is how many connections one credential may have: browsers open one for each network that they are in, and those of
	// a network that is gone live on until TCP gives up.
	maxConns = 8
	// endMargin is how long before an allocation its connection ends: pion crashes if a lifetime, which clients choose, is over in the
	// moment that a permission is made, so that moment never comes. Firefox refreshes 10 s before the end.
	endMargin = 3 * time.Second
	// maxChannels is how many channels a connection may bind: one for the media port of its room, and again when it expired.
	maxChannels = 16
	// maxMessage is the largest message taken: a datagram of udp.MaxDatagram in a Send indication (36 bytes) with its padding.
	maxMessage = 1640
	// writeTimeout is how long a client may take nothing before its connection is given up.
	writeTimeout = 10 * time.Second
	// receiveBuffer of a relayed socket, in bytes: what waits here is late already, so it is dropped after half a second of a
	// 1 Mbit/s line.
	receiveBuffer = 64 << 10
	// secretBytes of a username and of a password: they cannot be guessed.
	secretBytes = 16
)

// SendBuffer is what a client's TCP connection should hold, in bytes: 10 Mbit/s at a round trip of 100 ms. A larger one fills before
// the estimate of the line falls, and is heard as delay.
const SendBuffer = 128 << 10
