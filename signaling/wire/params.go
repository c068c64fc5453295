package wire

// Subprotocol is the WebSocket subprotocol that both sides name in the handshake (RFC 6455, section 1.9).
const Subprotocol = "alcove.v1"

// Limits of messages (PROTOCOL.md, section 1), in bytes.
const (
	// MaxFrameWaiting holds a hello with the largest token (8 KiB) and a name. Nothing larger is read before admission.
	MaxFrameWaiting = 16 << 10
	// MaxFrameAdmitted holds an offer of maxLines m-lines: browsers write up to 5 KiB a line.
	MaxFrameAdmitted = 512 << 10
)

// Limits of the shape of a frame.
const (
	// maxDepth is far above what the protocol nests (4). It bounds the stack that hostile nesting can cost.
	maxDepth = 16
	// maxFields bounds the fields of one object: the largest of the protocol has four.
	maxFields = 64
	// maxLines bounds the m-lines of an offer: 32 pairs of slots, screens and a client's own sources fit.
	maxLines = 100
)

// Limits of fields. Strings are counted in Unicode code points.
const (
	maxRequestID = 64      // chosen by the client: a UUID and a prefix fit
	MaxID        = 128     // the server's own IDs are shorter; a SessionID joins two
	MaxToken     = 8 << 10 // auth.MaxToken: what HTTP servers carry in a header
	maxSecret    = 128     // auth.RandomSecret has 43
	MinNonce     = 22      // 128 random bits in base64url
	maxNonce     = 128
	MaxName      = 64    // one line of a roster
	maxText      = 1000  // a chat message, which is never stored
	maxTargets   = 256   // above the largest waiting room
	maxViews     = 64    // of each list: above the slots of the largest offer
	maxPixels    = 16384 // per dimension: VP8 codes it in 14 bits (RFC 6386, section 9.1)
	maxPasscode  = 128   // auth.MaxPasscode
	hashLength   = 64    // SHA-256 in hex
	maxScopes    = 2     // consent has two scopes
	maxExtension = 60    // minutes of one room.extend
	// maxAloneMinutes bounds what the last host says; the policy bounds it further.
	maxAloneMinutes = 60
	// maxE2EEVersion is far above the versions of end-to-end encryption that there will be.
	maxE2EEVersion = 1000
	maxMID         = 16 // browsers write a number (RFC 8843, section 14.1, asks for a short one)
)

// Limits of end-to-end encryption. Sizes are in characters of base64, four for three bytes.
const (
	maxKeyPackage    = 8 << 10   // with X-Wing 4 KiB
	maxGroupID       = 88        // 64 bytes
	maxCommit        = 192 << 10 // of a commit and of a welcome: with X-Wing and maxAdded newcomers 104 KiB each, both in one frame
	maxAdded         = 32        // newcomers of one commit
	maxGroupMessage  = 64 << 10  // a chat message, or the keys of a file for a group
	maxReleaseSealed = 12 << 10  // one key for several recipients, 2.3 KiB for each that resists quantum computers
	maxReleaseKeys   = 16        // a person has five streams, of which one may have two generations
	maxReleaseKey    = 80        // 60 bytes: key, salt and tag
	digestLength     = 44        // 32 bytes
	// maxNumber is the largest integer that every JSON reader holds exactly.
	maxNumber = 1<<53 - 1
)

// Delays that the server asks for with a retryable error, in ms.
const (
	retryUnavailable = 1000 // a full mailbox empties faster
	// retryDraining: seats are resumed within 5 s of a restart, so a client may not wait for much of that.
	retryDraining = 1000
)

// Bitrates in bit/s and frame rates that senders may reach at most (media.ready). Talking heads in a grid of tiles need no
// more, and twelve of them must fit through a home connection.
const (
	microphoneBitrate = 32_000
	cameraFramerate   = 30
	screenBitrate     = 1_500_000
	screenFramerate   = 15
)

// cameraEncodings is the simulcast of a camera (RFC 8853), the lowest encoding first: a quarter, half and all of its height.
// Each step has four times the pixels and needs about three times the bits. Encodings that no receiver selects are not sent
// (encodings.wanted).
var cameraEncodings = []struct {
	rid            string
	scale, bitrate int
}{{"q", 4, 100_000}, {"h", 2, 300_000}, {"f", 1, 900_000}}

// Limits of file.create.
const (
	maxFileSize       = 1 << 30   // package room/files has the limit; this bounds the number
	maxFileSealed     = 160 << 10 // characters of base64: 120 KiB, a key sealed for 64 recipients with a name and a note
	maxFileRecipients = 64        // above the largest group
)
