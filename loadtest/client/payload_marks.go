package client

import (
	"bytes"
	"slices"
	"time"
)

// markSize is the number of random bytes that distinguish the payloads of one source.
const markSize = 24

// Marks are the bytes that stand before the stamp in every payload of the member's sources on this connection: to find in what a
// server stored what must not be there.
func (m *Member) Marks() (audio, video [][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sources {
		for _, b := range s.bufs {
			mark := slices.Clone(b[len(b)-stampSize-markSize : len(b)-stampSize])
			if s.video {
				video = append(video, mark)
			} else {
				audio = append(audio, mark)
			}
		}
	}
	return audio, video
}

// FindMarks returns when each payload with this mark that is in data in clear was sent, by pace.Now.
func FindMarks(data, mark []byte) (sent []time.Duration) {
	for {
		i := bytes.Index(data, mark)
		if i < 0 {
			return sent
		}
		data = data[i+len(mark):]
		if len(data) < stampSize {
			return sent
		}
		if s, ok := readStamp(data[:stampSize]); ok {
			sent = append(sent, s.sent)
		}
	}
}
