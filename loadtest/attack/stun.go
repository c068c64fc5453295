package attack

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"hash/crc32"
)

// STUN by hand (RFC 8489; RFC 8445, section 16.1).
const (
	bindingRequest = 0x0001
	bindingSuccess = 0x0101

	attrUsername     = 0x0006
	attrIntegrity    = 0x0008
	attrPriority     = 0x0024
	attrUseCandidate = 0x0025
	attrFingerprint  = 0x8028
	attrControlling  = 0x802a

	stunHeader = 20
	stunCookie = 0x2112a442
	stunXOR    = 0x5354554e // of FINGERPRINT
)

// A Check is a Binding request; its fields may be anything, true or not.
type Check struct {
	Username string // the server's ufrag, a colon, the client's
	Password string // of MESSAGE-INTEGRITY: the server's, from its answer
	Nominate bool   // USE-CANDIDATE
	ID       []byte // 12 bytes, nil: random
}

// Bytes writes the check.
func (c Check) Bytes() []byte {
	id := c.ID
	if id == nil {
		id = make([]byte, 12)
		rand.Read(id)
	}
	b := stunMessage(bindingRequest, id)
	b = stunAttribute(b, attrUsername, []byte(c.Username))
	b = stunAttribute(b, attrPriority, []byte{0x6e, 0, 0x1e, 0xff})
	b = stunAttribute(b, attrControlling, []byte{0, 0, 0, 0, 0, 0, 0, 1})
	if c.Nominate {
		b = stunAttribute(b, attrUseCandidate, nil)
	}
	return stunSeal(b, c.Password)
}

func stunMessage(kind uint16, id []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, stunCookie)
	return append(b, id...)
}

// stunAttribute appends one attribute, padded, and counts it in the header.
func stunAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader))
	return b
}

// stunSeal appends MESSAGE-INTEGRITY (RFC 8489, section 14.5) and FINGERPRINT (section 14.7). Each counts itself in the length.
func stunSeal(b []byte, password string) []byte {
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader+24))
	mac := hmac.New(sha1.New, []byte(password))
	mac.Write(b)
	b = stunAttribute(b, attrIntegrity, mac.Sum(nil))
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader+8))
	return stunAttribute(b, attrFingerprint, binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)^stunXOR))
}

// stunKind is the type of a message.
func stunKind(b []byte) uint16 {
	if len(b) < stunHeader {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// stunValue finds an attribute.
func stunValue(b []byte, kind uint16) ([]byte, bool) {
	if len(b) < stunHeader {
		return nil, false
	}
	for rest := b[stunHeader:]; len(rest) >= 4; {
		size := int(binary.BigEndian.Uint16(rest[2:]))
		padded := 4 + (size+3)&^3
		if padded > len(rest) {
			return nil, false
		}
		if binary.BigEndian.Uint16(rest) == kind {
			return rest[4 : 4+size], true
		}
		rest = rest[padded:]
	}
	return nil, false
}
