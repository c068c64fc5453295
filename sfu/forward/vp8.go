package forward

// A VP8 is what the payload descriptor (RFC 7741, section 4.2) and the header of a key frame (section 4.3, RFC 6386, section
// 9.1) say.
type VP8 struct {
	Start         bool // of a frame
	KeyFrame      bool // first packet of one
	Temporal      uint8
	Picture       Picture
	Width, Height int // pixels, of a key frame only

	pictureAt, tl0At int // in the payload
}

// A Picture identifies a frame to the decoder: PictureID counts frames, TL0 those of the lowest temporal layer.
type Picture struct {
	ID      uint16
	TL0     uint8
	HasID   bool // has an id
	ShortID bool // of 7 bits, else 15
	HasTL0  bool // has a TL0PICIDX
}

// ParseVP8 parses a payload. A truncated payload is parsed as far as it goes; it never reads beyond it.
func ParseVP8(p []byte) (v VP8) {
	if len(p) == 0 {
		return v
	}
	v.Start = p[0]&0x10 != 0 && p[0]&0x07 == 0 // S, and partition 0
	at := 1
	if p[0]&0x80 != 0 { // X: extended control bits
		if at = v.extended(p); at < 0 {
			return VP8{}
		}
	}
	if !v.Start || len(p) <= at || p[at]&0x01 != 0 { // P: not a key frame
		return v
	}
	v.KeyFrame = true
	if frame := p[at:]; len(frame) >= 10 && frame[3] == 0x9d && frame[4] == 0x01 && frame[5] == 0x2a {
		v.Width = int(frame[6]) | int(frame[7]&0x3f)<<8
		v.Height = int(frame[8]) | int(frame[9]&0x3f)<<8
	}
	return v
}

// extended reads the optional bytes and returns where the frame begins, negative if the payload ends before.
func (v *VP8) extended(p []byte) int {
	if len(p) < 2 {
		return -1
	}
	x, at := p[1], 2
	if x&0x80 != 0 { // I: picture id of 7 or 15 bits
		switch {
		case len(p) > at && p[at]&0x80 == 0:
			v.Picture = Picture{ID: uint16(p[at]), HasID: true, ShortID: true}
			v.pictureAt = at
			at++
		case len(p) > at+1:
			v.Picture = Picture{ID: uint16(p[at]&0x7f)<<8 | uint16(p[at+1]), HasID: true}
			v.pictureAt = at
			at += 2
		default:
			return -1
		}
	}
	if x&0x40 != 0 { // L: TL0PICIDX
		if len(p) <= at {
			return -1
		}
		v.Picture.TL0, v.Picture.HasTL0, v.tl0At = p[at], true, at
		at++
	}
	if x&0x30 != 0 { // T or K: TID, Y, KEYIDX
		if len(p) <= at {
			return -1
		}
		if x&0x20 != 0 {
			v.Temporal = p[at] >> 6
		}
		at++
	}
	return at
}

// Rewrite applies the offsets to PictureID and TL0PICIDX in a copy of the payload that v was parsed from.
func (v VP8) Rewrite(p []byte, pictureIDOffset uint16, tl0Offset uint8) {
	to := v.Picture.moved(pictureIDOffset, tl0Offset)
	switch {
	case to.HasID && to.ShortID:
		p[v.pictureAt] = byte(to.ID)
	case to.HasID:
		p[v.pictureAt], p[v.pictureAt+1] = 0x80|byte(to.ID>>8), byte(to.ID)
	}
	if to.HasTL0 {
		p[v.tl0At] = to.TL0
	}
}

// moved returns the picture identifiers with the offsets applied.
func (p Picture) moved(pictureIDOffset uint16, tl0Offset uint8) Picture {
	if p.HasID {
		p.ID = (p.ID + pictureIDOffset) & 0x7fff
	}
	if p.ShortID {
		p.ID &= 0x7f
	}
	if p.HasTL0 {
		p.TL0 += tl0Offset
	}
	return p
}
