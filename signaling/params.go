package signaling

import "time"

// Subprotocol is what both sides must name in the WebSocket handshake (RFC 6455, section 1.9).
const Subprotocol = "alcove.v1"

// Limits of messages (PROTOCOL.md, section 1).
const (
	// MaxFrameWaiting holds a hello with the largest token (8 KiB) and a name; it is all that a stranger can make us keep.
	MaxFrameWaiting = 16 << 10
	// MaxFrameAdmitted holds an offer of maxLines m-lines: browsers write up to 5 KiB a line.
	MaxFrameAdmitted = 512 << 10
	// maxDepth is far above what the protocol nests (4) and keeps hostile nesting from costing stack.
	maxDepth = 16
	// maxFields bounds the names in one object: the largest of the protocol has four.
	maxFields = 64
	// maxLines bounds the m-lines of an offer: 32 pairs of slots, screens and own sources fit.
	MaxLines = 100
)

// Limits of fields.
const (
	maxRequestID = 64      // chosen by the client: a UUID and a prefix fit
	MaxID        = 128     // ids of ours are shorter; a SessionID joins two
	MaxToken     = 8 << 10 // auth.MaxToken: what HTTP servers carry in a header
	maxSecret    = 128     // auth.RandomSecret has 43
	MinNonce     = 22      // 128 random bits in base64url
	maxNonce     = 128     // enough for any habit
	MaxName      = 64      // one line of a roster
	maxText      = 1000    // a short message; nothing is kept of it
	maxTargets   = 256     // above the largest waiting room
	maxViews     = 64      // of each list: above the slots of the largest offer
	maxPixels    = 16384   // an edge of a picture: no codec we speak codes a longer one (RFC 6386, section 9.1: 14 bits)
	maxPasscode  = 128     // auth.MaxPasscode
	hashLength   = 64      // SHA-256 in hex
	maxScopes    = 2       // how many scopes of consent there are
	maxExtension = 60      // minutes of one room.extend: the longest that runs over by plan
	maxMID       = 16      // RFC 8843, section 14.1: the mid extension is short; browsers write a number
)

// Pace of messages (PROTOCOL.md, section 1): a token bucket.
const (
	burst      = 60 // a page that enters sends some 20 at once
	perSecond  = 20 // a person clicks slower; view changes are coalesced by the client
	maxRefused = 60 // refused in a row: the client does not listen, so the connection goes
	freePings  = 2  // pings that cost nothing at once, one more each pingInterval: a slow network delivers two together
)

// Times.
const (
	helloTimeout = 5 * time.Second // a page says hello at once; the rest are scanners
	pingInterval = 5 * time.Second // finds a dead connection in 15 s, at 30 bytes a second
	// silentPings times pingInterval without a message: two pings may be lost to a dead spot before the third counts.
	silentPings = 3
	// requestTimeout bounds the wait for the media plane; an act there takes milliseconds, so above this something is broken.
	requestTimeout = 10 * time.Second
	// writeTimeout bounds one write: a peer that takes nothing for so long has lost its network, and will resume.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long we read on after our close frame, so that the peer sees the code and no TCP reset.
	closeTimeout = 2 * time.Second

	retryUnavailable = 1000 // ms: a full mailbox empties faster
	// retryDraining in ms: who has a seat is back in it within 5 s of a restart, so nobody may wait much of that.
	retryDraining = 1000
)

// Limits of connections.
const (
	// maxPreAuth bounds connections that have not said hello: some 64 KiB each, so 32 MiB in all.
	// When there are so many, the idle one of the heaviest source goes for the newest.
	maxPreAuth = 512
	// maxQueuedFrames and maxQueuedBytes bound what waits for a slow reader: a full picture of the largest room many times.
	maxQueuedFrames = 512
	maxQueuedBytes  = 1 << 20
	// maxAnswers and maxAnswerBytes bound the memory of answers of one session (PROTOCOL.md, section 2).
	maxAnswers     = 64
	maxAnswerBytes = 256 << 10
	// auditedRefusals are entries of their own in a minute, of each who is refused: mistakes of people, and enough to see what an attack is.
	auditedRefusals = 5
	// maxRefusalKeys bounds who is counted apart: above the seats of a busy daemon, 100 bytes each.
	maxRefusalKeys = 4096
	// maxHelloAttempts bounds the tokens whose hello may come again: 200 bytes each, gone with the client's next frame.
	maxHelloAttempts = 4096
	// socketBuffer is the read and the write buffer of one connection; messages above it take several system calls.
	socketBuffer = 4 << 10
)

// Limits of HTTP.
const (
	headerTimeout  = 5 * time.Second  // the request line and headers
	requestReadMax = 10 * time.Second // no request has a body, but small ones of the admin API
	responseMax    = 60 * time.Second // the bundle over a slow mobile line; above requestTimeout, so that who waited is answered
	idleTimeout    = 60 * time.Second
	maxHeaderBytes = 16 << 10 // a token in Authorization and what proxies add
	maxBody        = 16 << 10 // of the admin API: 256 ids of participants fit
	// complainEvery is how often the log names one mistake of a proxy: everybody who wants in meets it.
	logReasonEvery = time.Minute
	maxForwarded   = 16 // entries of X-Forwarded-For that are looked at: no sane chain is longer
)

// What the client shall send, at most: bit/s and pictures per second. Talking heads in a group of tiles need no more, and
// twelve of them must fit through a home line.
const (
	microphoneBitrate = 32_000
	cameraFramerate   = 30
	screenBitrate     = 1_500_000
	screenFramerate   = 15
)

// cameraEncodings is the simulcast of a camera (RFC 8853), the lowest first: a quarter, half and all of its height. Each step
// has four times the pixels and needs about three times the bits; what nobody watches is not sent (encodings.wanted).
var cameraEncodings = []struct {
	rid            string
	scale, bitrate int
}{{"q", 4, 100_000}, {"h", 2, 300_000}, {"f", 1, 900_000}}
