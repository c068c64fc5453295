package client

import "time"

// Default sources of publishers.
const (
	// audioInterval is the frame of Opus that every browser sends.
	audioInterval = 20 * time.Millisecond
	// audioSize is 32 kbit/s at that interval with room for the stamp, in bytes. Constant: RFC 6562 wants it so.
	audioSize = 100
	// videoInterval is 30 frames a second.
	videoInterval = time.Second / 30
)

// videoSizes are the packets of one frame, sent back to back: 600 kbit/s at 30 a second, in bytes of payload.
var videoSizes = []int{1100, 1100, 300}

// Payload types of our offers; any dynamic ones would do (RFC 3551, section 3).
const (
	opusPayload = 111
	vp8Payload  = 96
)

// Header extension ids of our offers (RFC 8285).
const (
	levelExtension = 1
	twccExtension  = 2
	midExtension   = 4
)

// speechLevel is the audio level of a talking person's microphone, in -dBov (RFC 6464); silence is 127.
const speechLevel = 30

// Times.
const (
	// dialTimeout bounds the WebSocket handshake with its retries.
	dialTimeout = 20 * time.Second
	// callTimeout bounds one request; the server itself gives up after 10 s.
	callTimeout = 15 * time.Second
	// admitPause is the pause before a host retries to admit, if the server names no time; admitTries is when a host gives up.
	admitPause = 200 * time.Millisecond
	admitTries = 20
	// checkRepeat is the first pause between STUN checks; it doubles (RFC 8489, section 6.2.1 says 500 ms: loopback is faster).
	checkRepeat = 50 * time.Millisecond
	// connectTimeout bounds ICE and DTLS; the server's bound is 30 s.
	connectTimeout = 20 * time.Second
	// consentInterval of STUN checks once connected (RFC 7675, section 5.1).
	consentInterval = 5 * time.Second
	// reportInterval of sender and receiver reports.
	reportInterval = time.Second
	// feedbackInterval of transport-wide feedback, where the server asks for it: as Chromium's.
	feedbackInterval = 50 * time.Millisecond
)

// Sizes.
const (
	// readBatch is how many datagrams a light client takes at once: some frames of a few people.
	readBatch = 16
	// maxPendingSRTP bounds the packets that wait for the keys: the first frames of a full room.
	maxPendingSRTP = 128
	// maxFrame bounds one message of the server, in bytes: its own bound for ours.
	maxFrame = 512 << 10
)

// Freezes (W3C webrtc-stats, freezeCount): a gap of more than max(3 δ, δ + 150 ms), δ the mean of the last intervals.
const (
	freezeFactor  = 3
	freezeMargin  = 150 * time.Millisecond
	freezeHistory = 30
)
