package forward

// KeyFrameVP8 reports whether a VP8 payload begins a key frame: start of partition 0 (RFC 7741, section 4.2) and the P bit
// of the frame header clear (RFC 7741, section 4.3). It never reads past the payload.
func KeyFrameVP8(p []byte) bool {
	if len(p) == 0 || p[0]&0x10 == 0 || p[0]&0x07 != 0 {
		return false
	}
	i := 1
	if p[0]&0x80 != 0 { // X: extended control bits
		if len(p) < 2 {
			return false
		}
		x := p[1]
		i = 2
		if x&0x80 != 0 { // I: picture id of 7 or 15 bits
			if len(p) <= i {
				return false
			}
			if p[i]&0x80 != 0 {
				i++
			}
			i++
		}
		if x&0x40 != 0 { // L: TL0PICIDX
			i++
		}
		if x&0x30 != 0 { // T or K: TID, Y, KEYIDX
			i++
		}
	}
	return len(p) > i && p[i]&0x01 == 0
}
