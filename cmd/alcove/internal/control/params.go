package control

import "time"

const (
	// DrainPoll is how often a daemon that drains, or a command that waits for it, checks who is still connected.
	DrainPoll = 200 * time.Millisecond
	// Timeout bounds one request on the control socket; a reload reads files.
	Timeout = 10 * time.Second
	// maxAnswer bounds the answers that a command reads: a reload that fails lists every wrong line.
	maxAnswer = 1 << 20
)
