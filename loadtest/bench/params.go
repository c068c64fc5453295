package main

import "time"

// The benchmark of the forwarding path.
const (
	// maxRatio is the target of the forwarding path, as a multiple of the bare loop over the same packets.
	maxRatio = 1.3
	// maxRecord is what recording a room may cost its worker, as a multiple of the same room unrecorded, and maxRecordP99 by how
	// much it may slow the worst hundredth of its rounds, in ms.
	maxRecord    = 1.15
	maxRecordP99 = 1.0
	// forwardTime and forwardCount: three seconds are 1,500 windows of 2 ms, five runs give a median that one compiler in the
	// background does not move.
	forwardTime  = "3s"
	forwardCount = 5
	// forwardLimit bounds all of it, the compiler included.
	forwardLimit = 5 * time.Minute
)

// The machine's share for each side. Two cores, so that nothing of the clients is charged to the server but what the kernel
// does for the receivers.
const (
	serverCore = "0"
	clientCore = "1"
)

// The network of the measurement: of its own, because Janus uses no loopback address for media, and because ports are free in it.
const (
	mediaInterface = "media0"
	mediaPeer      = "media1" // the other end, where the kernel has pairs only
	mediaAddress   = "10.99.0.1"
	mediaPort      = 50000
	publicAddress  = "127.0.0.1:8443"
	adminAddress   = "127.0.0.1:9091"
	janusAddress   = "127.0.0.1:8188"
)

// Default times of one measurement.
const (
	defaultRounds = 3 // the median of three leaves out one disturbance
	// defaultWarm lets congestion control, histories and the garbage collector settle.
	defaultWarm   = 4 * time.Second
	defaultWindow = 10 * time.Second
	// memorySettle is how long the room whose memory is looked at runs before: several collections of garbage.
	memorySettle = 6 * time.Second
	// idleBefore is how long a fresh server rests before its memory is looked at.
	idleBefore = time.Second
)

// Joins.
const (
	joins        = 10          // into the room of 8, one after the other
	joinPause    = time.Second // between them: key frames of one publication are at least 350 ms apart
	rushPeople   = 50          // people who come within rushTime
	rushTime     = time.Second //
	rushRooms    = 10          // of five
	staggerTime  = 80 * time.Millisecond
	staggerRooms = 8                // one after the other
	mediaTimeout = 20 * time.Second // until one is in, and until everybody has media; what takes longer is broken
)

// Bounds, so that every run ends by itself.
const (
	startLimit   = 10 * time.Second       // of a server
	stopLimit    = 5 * time.Second        // after SIGTERM, before SIGKILL
	runLimit     = 2 * time.Minute        // of one measurement
	liveLimit    = 40 * time.Minute       // of all
	askLimit     = 10 * time.Second       // of one request to a server
	janusTry     = 500 * time.Millisecond // of one question whether Janus is there: it may be forgotten
	retryPause   = 20 * time.Millisecond
	pollInterval = 2 * time.Millisecond // between looks whether all have come; times are the packets', not the look's
)

// Bounds on what is measured; beyond them the generator, not the server, may be what the numbers show.
const (
	maxSendLag   = 5 * time.Millisecond // send lag p99
	maxClientCPU = 0.9                  // of the clients' core
)

// janusEvents is how many events may wait for one guest's negotiation. Full: the reader waits, and so does Janus.
const janusEvents = 256
