package client

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"alcove/loadtest/pace"
)

// A MediaProfile describes the media of one publication.
type MediaProfile struct {
	Interval time.Duration // between frames
	Sizes    []int         // bytes of payload of a frame's packets, sent back to back
	Frame    []byte        // content of each frame, without stamps; nil: noise of Sizes
	Level    uint8         // of audio, in -dBov (RFC 6464); 0: speech
	Sealed   bool          // frames have the shape of SFrame
	MID      bool          // packets name their m-line (RFC 9143, section 15), so that their SSRC may change
}

// Microphone is Opus at constant bit rate; Camera is VP8 of 600 kbit/s at 30 frames a second.
func Microphone() MediaProfile { return MediaProfile{Interval: audioInterval, Sizes: []int{audioSize}} }

// Camera is one frame of 1,100 + 1,100 + 300 bytes 30 times a second.
func Camera() MediaProfile { return MediaProfile{Interval: videoInterval, Sizes: videoSizes} }

// A source generates the frames of one publication. Owned by the pacer, except for atomic fields.
type source struct {
	profile MediaProfile
	video   bool
	ssrc    uint32
	// announced is the first SSRC, as in the offer.
	announced uint32
	begin     time.Duration // first frame was due
	base      uint32        // RTP time then
	count     uint32        // packets so far
	seq       uint64        // extended; also the SRTP index
	pics      uint16
	bufs      [][]byte // one for each packet of a frame
	leaf      uint32   // in the KID of sealed frames
	counter   uint32   // of sealed frames
	mid       string   // of its m-line. Set before the first packet

	packets, octets uint32 // for sender reports
	lastTS          uint32

	muted     atomic.Bool
	keyWanted atomic.Bool
	renewals  atomic.Int64 // how many other SSRCs it shall have had
	renewed   atomic.Int64 // and has had
	firstSent atomic.Int64 // pace.Now() of the first packet
	sent      atomic.Uint64
}

func newSource(shape MediaProfile, video bool, random *rand.Rand) *source {
	s := &source{profile: shape, video: video, ssrc: random.Uint32() | 1, base: random.Uint32(), seq: uint64(random.Uint32N(1 << 14))}
	s.announced, s.leaf = s.ssrc, random.Uint32N(256)
	if shape.Sealed {
		shape.Sizes = sealedSizes(shape.Sizes, video)
		if shape.Frame != nil {
			shape.Frame = sealedFrame(shape.Frame, video)
		}
	}
	for _, size := range shape.Sizes {
		b := make([]byte, max(size, descriptorSize+outerKey+sframeHeader+stampSize))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if !video && !shape.Sealed {
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
	key := false
	if s.video {
		key = s.keyWanted.Swap(false)
		s.pics = (s.pics + 1) & 0x7fff
		for i, b := range s.bufs {
			putDescriptor(b, i == 0, s.pics)
			if i == 0 && s.profile.Frame == nil {
				putFrame(b, key)
			}
		}
	}
	if s.profile.Sealed {
		s.putSealedHeader(key || s.profile.Frame != nil)
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

// renew goes on under another SSRC, if it shall: with other numbers, as a browser that begins its microphone anew (RFC 3550, section 8).
func (s *source) renew() {
	done := s.renewed.Load()
	if done >= s.renewals.Load() {
		return
	}
	s.ssrc = s.ssrc*2654435761 | 1
	s.seq = (s.seq*7919 + 100) % (1 << 14)
	s.packets, s.octets = 0, 0
	s.renewed.Store(done + 1)
}

// ntp is a moment of the wall clock as NTP time (RFC 5905, section 6).
func ntp(t time.Time) uint64 {
	const epoch1970 = 2208988800
	ns := uint64(t.UnixNano())
	return (ns/1e9+epoch1970)<<32 | ns%1e9<<32/1e9
}

// appendExtension writes the header extension block of a packet (RFC 8285, section 4.2) and returns the longer slice. mid is of one
// character, or empty.
func appendExtension(b []byte, video bool, level uint8, twcc uint16, mid string) []byte {
	b = append(b, 0xbe, 0xde, 0, 0)
	words, start := len(b)-1, len(b)
	if !video {
		b = append(b, levelExtension<<4, 0x80|level)
	}
	b = binary.BigEndian.AppendUint16(append(b, twccExtension<<4|1), twcc)
	if mid != "" {
		b = append(b, midExtension<<4, mid[0])
	}
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	b[words] = byte((len(b) - start) / 4)
	return b
}
