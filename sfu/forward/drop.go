package forward

// A Drop names why a packet went no further; every reason has a counter.
type Drop uint8

// The closed list of reasons. Kept is none.
const (
	Kept               Drop = iota
	Malformed               // not valid RTP or RTCP
	Unknown                 // from an address without a peer
	Unauthentic             // SRTP authentication failed
	Replayed                // SRTP index seen or too old
	Unannounced             // SSRC that no publication of the plan claims
	Repeated                // a duplicate, or an RTX packet for one that arrived
	Padding                 // padding only
	Muted                   // the plan mutes this source
	Quiet                   // a microphone that is not among the loudest
	Unmapped                // no announced slot
	AwaitKey                // video that waits for a key frame
	BeforeSwitch            // older than the slot's current source
	Layer                   // of an encoding or a temporal layer that this slot does not show
	Bandwidth               // the subscriber's path has no room
	PacerFull               // a frame of video that would wait too long for the subscriber's path
	SocketFull              // the kernel took no more (EAGAIN)
	SendRefused             // the kernel refused the destination
	HistoryGone             // requested again after it left the history
	NackLimit               // requested again too often
	NackLate                // a repeat would be of no use: sound that is played by then, video that is paused
	PathMTU                 // larger than the subscriber's path is known to take
	RateLimit               // more than the publication may send
	ControlLimit            // more RTCP than one peer needs
	Oversized               // STUN or DTLS that is larger than any client's
	KeyUsedUp               // the SRTP key must not be used any more (RFC 3711, section 9.2), which ends the peer
	AddressHeld             // a check from an address that another peer proved
	RepeatedCheck           // a check that was received from another address before
	UnvalidatedAddress      // an answer to an unvalidated address that got three times the bytes it sent
	Panic                   // a panic, which closed the peer
	NumDrops                // how many there are
)

var dropNames = [NumDrops]string{
	"kept", "malformed", "unknown_address", "unauthentic", "replayed", "unannounced", "repeated", "padding", "muted", "quiet",
	"unmapped", "await_key", "before_switch", "layer", "bandwidth", "pacer_full", "socket_full", "send_refused", "history_gone", "nack_limit", "nack_late", "path_mtu", "rate_limit", "control_limit", "oversized", "key_used_up",
	"address_held", "repeated_check", "unproved_address", "panic",
}

func (d Drop) String() string { return dropNames[d] }
