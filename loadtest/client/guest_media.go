package client

import (
	"embed"
	"fmt"
	"time"
)

// Guests cost little, but a decoder shows their video and plays their audio. Each frame is a key frame, so any
// may be lost and any may be the first.
const (
	faceInterval    = 250 * time.Millisecond
	silenceInterval = 120 * time.Millisecond // the longest packet that Opus has (RFC 6716, section 3.2.5)
	faces           = 6
	quietLevel      = 90 // -dBov of a silent room (RFC 6464)
)

//go:embed faces/*.vp8
var faceFiles embed.FS

// silence is 6 empty frames of 20 ms at constant bit rate (RFC 6716, section 3.2.5).
var silence = []byte{0xfb, 6, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe}

// Face is a drawn person of 320 × 180 (VP8), one of a few by number: 50 kbit/s.
func Face(number int) MediaProfile {
	frame, err := faceFiles.ReadFile(fmt.Sprintf("faces/%d.vp8", number%faces+1))
	if err != nil {
		panic(err) // embedded
	}
	return MediaProfile{Interval: faceInterval, Frame: frame}
}

// Silence is a microphone that is on: 1 kbit/s of Opus. speaking is the audio level in its packets.
func Silence(speaking bool) MediaProfile {
	s := MediaProfile{Interval: silenceInterval, Frame: silence, Level: quietLevel}
	if speaking {
		s.Level = speechLevel
	}
	return s
}

// packetize splits a frame into payloads; each video payload begins with a descriptor.
func packetize(frame []byte, video bool) [][]byte {
	if !video {
		return [][]byte{frame}
	}
	var bufs [][]byte
	for rest := frame; len(rest) > 0; {
		n := min(len(rest), facePacket)
		bufs = append(bufs, append(make([]byte, descriptorSize), rest[:n]...))
		rest = rest[n:]
	}
	return bufs
}

// facePacket is the payload size of one packet of a frame, in bytes.
const facePacket = 1000
