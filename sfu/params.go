package sfu

import "time"

// Limits of one peer. They bound what a hostile client can make the daemon hold.
const (
	MaxLines = 100 // m-lines of an offer: 30 people in pairs, own sources and screens, twice over
	maxMID   = 16  // characters: RFC 8843 asks for short ones, the header extension holds no more
	// maxPaths are as many addresses as are known of one client: those of its interfaces, and where it was within the last half minute.
	maxPaths = 32
	// seenChecks are as many checks as are remembered to tell a repeat from elsewhere: browsers send some 20 a second at first, then
	// one in 2.5 s. An older one that is repeated only makes the server ask.
	seenChecks = 64
	// strayTries a second, and at once, look whether RTP from an unknown address is of a client whose address changed. Strangers can use
	// them up; then media moves with the client's next check.
	strayTries = 20
	// repeatedChecks of a peer are answered within a second, and at once.
	repeatedChecks = 8
	// maxAmplification is how many times the bytes that came from an address may go there before it is validated (RFC 9000, section 8.1).
	maxAmplification = 3
	maxCodecs        = 8  // entries of one m-line's rtcp-fb that are read: browsers name each payload type once
	maxRIDs          = 3  // encodings of a simulcast, as browsers send
	maxRID           = 16 // characters (RFC 8851, section 10)
	maxPeerSSRCs     = 32 // incoming SSRCs that are known at once: 13 that are in use, and those that were replaced last
)

// Times of the handshake and of consent.
const (
	// handshakeLimit is how long ICE and DTLS may take from the answer on.
	handshakeLimit = 30 * time.Second
	// consentLimit is how long media goes on without an answer of the client to our requests (RFC 7675, section 5.1), and how long
	// no other peer can take over a validated address.
	consentLimit = 30 * time.Second
	// consentInterval is how often we ask for it, on average (RFC 7675, section 5.1).
	consentInterval = 5 * time.Second
	// validationFresh is how old a validation may be for media to move to its address at once; an older one is asked for again first.
	validationFresh = 2 * time.Second
	// responseWindow is how late a response may come: longer than any round trip in which a conversation is possible.
	responseWindow = 5 * time.Second
	// validationRetry is the pause before an address is asked again: the first round trip of ICE is expected to take less (RFC 8445,
	// section 14.3, would wait for 500 ms; a client whose network changed gets no media meanwhile).
	validationRetry = 250 * time.Millisecond
)

// The worker's clock.
const (
	// tick is how often timers are looked at while anybody is connected: as often as feedback leaves.
	tick = feedbackInterval
	// lossTick is how often while packets are missing: NACKs want 10 ms.
	lossTick = 10 * time.Millisecond
	// feedbackInterval of transport-wide feedback: Chromium ramps up within a second at 50 ms.
	feedbackInterval = 50 * time.Millisecond
	// keyFrameRepeat: Chromium ignores a PLI within 300 ms of the last one.
	keyFrameRepeat = 350 * time.Millisecond
	// reportInterval of sender and receiver reports: often enough for lip-sync soon after a slot changed hands.
	reportInterval = time.Second
	// speakersInterval is how often the list of speakers may change.
	speakersInterval = 200 * time.Millisecond
	// aliveFor is how long after its last packet an encoding counts as sent.
	aliveFor = time.Second
	// videoPause is a gap that counts as none of the time in which a peer was sent video.
	videoPause = time.Second
	// pauseAfter is how long an encoding has no receiver before its sender may pause it.
	pauseAfter = 2 * time.Second
	// fallbackAfter is how long a client may take to send the encoding that is wanted, before it is asked for lesser ones beside it: a
	// camera that starts, or a view that grows, does not need them.
	fallbackAfter = 2 * time.Second
	// absentAfter is how long an encoding may be wanted in vain, while another comes, until it counts as one that the client does not
	// make: a camera is too small for it. Longer than a path takes to grow by one.
	absentAfter = 6 * time.Second
	// absentFor is how long it then counts as that; after it it is wanted again, for the camera may be another one now, or the path was
	// too narrow.
	absentFor = 15 * time.Second
	// maxVoices is how many microphones are forwarded at once, the loudest first.
	maxVoices = 16
	// maxSpeakers are named at once.
	maxSpeakers = 3
)

// resumeShare is how much of the estimate everybody's lowest layers may take for a paused video to come back: rates change from second to
// second, and each return costs a key frame.
const resumeShare = 0.9

// maxUpscale is how far an encoding is scaled up before a larger one is requested.
const maxUpscale = 1.34

// Limits of what one publication may send, headers, padding and repeats included: what is above is dropped on arrival. Audio gets four times
// what the page sends.
const (
	audioBits    = 128_000
	audioPackets = 200             // a second: Opus of 5 ms
	audioBurst   = 2 * time.Second // what a path holds back and delivers at once
	// Video may be twice the announced bitrate: key frames, repeats, and the padding with which browsers probe the path.
	videoShare = 2
	videoBurst = time.Second
	// minMeanPacket is the mean size of video packets, in bytes, below which their number is limited: each costs all receivers, and
	// this host, as much as a large one. The padding with which Chromium probes is of 224 bytes.
	minMeanPacket = 200
	// defaultVideoBits is for video without an announced bitrate.
	defaultVideoBits = 2_500_000
	// A peer's RTCP: in a group of thirty on a path with much loss a browser sends some 300 requests for repeats a second, of 100
	// bytes at most.
	controlBits    = 1_000_000
	controlPackets = 1000
)

// Times of what is above its limit.
const (
	// excessPause is how long nothing may be dropped until the next drop begins a new excess: of audio that is 1 % above the limit, one
	// packet of two seconds is dropped.
	excessPause = 2 * time.Second
	// excessReported is how long an excess lasts until the room is notified; excessRepeat is the interval after that.
	excessReported = time.Second
	excessRepeat   = 10 * time.Second
	// audioWithheld is how long audio may stay above its limit until the publication is withheld.
	audioWithheld = 5 * time.Second
)

// copyDistances are how many packets behind the newest one copies leave.
var copyDistances = [...]uint64{1, 3}

// Queues.
const (
	// pipeQueue bounds DTLS datagrams that wait for pion. Full: the datagram is dropped, for DTLS repeats.
	pipeQueue = 32
	// maxSTUN and maxDTLS are the largest datagrams that are copied for pion, in bytes: the kernel may join datagrams of unknown senders into
	// 64 KiB, and 32 of those wait for each connection. A check holds our name and one of up to 256 characters (RFC 8445, section 5.3), 273
	// bytes, and some 150 more; DTLS flights are cut to what an Ethernet frame holds.
	maxSTUN = 800
	maxDTLS = 1472
	// readBatch is how many datagrams are taken at once.
	readBatch = 32
)

// Starts from history.
const (
	// maxReplayAge is the oldest key frame that a slot starts with. After keyFrameRepeat another may be asked for, and comes before a small
	// device has decoded what follows an older one, of everybody in the room at once.
	maxReplayAge = keyFrameRepeat + 150*time.Millisecond
	// maxClimbAge is the same where the slot shows a lower layer meanwhile: nobody waits, so a few frames are worth decoding twice, not more.
	maxClimbAge = 250 * time.Millisecond
	// maxReplayBurst is how much of it a peer may get at once: what its path carries in half a second. A join into a room of eight takes
	// seven key frames and a quarter of a second of seven cameras. More would wait in front of what is live: then a key frame is requested,
	// which all who wait for one share.
	maxReplayBurst = 500 * time.Millisecond
	// replayShare is the part of the path that replays may take in the long run: a quarter.
	replayShare = 4
	// replaySpeed is how many times the rate of the path may leave in a replay: the bound above makes it short. A slow path still gets
	// minReplayQuantum bytes each 10 ms, some ten packets.
	replaySpeed      = 2
	minReplayQuantum = 12_000
)

// Bounds on what one receiver can ask for.
const (
	// nackBudget is how many packets a second may be sent again to one peer, and how many at once: 5 Mbit/s of repeats.
	nackBudget = 500
	// On a narrow path retransmissions get at most half of the video bandwidth, of packets of 1000 bytes: what fills it is lost again, and audio
	// with it. A few are always mended.
	nackShare = 2 * 8 * 1000
	nackLeast = 20
	nackBurst = 64 // at once, on the narrowest: a key frame
	// audioNackRTT is the round trip up to which sound is asked for again and sent again: what takes longer is played already. Browsers hold
	// sound back for 60 to 200 ms where packets come late.
	audioNackRTT = 150 * time.Millisecond
	// audioNacks is how often one packet of sound is asked for, which takes twice its round trip.
	audioNacks = 2
	// Repeats of sound have a budget of their own, so that a burst of lost pictures cannot use it up: of the sound that was sent, which
	// is 20 % loss where repeats get lost as well, and some at once.
	audioNackShare = 0.25
	audioNackBurst = 32 // 640 ms of one voice
	// soundReportGap is how far apart two reports on sound may be: browsers that receive no pictures report each five seconds, within 0.5 to
	// 1.5 times of that (RFC 3550, section 6.2).
	soundReportGap = 16 * time.Second
	// maxSoundCopies is how many packets of sound a second may leave once more, unasked, to one receiver: those of two or three voices, about
	// 150 kbit/s. Where more microphones are on, each gets its share by chance.
	maxSoundCopies = 150
	// maxCopiedShare is how much of the path sound may take so that it is copied.
	maxCopiedShare = 0.25
	// minKeyFrameGap is the minimum time between key frame requests of one receiver; more frequent ones are ignored.
	minKeyFrameGap = keyFrameRepeat
)
