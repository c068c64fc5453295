package client

import (
	"encoding/binary"
	"time"
)

// stampSize is how many bytes at the end of each payload are ours.
const stampSize = 16

// stampTag distinguishes our payloads from those of other clients in the same room.
const stampTag = 0xA1C0

// lateUnit is the unit of a stamp's lateness: 16 bits of it reach 0.65 s, and more than that is beyond repair anyway.
const lateUnit = 10 * time.Microsecond

// A stamp is in the last 16 bytes of a payload.
//
//	sent (8, ns) | count (4) | late (2, 10 µs) | tag (2)
type stamp struct {
	sent  time.Duration // when the packet was handed to the socket
	late  time.Duration // after it was due
	count uint32        // of this publication's packets, one up each time
}

func (s stamp) put(payload []byte) {
	b := payload[len(payload)-stampSize:]
	binary.BigEndian.PutUint64(b, uint64(s.sent))
	binary.BigEndian.PutUint32(b[8:], s.count)
	binary.BigEndian.PutUint16(b[12:], uint16(min(max(s.late, 0)/lateUnit, 0xffff)))
	binary.BigEndian.PutUint16(b[14:], stampTag)
}

func readStamp(payload []byte) (stamp, bool) {
	if len(payload) < stampSize {
		return stamp{}, false
	}
	b := payload[len(payload)-stampSize:]
	if binary.BigEndian.Uint16(b[14:]) != stampTag {
		return stamp{}, false
	}
	return stamp{
		sent:  time.Duration(binary.BigEndian.Uint64(b)),
		count: binary.BigEndian.Uint32(b[8:]),
		late:  time.Duration(binary.BigEndian.Uint16(b[12:])) * lateUnit,
	}, true
}
