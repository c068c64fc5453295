package client

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// TestSealedFrameFormat checks that each sealed frame keeps the leading bytes of its codec, has an SFrame header of 8 bytes whose counter
// never repeats, and grows by the size of the encryption overhead, so that a server still recognizes key frames and their size.
func TestSealedFrameFormat(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shape MediaProfile
		video bool
		more  int // bytes of a frame beside a plain one
	}{
		{"audio", Microphone(), false, sframeHeader + sframeTag},
		{"video", Camera(), true, sframeHeader + sframeTag + outerDelta},
		{"a face", Face(1), true, sframeHeader + sframeTag + outerKey},
		{"silence", Silence(true), false, sframeHeader + sframeTag},
	} {
		t.Run(tt.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			plain := newSource(tt.shape, tt.video, random)
			tt.shape.Sealed = true
			s := newSource(tt.shape, tt.video, random)
			if got := frameSize(s) - frameSize(plain); got != tt.more {
				t.Errorf("%d bytes more, want %d", got, tt.more)
			}
			for frame := range 3 {
				if frame == 2 {
					s.keyWanted.Store(true)
				}
				s.prepare(time.Duration(frame) * time.Second)
				payload, key := s.bufs[0], false
				if tt.video {
					key = frame != 1 || tt.shape.Frame != nil
					if keyFrame(payload) != key {
						t.Fatalf("frame %d is read as a key frame: %v", frame, !key)
					}
					payload = payload[descriptorSize:]
					if key {
						payload = payload[outerKey:]
					} else if payload = payload[outerDelta:]; s.bufs[0][descriptorSize] != 0x01 {
						t.Errorf("frame %d begins with %#x", frame, s.bufs[0][descriptorSize])
					}
				}
				kid, counter := binary.BigEndian.Uint32(payload[1:]), binary.BigEndian.Uint32(payload[4:])&0xffffff
				stream := uint32(0)
				if tt.video {
					stream = 1
				}
				if payload[0] != 0xba || kid>>31 != 1 || kid>>28&7 != stream || counter != firstCounter+uint32(frame)+1 {
					t.Errorf("frame %d: header % x", frame, payload[:sframeHeader])
				}
			}
		})
	}
}

func frameSize(s *source) (n int) {
	for _, b := range s.bufs {
		n += len(b)
		if s.video {
			n -= descriptorSize
		}
	}
	return n
}
