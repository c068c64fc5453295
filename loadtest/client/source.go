package client

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"alcove/loadtest/pace"
)

// A Shape says what one publication sends.
type MediaProfile struct {
	Interval time.Duration // between frames
	Sizes    []int         // bytes of payload of a frame's packets, sent back to back
	Frame    []byte        // what each frame is, without stamps; nil: noise of Sizes
	Level    uint8         // of sound, in -dBov (RFC 6464); 0: speech
}

// Microphone is Opus at constant bit rate; Camera is VP8 of 600 kbit/s at 30 pictures a second.
func Microphone() MediaProfile { return MediaProfile{Interval: audioInterval, Sizes: []int{audioSize}} }

// Camera is one picture of 1,100 + 1,100 + 300 bytes 30 times a second.
func Camera() MediaProfile { return MediaProfile{Interval: videoInterval, Sizes: videoSizes} }

// A source makes the frames of one publication. Owned by the pacer, but for what is atomic.
type source struct {
	profile MediaProfile
	video   bool
	ssrc    uint32
	begin   time.Duration // first frame was due
	base    uint32        // RTP time then
	count   uint32        // packets so far
	seq     uint64        // extended; also the SRTP index
	pics    uint16
	bufs    [][]byte // one for each packet of a frame

	packets, octets uint32 // for sender reports
	lastTS          uint32

	muted     atomic.Bool
	keyWanted atomic.Bool
	firstSent atomic.Int64 // pace.Now() of the first packet
	sent      atomic.Uint64
}

func newSource(shape MediaProfile, video bool, random *rand.Rand) *source {
	s := &source{profile: shape, video: video, ssrc: random.Uint32() | 1, base: random.Uint32(), seq: uint64(random.Uint32N(1 << 14))}
	for _, size := range shape.Sizes {
		b := make([]byte, max(size, descriptorSize+10+stampSize))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if !video {
			b[0] = 0x78 // Opus: CELT, 20 ms, mono, one frame (RFC 6716, section 3.1)
		}
		s.bufs = append(s.bufs, b)
	}
	if shape.Level == 0 {
		s.profile.Level = speechLevel
	}
	if shape.Frame != nil {
		s.bufs = packetize(shape.Frame, video)
	}
	s.keyWanted.Store(true) // a stream begins with a key frame
	return s
}

// clockRate of RTP (RFC 7587, section 4.1; RFC 7741, section 4.1).
func (s *source) clockRate() int64 {
	if s.video {
		return 90000
	}
	return 48000
}

// timestamp is the RTP time of a moment.
func (s *source) timestamp(at time.Duration) uint32 {
	return s.base + uint32(int64(at-s.begin)*s.clockRate()/int64(time.Second))
}

// prepare fills the frame's payloads but for their stamps.
func (s *source) prepare(due time.Duration) (timestamp uint32) {
	if s.begin == 0 {
		s.begin = due
	}
	if s.video {
		key := s.keyWanted.Swap(false)
		s.pics = (s.pics + 1) & 0x7fff
		for i, b := range s.bufs {
			putDescriptor(b, i == 0, s.pics)
			if i == 0 && s.profile.Frame == nil {
				putFrame(b, key)
			}
		}
	}
	s.lastTS = s.timestamp(due)
	return s.lastTS
}

// stamped puts the stamp into packet i of the frame.
func (s *source) stamped(i int, due time.Duration) []byte {
	now := pace.Now()
	b := s.bufs[i]
	if s.profile.Frame == nil {
		stamp{sent: now, late: now - due, count: s.count}.put(b)
	}
	s.count++
	s.packets++
	s.octets += uint32(len(b))
	s.sent.Add(1)
	if s.firstSent.Load() == 0 {
		s.firstSent.Store(int64(now))
	}
	return b
}

// ntp is a moment of the wall clock as NTP time (RFC 5905, section 6).
func ntp(t time.Time) uint64 {
	const epoch1970 = 2208988800
	ns := uint64(t.UnixNano())
	return (ns/1e9+epoch1970)<<32 | ns%1e9<<32/1e9
}

// appendExtension writes the header extension block of a packet (RFC 8285, section 4.2) and returns the longer slice.
func appendExtension(b []byte, video bool, level uint8, twcc uint16) []byte {
	if video {
		b = append(b, 0xbe, 0xde, 0, 1, twccExtension<<4|1)
		return append(binary.BigEndian.AppendUint16(b, twcc), 0)
	}
	b = append(b, 0xbe, 0xde, 0, 2, levelExtension<<4, 0x80|level, twccExtension<<4|1)
	return append(binary.BigEndian.AppendUint16(b, twcc), 0, 0, 0)
}
