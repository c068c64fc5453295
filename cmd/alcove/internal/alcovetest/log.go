package alcovetest

import (
	"bytes"
	"sync"
)

// Log takes a log from many goroutines.
type Log struct {
	mu     sync.Mutex
	buffer bytes.Buffer // Guarded by mu.
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// Reset forgets what was written.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer.Reset()
}
