package api

import "time"

const (
	// requestTimeout bounds the wait for rooms and disks.
	requestTimeout = 10 * time.Second
	// maxBody holds 256 IDs of participants.
	maxBody = 16 << 10
	// maxSubject is the length of a sub, a jti or the name of a room, in code points.
	maxSubject = 256
)
