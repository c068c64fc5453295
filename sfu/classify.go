package sfu

import (
	"bytes"
	"encoding/binary"
)

// A class is the protocol of a datagram, by its first bytes (RFC 7983; RFC 5761, section 4, for RTCP).
type class uint8

const (
	classOther class = iota
	classSTUN
	classDTLS
	classRTP
	classRTCP
)

func classify(b []byte) class {
	if len(b) < 2 {
		return classOther
	}
	switch c := b[0]; {
	case c <= 3:
		return classSTUN
	case c >= 20 && c <= 63:
		return classDTLS
	case c >= 128 && c <= 191:
		if t := b[1] & 0x7f; t >= 64 && t <= 95 {
			return classRTCP
		}
		return classRTP
	}
	return classOther
}

// STUN (RFC 8489, section 5 and 14.3).
const (
	stunHeader   = 20
	stunCookie   = 0x2112A442
	stunUsername = 0x0006
	stunRequest  = 0x0001 // Binding
	stunSuccess  = 0x0101
)

// stunKind reads the type of a message that is one by its header.
func stunKind(b []byte) (kind uint16, ok bool) {
	if len(b) < stunHeader || binary.BigEndian.Uint32(b[4:]) != stunCookie || int(binary.BigEndian.Uint16(b[2:]))+stunHeader != len(b) {
		return 0, false
	}
	return binary.BigEndian.Uint16(b), true
}

// stunUfrag reads our half of the USERNAME of a binding request: "ours:theirs" (RFC 8445, section 7.2.2).
func stunUfrag(b []byte) ([]byte, bool) {
	if _, ok := stunKind(b); !ok {
		return nil, false
	}
	for rest := b[stunHeader:]; len(rest) >= 4; {
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		padded := (size + 3) &^ 3
		if 4+padded > len(rest) {
			return nil, false
		}
		if kind == stunUsername {
			ours, _, ok := bytes.Cut(rest[4:4+size], []byte(":"))
			return ours, ok && len(ours) > 0
		}
		rest = rest[4+padded:]
	}
	return nil, false
}
