package session

import "time"

// Rate limit of messages (PROTOCOL.md, section 1).
const (
	messageBurst  = 60 // a page that enters sends some 20 at once
	messageRate   = 20 // a second: a person clicks slower, and the client coalesces view changes
	maxRefusedRun = 60 // refused in a row: the client ignores retryAfterMs, so the connection closes
	freePings     = 2  // pings that cost nothing at once, one more each pingInterval: a slow network delivers two together
)

// Times.
const (
	helloTimeout = 5 * time.Second // a page sends hello at once; all else is a scanner
	pingInterval = 5 * time.Second // finds a dead connection in 15 s, at 30 bytes a second
	// silentPings times pingInterval without a message close a connection: two lost pings may be a dead spot.
	silentPings = 3
	// RequestTimeout bounds the wait for the room and the media plane: an act takes milliseconds there.
	RequestTimeout = 10 * time.Second
	// writeTimeout bounds one write: a peer that takes nothing for so long has lost its network, and will resume.
	writeTimeout = 10 * time.Second
	// closeTimeout bounds the wait for the peer's close frame, so that it reads ours and no TCP reset discards it.
	closeTimeout = 2 * time.Second
)

// Limits of memory.
const (
	// maxQueuedFrames and maxQueuedBytes bound the queue of a slow reader: the complete state of the largest room many times.
	maxQueuedFrames = 512
	maxQueuedBytes  = 1 << 20
	// maxAnswers and maxAnswerBytes bound the idempotency cache of one session (PROTOCOL.md, section 2).
	maxAnswers     = 64
	maxAnswerBytes = 256 << 10
	// maxHelloAttempts bounds the tokens whose hello may be repeated: 200 bytes each, removed by the client's next frame.
	maxHelloAttempts = 4096
)
