package client

import "encoding/binary"

// descriptorSize is our payload descriptor: required byte, extension byte, picture ID of 15 bits (RFC 7741, section 4.2).
const descriptorSize = 4

// putDescriptor writes the payload descriptor of one packet.
func putDescriptor(b []byte, first bool, pictureID uint16) {
	b[0] = 0x80 // X
	if first {
		b[0] |= 0x10 // S: start of partition 0
	}
	b[1] = 0x80 // I
	binary.BigEndian.PutUint16(b[2:], pictureID|0x8000)
}

// putFrame writes the frame header behind the descriptor of a frame's first packet (RFC 6386, section 9.1; RFC 7741, section 4.3):
// enough for a server that checks for key frames. The coded video is noise.
func putFrame(b []byte, key bool) {
	b[4] = 0x10 // show_frame
	if !key {
		b[4] |= 0x01 // P: this one needs others
		return
	}
	copy(b[7:], []byte{0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01}) // start code, 640×480
}

// keyFrame reports whether a payload begins a key frame; it reads any descriptor.
func keyFrame(p []byte) bool {
	if len(p) < 2 || p[0]&0x10 == 0 || p[0]&0x07 != 0 {
		return false
	}
	i := 1
	if p[0]&0x80 != 0 {
		x := p[1]
		i = 2
		if x&0x80 != 0 && len(p) > i {
			i += 1 + int(p[i]>>7)
		}
		i += int(x >> 6 & 1)
		if x&0x30 != 0 {
			i++
		}
	}
	return len(p) > i && p[i]&0x01 == 0
}
