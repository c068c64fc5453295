// Package srtp protects and opens SRTP and SRTCP packets with AES-GCM (RFC 3711, RFC 7714), without allocating.
//
//	keys (RFC 5764) ──► Derive ──► Sealer (what we send)    index given by the caller, who owns the sequence
//	                          └──► Opener (what we receive)  rollover and replay kept per SSRC, only after authentication
//
// A Sealer and an Opener have one owner each; neither is safe for concurrent use. The caller of a Sealer must never give
// the same SSRC and index to two different packets: with GCM that reveals the key stream (RFC 7714, section 8.1).
package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

// Sizes of RFC 7714, section 12, in bytes.
const (
	SaltSize  = 12
	TagSize   = 16
	indexSize = 4 // E flag and SRTCP index
)

// Labels of the key derivation (RFC 3711, section 4.3).
const (
	labelRTPKey   = 0x00
	labelRTPSalt  = 0x02
	labelRTCPKey  = 0x03
	labelRTCPSalt = 0x05
)

// Errors of an Opener; none carries anything of the packet.
var (
	ErrShort    = errors.New("srtp: packet too short")
	ErrReplayed = errors.New("srtp: replayed or too old")
	ErrAuth     = errors.New("srtp: authentication failed")
	ErrSources  = errors.New("srtp: too many sources")
	ErrKey      = errors.New("srtp: master key must have 16 or 32 bytes, salt 12")
)

// derive is the AES-CM key derivation with a rate of zero (RFC 3711, section 4.3; RFC 7714, section 11 pads the salt).
func derive(key, salt []byte, label byte, size int) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrKey
	}
	var iv [aes.BlockSize]byte
	copy(iv[:], salt)
	iv[7] ^= label
	out := make([]byte, size)
	cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
	return out, nil
}

// half is the cipher of one direction of RTP or RTCP.
type half struct {
	aead  cipher.AEAD
	salt  [SaltSize]byte
	nonce [SaltSize]byte // scratch
}

func newHalf(key, salt []byte, keyLabel, saltLabel byte) (half, error) {
	var h half
	k, err := derive(key, salt, keyLabel, len(key))
	if err != nil {
		return h, err
	}
	s, err := derive(key, salt, saltLabel, SaltSize)
	if err != nil {
		return h, err
	}
	copy(h.salt[:], s)
	block, err := aes.NewCipher(k)
	if err != nil {
		return h, err
	}
	h.aead, err = cipher.NewGCM(block)
	return h, err
}

// rtpNonce is 00 00 | SSRC | ROC | SEQ, mixed with the salt (RFC 7714, section 8.1).
func (h *half) rtpNonce(ssrc uint32, index uint64) []byte {
	n := &h.nonce
	n[0], n[1] = 0, 0
	binary.BigEndian.PutUint32(n[2:], ssrc)
	binary.BigEndian.PutUint32(n[6:], uint32(index>>16))
	binary.BigEndian.PutUint16(n[10:], uint16(index))
	for i := range n {
		n[i] ^= h.salt[i]
	}
	return n[:]
}

// rtcpNonce is 00 00 | SSRC | 00 00 | index, mixed with the salt (RFC 7714, section 9.1).
func (h *half) rtcpNonce(ssrc, index uint32) []byte {
	n := &h.nonce
	n[0], n[1], n[6], n[7] = 0, 0, 0, 0
	binary.BigEndian.PutUint32(n[2:], ssrc)
	binary.BigEndian.PutUint32(n[8:], index)
	for i := range n {
		n[i] ^= h.salt[i]
	}
	return n[:]
}

// A Sealer protects what one side sends.
type Sealer struct {
	rtp, rtcp half
	rtcpIndex uint32
	aad       [12]byte // scratch
}

// NewSealer derives the session keys. key has 16 or 32 bytes, salt 12.
func NewSealer(key, salt []byte) (*Sealer, error) {
	rtp, rtcp, err := halves(key, salt)
	if err != nil {
		return nil, err
	}
	return &Sealer{rtp: rtp, rtcp: rtcp}, nil
}

func halves(key, salt []byte) (rtp, rtcp half, err error) {
	if (len(key) != 16 && len(key) != 32) || len(salt) != SaltSize {
		return rtp, rtcp, ErrKey
	}
	if rtp, err = newHalf(key, salt, labelRTPKey, labelRTPSalt); err != nil {
		return rtp, rtcp, err
	}
	rtcp, err = newHalf(key, salt, labelRTCPKey, labelRTCPSalt)
	return rtp, rtcp, err
}

// RTP seals in place: packet holds the header, then the payload, and must have room for TagSize more. It returns the
// longer packet. index is ROC<<16|SEQ.
func (s *Sealer) RTP(packet []byte, headerSize int, ssrc uint32, index uint64) []byte {
	header, payload := packet[:headerSize], packet[headerSize:]
	s.rtp.aead.Seal(payload[:0], s.rtp.rtpNonce(ssrc, index), payload, header)
	return packet[:len(packet)+TagSize]
}

// RTCP seals a compound packet in place; packet must have room for TagSize+4 more.
func (s *Sealer) RTCP(packet []byte) []byte {
	ssrc := binary.BigEndian.Uint32(packet[4:])
	index := s.rtcpIndex
	s.rtcpIndex = (s.rtcpIndex + 1) & 0x7fffffff
	word := index | 1<<31
	copy(s.aad[:8], packet)
	binary.BigEndian.PutUint32(s.aad[8:], word)
	body := packet[8:]
	s.rtcp.aead.Seal(body[:0], s.rtcp.rtcpNonce(ssrc, index), body, s.aad[:])
	packet = packet[:len(packet)+TagSize]
	return binary.BigEndian.AppendUint32(packet, word)
}

// maxSources bounds the SSRCs of one peer: three sources with three encodings and RTX each, and room for SSRC changes.
const maxSources = 64

// An Opener opens what one side receives.
type Opener struct {
	rtp, rtcp half
	sources   map[uint32]*source
	reports   map[uint32]*window
	aad       [12]byte // scratch
}

type source struct {
	index uint64 // highest authenticated
	window
}

// NewOpener derives the session keys. key has 16 or 32 bytes, salt 12.
func NewOpener(key, salt []byte) (*Opener, error) {
	rtp, rtcp, err := halves(key, salt)
	if err != nil {
		return nil, err
	}
	return &Opener{rtp: rtp, rtcp: rtcp, sources: map[uint32]*source{}, reports: map[uint32]*window{}}, nil
}

// RTP opens in place and returns the plain packet, header included. headerSize counts CSRCs and extensions.
func (o *Opener) RTP(packet []byte, headerSize int) ([]byte, error) {
	if headerSize < 12 || len(packet) < headerSize+TagSize {
		return nil, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	src := o.sources[ssrc]
	index := guess(src, binary.BigEndian.Uint16(packet[2:]))
	if src != nil && src.seen(index) {
		return nil, ErrReplayed
	}
	body := packet[headerSize:]
	if _, err := o.rtp.aead.Open(body[:0], o.rtp.rtpNonce(ssrc, index), body, packet[:headerSize]); err != nil {
		return nil, ErrAuth
	}
	if src == nil {
		if len(o.sources) >= maxSources {
			return nil, ErrSources
		}
		src = &source{index: index}
		o.sources[ssrc] = src
	}
	src.mark(index)
	src.index = max(src.index, index)
	return packet[:len(packet)-TagSize], nil
}

// guess is the packet index nearest to the highest one (RFC 3711, appendix A).
func guess(s *source, seq uint16) uint64 {
	if s == nil {
		return uint64(seq)
	}
	d := int64(int16(seq - uint16(s.index)))
	if int64(s.index)+d < 0 {
		return uint64(seq)
	}
	return uint64(int64(s.index) + d)
}

// RTCP opens a compound packet in place.
func (o *Opener) RTCP(packet []byte) ([]byte, error) {
	if len(packet) < 8+TagSize+indexSize {
		return nil, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	end := len(packet) - indexSize
	word := binary.BigEndian.Uint32(packet[end:])
	index := word & 0x7fffffff
	win := o.reports[ssrc]
	if word>>31 == 0 || (win != nil && win.seen(uint64(index))) {
		return nil, ErrReplayed // unencrypted reports are refused like replayed ones
	}
	copy(o.aad[:8], packet)
	binary.BigEndian.PutUint32(o.aad[8:], word)
	body := packet[8:end]
	if _, err := o.rtcp.aead.Open(body[:0], o.rtcp.rtcpNonce(ssrc, index), body, o.aad[:]); err != nil {
		return nil, ErrAuth
	}
	if win == nil {
		if len(o.reports) >= maxSources {
			return nil, ErrSources
		}
		win = &window{}
		o.reports[ssrc] = win
	}
	win.mark(uint64(index))
	return packet[:end-TagSize], nil
}

// windowSize is how far back a packet may come late: RFC 3711 asks for 64 at least; video bursts want more.
const windowSize = 1024

// window remembers which of the last windowSize indices came (RFC 3711, section 3.3.2).
type window struct {
	top  uint64 // highest index + 1; 0 before the first
	bits [windowSize / 64]uint64
}

func (w *window) seen(i uint64) bool {
	switch {
	case i >= w.top:
		return false
	case w.top-i > windowSize:
		return true
	}
	return w.bits[i/64%uint64(len(w.bits))]&(1<<(i%64)) != 0
}

func (w *window) mark(i uint64) {
	if w.top == 0 {
		w.top = i // nothing before the first packet was seen
	}
	if i >= w.top+windowSize {
		w.bits, w.top = [windowSize / 64]uint64{}, i
	}
	for ; w.top <= i; w.top++ {
		w.bits[w.top/64%uint64(len(w.bits))] &^= 1 << (w.top % 64)
	}
	w.bits[i/64%uint64(len(w.bits))] |= 1 << (i % 64)
}
