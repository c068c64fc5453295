package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// Messages on a stream (RFC 8656, section 12.5; RFC 8489, sections 5 and 14).
const (
	stunHeader    = 20
	stunCookie    = 0x2112A442
	channelHeader = 4
)

// allowedMethods are the types of STUN messages that a client of ours sends: Binding, Allocate, Refresh, CreatePermission and ChannelBind
// requests, and Send indications. TCP allocations (RFC 6062) are not supported.
var allowedMethods = []uint16{0x0001, 0x0003, 0x0004, 0x0008, 0x0009, 0x0016}

// allocateRequest is the first message of a client.
const allocateRequest = 0x0003

// Success responses that say how long an allocation lives.
const (
	allocateSuccess = 0x0103
	refreshSuccess  = 0x0104
)

var errMessage = errors.New("relay: not a message of TURN")

// messageSize returns the length of the message that begins with these bytes, eight at least of STUN, and how many bytes of padding follow it
// on a stream.
func messageSize(head []byte) (length, padding int, err error) {
	length = int(binary.BigEndian.Uint16(head[2:]))
	switch head[0] >> 6 {
	case 0: // STUN
		if len(head) < 8 || length%4 != 0 || binary.BigEndian.Uint32(head[4:]) != stunCookie || !slices.Contains(allowedMethods, binary.BigEndian.Uint16(head)) {
			return 0, 0, errMessage
		}
		length += stunHeader
	case 1: // ChannelData
		padding = -length & 3
		length += channelHeader
	default:
		return 0, 0, errMessage
	}
	if length > maxMessage {
		return 0, 0, errMessage
	}
	return length, padding, nil
}

// datagramMessage returns the message that a datagram consists of. Padding of ChannelData is optional there (RFC 8656, section 12.5).
func datagramMessage(b []byte) ([]byte, error) {
	if len(b) < channelHeader {
		return nil, errMessage
	}
	length, padding, err := messageSize(b)
	if err != nil || len(b) < length || len(b) > length+padding {
		return nil, errMessage
	}
	return b[:length], nil
}

// readMessage reads one whole message into b and returns its length. It checks the lengths itself: pion's framing computes them in 16 bits
// and loops forever on a message that claims 65516 bytes.
func readMessage(r *bufio.Reader, b []byte) (int, error) {
	head, err := r.Peek(channelHeader)
	if err != nil {
		return 0, err
	}
	if head[0]>>6 == 0 {
		if head, err = r.Peek(8); err != nil {
			return 0, err
		}
	}
	length, padding, err := messageSize(head)
	if err != nil || length > len(b) {
		return 0, errMessage
	}
	if _, err := io.ReadFull(r, b[:length]); err != nil {
		return 0, err
	}
	_, err = r.Discard(padding)
	return length, err
}

// IsTURN reports whether a connection that begins with this byte carries TURN: all its requests begin with two zero bits and six of
// their method. HTTP begins with a letter (RFC 9112, section 3).
func IsTURN(first byte) bool { return first == 0 }
