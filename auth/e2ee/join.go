package e2ee

import "encoding/binary"

// Join writes each part behind its length in four bytes, big-endian, so that no two lists of parts give the same bytes.
func Join(parts ...[]byte) []byte {
	var b []byte
	for _, part := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
