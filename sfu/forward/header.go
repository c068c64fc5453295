package forward

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed reports a packet that contradicts its header.
var ErrMalformed = errors.New("forward: malformed packet")

// fixedHeaderSize is the size of an RTP header without CSRCs and extensions (RFC 3550, section 5.1), in bytes.
const fixedHeaderSize = 12

// A Header is an RTP header (RFC 3550, section 5.1), as far as forwarding needs it.
type Header struct {
	Marker      bool
	Padding     bool
	PayloadType uint8
	Seq         uint16
	Timestamp   uint32
	SSRC        uint32
	Size        int // bytes, CSRCs and extensions included

	profile    uint16
	extensions []byte // body of the extension block, a part of the packet
}

// ParseHeader reads the header of an RTP packet. Extensions of the result point into b.
func ParseHeader(b []byte) (h Header, err error) {
	if len(b) < fixedHeaderSize || b[0]>>6 != 2 {
		return h, ErrMalformed
	}
	h = Header{
		Marker: b[1]>>7 == 1, Padding: b[0]&0x20 != 0, PayloadType: b[1] & 0x7f,
		Seq: binary.BigEndian.Uint16(b[2:]), Timestamp: binary.BigEndian.Uint32(b[4:]), SSRC: binary.BigEndian.Uint32(b[8:]),
		Size: fixedHeaderSize + 4*int(b[0]&0x0f),
	}
	if b[0]&0x10 == 0 {
		if len(b) < h.Size {
			return Header{}, ErrMalformed
		}
		return h, nil
	}
	if len(b) < h.Size+4 {
		return Header{}, ErrMalformed
	}
	h.profile = binary.BigEndian.Uint16(b[h.Size:])
	words := int(binary.BigEndian.Uint16(b[h.Size+2:]))
	start := h.Size + 4
	if h.Size = start + 4*words; len(b) < h.Size {
		return Header{}, ErrMalformed
	}
	h.extensions = b[start:h.Size]
	return h, nil
}

// Profiles of RFC 8285, sections 4.2 and 4.3.
const (
	oneByteProfile = 0xBEDE
	twoByteProfile = 0x1000
)

// Extension returns the body of the header extension with this id, nil if there is none (RFC 8285).
func (h *Header) Extension(id uint8) []byte {
	switch {
	case id == 0:
		return nil
	case h.profile == oneByteProfile:
		return oneByteExtension(h.extensions, id)
	case h.profile&0xfff0 == twoByteProfile:
		return twoByteExtension(h.extensions, id)
	}
	return nil
}

func oneByteExtension(b []byte, id uint8) []byte {
	for i := 0; i < len(b); {
		if b[i] == 0 { // padding
			i++
			continue
		}
		got, size := b[i]>>4, int(b[i]&0x0f)+1
		if got == 0 || got == 15 || i+1+size > len(b) { // 15, and 0 with a length, end the block
			return nil
		}
		if got == id {
			return b[i+1 : i+1+size]
		}
		i += 1 + size
	}
	return nil
}

func twoByteExtension(b []byte, id uint8) []byte {
	for i := 0; i < len(b); {
		if b[i] == 0 {
			i++
			continue
		}
		if i+1 >= len(b) {
			return nil
		}
		got, size := b[i], int(b[i+1])
		if i+2+size > len(b) {
			return nil
		}
		if got == id {
			return b[i+2 : i+2+size]
		}
		i += 2 + size
	}
	return nil
}

// Payload cuts header and padding off a plain packet. It is empty for a packet of padding only.
func (h *Header) Payload(b []byte) ([]byte, error) {
	if len(b) < h.Size {
		return nil, ErrMalformed
	}
	p := b[h.Size:]
	if !h.Padding {
		return p, nil
	}
	if len(p) == 0 || p[len(p)-1] == 0 || int(p[len(p)-1]) > len(p) {
		return nil, ErrMalformed
	}
	return p[:len(p)-int(p[len(p)-1])], nil
}

// SentHeaderSize is the size of the header that AppendHeader writes: the fixed header and one CSRC, in bytes.
const SentHeaderSize = fixedHeaderSize + 4

// AppendHeader writes a header with one CSRC: the source that a slot shows (RFC 3550, section 5.1).
func AppendHeader(b []byte, marker bool, payloadType uint8, seq uint16, timestamp, ssrc, csrc uint32) []byte {
	second := payloadType & 0x7f
	if marker {
		second |= 0x80
	}
	b = append(b, 2<<6|1, second)
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, timestamp)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return binary.BigEndian.AppendUint32(b, csrc)
}

// numberSize is the size of the extension that carries a transport-wide number, in bytes: the head of the block and one word.
const numberSize = 8

// NumberedHeaderSize is the size of the header that AppendNumberedHeader writes, in bytes.
const NumberedHeaderSize = SentHeaderSize + numberSize

// MaxNumberID is the highest id of the extension with the transport-wide number: one of the one-byte form (RFC 8285, section 4.2), which every
// receiver reads.
const MaxNumberID = 14

// AppendNumberedHeader writes the header of AppendHeader and room for a transport-wide number in the header extension of this id, from 1 to
// MaxNumberID (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 2).
func AppendNumberedHeader(b []byte, marker bool, payloadType uint8, seq uint16, timestamp, ssrc, csrc uint32, id uint8) []byte {
	at := len(b)
	b = AppendHeader(b, marker, payloadType, seq, timestamp, ssrc, csrc)
	b[at] |= 0x10
	return append(b, oneByteProfile>>8, oneByteProfile&0xff, 0, 1, id<<4|1, 0, 0, 0)
}

// SetNumber writes the transport-wide number of a packet with a header of AppendNumberedHeader.
func SetNumber(b []byte, number uint16) {
	binary.BigEndian.PutUint16(b[SentHeaderSize+5:], number)
}
