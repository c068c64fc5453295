// Package srtp protects and opens SRTP and SRTCP packets without allocating: with AES-GCM (RFC 3711, RFC 7714), or with AES-CM and
// HMAC-SHA1 for clients that support nothing else.
//
//	keys (RFC 5764) ──► Derive ──► Sealer (what we send)    index given by the caller, who owns the sequence
//	                          └──► Opener (what we receive)  rollover and replay kept per SSRC, only after authentication;
//	                                                         an evicted SSRC keeps its highest index, see replay.go
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

// The highest indices (RFC 3711, sections 3.3.1 and 3.4). A key that reached one is exhausted (section 9.2): another packet would
// reuse a nonce.
const (
	maxRTPIndex  = 1<<48 - 1
	maxRTCPIndex = 1<<31 - 1
	// exhaustionMargin is how many packets earlier an Opener reports it: the last packet may be lost.
	exhaustionMargin = 1 << 15
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
	ErrShort        = errors.New("srtp: packet too short")
	ErrReplayed     = errors.New("srtp: replayed or too old")
	ErrAuth         = errors.New("srtp: authentication failed")
	ErrKeyExhausted = errors.New("srtp: the key is exhausted")
	ErrKey          = errors.New("srtp: master key must have 16 or 32 bytes, salt 12")
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

// A direction is the cipher of one direction of RTP or RTCP.
type direction struct {
	aead          cipher.AEAD
	tag           int  // bytes of its tag
	tagAfterIndex bool // the RTCP tag follows the index (RFC 3711, section 3.4) instead of preceding it (RFC 7714, section 9.2)
	salt          [SaltSize]byte
	nonce         [SaltSize]byte // scratch
}

func newGCMDirection(key, salt []byte, keyLabel, saltLabel byte) (direction, error) {
	var h direction
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
	h.tag = TagSize
	return h, err
}

// rtpNonce is 00 00 | SSRC | ROC | SEQ, mixed with the salt (RFC 7714, section 8.1).
func (h *direction) rtpNonce(ssrc uint32, index uint64) []byte {
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
func (h *direction) rtcpNonce(ssrc, index uint32) []byte {
	n := &h.nonce
	n[0], n[1], n[6], n[7] = 0, 0, 0, 0
	binary.BigEndian.PutUint32(n[2:], ssrc)
	binary.BigEndian.PutUint32(n[8:], index)
	for i := range n {
		n[i] ^= h.salt[i]
	}
	return n[:]
}

// A Sealer protects the packets that one side sends.
type Sealer struct {
	rtp, rtcp direction
	rtcpIndex uint32   // of the next report; maxRTCPIndex+1: the key is exhausted
	aad       [12]byte // scratch
}

// NewSealer derives the session keys. key has 16 or 32 bytes, salt 12; a key of 16 with a salt of 14 means AES-CM with HMAC-SHA1 (cm.go).
func NewSealer(key, salt []byte) (*Sealer, error) {
	rtp, rtcp, err := newDirections(key, salt)
	if err != nil {
		return nil, err
	}
	return &Sealer{rtp: rtp, rtcp: rtcp}, nil
}

func newDirections(key, salt []byte) (rtp, rtcp direction, err error) {
	if len(key) == CMKeySize && len(salt) == CMSaltSize {
		return newCMDirections(key, salt)
	}
	if (len(key) != 16 && len(key) != 32) || len(salt) != SaltSize {
		return rtp, rtcp, ErrKey
	}
	if rtp, err = newGCMDirection(key, salt, labelRTPKey, labelRTPSalt); err != nil {
		return rtp, rtcp, err
	}
	rtcp, err = newGCMDirection(key, salt, labelRTCPKey, labelRTCPSalt)
	return rtp, rtcp, err
}

// newCMDirections uses a nonce without salt: cm has its own.
func newCMDirections(key, salt []byte) (rtp, rtcp direction, err error) {
	r, err := newCM(key, salt, labelRTPKey, labelRTPAuth, labelRTPSalt)
	if err != nil {
		return rtp, rtcp, err
	}
	c, err := newCM(key, salt, labelRTCPKey, labelRTCPAuth, labelRTCPSalt)
	return direction{aead: r, tag: cmTagSize}, direction{aead: c, tag: cmTagSize, tagAfterIndex: true}, err
}

// RTP seals in place: packet holds the header, then the payload, and must have room for TagSize more. It returns the
// longer packet. index is ROC<<16|SEQ. Beyond 2^48 packets of a source it returns nil: the key is exhausted and the connection must
// end (RFC 3711, section 9.2).
func (s *Sealer) RTP(packet []byte, headerSize int, ssrc uint32, index uint64) []byte {
	if index > maxRTPIndex {
		return nil
	}
	header, payload := packet[:headerSize], packet[headerSize:]
	s.rtp.aead.Seal(payload[:0], s.rtp.rtpNonce(ssrc, index), payload, header)
	return packet[:len(packet)+s.rtp.tag]
}

// RTCP seals a compound packet in place; packet must have room for TagSize+4 more. After 2^31 packets it returns nil, as RTP does.
func (s *Sealer) RTCP(packet []byte) []byte {
	if s.rtcpIndex > maxRTCPIndex {
		return nil
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	index := s.rtcpIndex
	s.rtcpIndex++
	word := index | 1<<31
	copy(s.aad[:8], packet)
	binary.BigEndian.PutUint32(s.aad[8:], word)
	body := packet[8:]
	s.rtcp.aead.Seal(body[:0], s.rtcp.rtcpNonce(ssrc, index), body, s.aad[:])
	end := len(packet)
	packet = packet[:end+s.rtcp.tag+indexSize]
	if s.rtcp.tagAfterIndex {
		copy(packet[end+indexSize:], packet[end:end+s.rtcp.tag])
		binary.BigEndian.PutUint32(packet[end:], word)
	} else {
		binary.BigEndian.PutUint32(packet[end+s.rtcp.tag:], word)
	}
	return packet
}

// An Opener opens the packets that one side receives.
type Opener struct {
	rtp, rtcp direction
	sources   replayStates // of RTP, by SSRC
	reports   replayStates // of RTCP, by the SSRC of the sender
	aad       [12]byte     // scratch
	retry     []byte       // scratch for the attempt with a second index; allocated on first use
}

// NewOpener derives the session keys, as NewSealer.
func NewOpener(key, salt []byte) (*Opener, error) {
	rtp, rtcp, err := newDirections(key, salt)
	if err != nil {
		return nil, err
	}
	return &Opener{rtp: rtp, rtcp: rtcp, sources: newReplayStates(), reports: newReplayStates()}, nil
}

// RTP opens in place and returns the plain packet, header included. headerSize counts CSRCs and extensions. After ErrKeyExhausted the
// connection must end.
func (o *Opener) RTP(packet []byte, headerSize int) ([]byte, error) {
	if headerSize < 12 || len(packet) < headerSize+o.rtp.tag {
		return nil, ErrShort
	}
	ssrc, seq := binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:])
	src := o.sources.windows[ssrc]
	if src == nil {
		return o.openUnknown(packet, headerSize, ssrc, seq)
	}
	index := estimateIndex(src.top-1, seq)
	if src.seen(index) {
		return nil, ErrReplayed
	}
	if o.openRTP(packet, headerSize, ssrc, index) != nil {
		return nil, ErrAuth
	}
	if index > maxRTPIndex-exhaustionMargin {
		return nil, ErrKeyExhausted
	}
	o.sources.mark(src, index)
	return packet[:len(packet)-o.rtp.tag], nil
}

// Authenticates reports whether a packet of a source that has a window is authentic and was not accepted before. It does not
// update the replay state, and it overwrites the packet.
func (o *Opener) Authenticates(packet []byte, headerSize int) bool {
	if headerSize < 12 || len(packet) < headerSize+o.rtp.tag {
		return false
	}
	ssrc, seq := binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:])
	src := o.sources.windows[ssrc]
	if src == nil {
		return false
	}
	index := estimateIndex(src.top-1, seq)
	return !src.seen(index) && o.openRTP(packet, headerSize, ssrc, index) == nil
}

func (o *Opener) openRTP(packet []byte, headerSize int, ssrc uint32, index uint64) error {
	body := packet[headerSize:]
	_, err := o.rtp.aead.Open(body[:0], o.rtp.rtpNonce(ssrc, index), body, packet[:headerSize])
	return err
}

// openUnknown opens a packet of a source without a window: a new one, or one that was forgotten.
//
// A new source starts with any sequence number, under rollover counter 0 (RFC 3711, section 3.3.1), and its first packets may be lost: a
// low number may already belong to counter 1. Both are tried, so that a forged packet costs at most twice as much as one of a known source.
// These attempts have no budget: forged packets would exhaust it and block the real source.
func (o *Opener) openUnknown(packet []byte, headerSize int, ssrc uint32, seq uint16) ([]byte, error) {
	next := o.sources.nextIndex[ssrc]
	index, second := uint64(seq), uint64(seq)+1<<16
	ambiguous := next == 0 && seq < 1<<15
	if next > 0 {
		if index = estimateIndex(next-1, seq); index < next {
			return nil, ErrReplayed
		}
	}
	if ambiguous { // a failed attempt destroys its input
		o.retry = append(o.retry[:0], packet...)
	}
	if o.openRTP(packet, headerSize, ssrc, index) != nil {
		if !ambiguous {
			return nil, ErrAuth
		}
		copy(packet, o.retry)
		if index = second; o.openRTP(packet, headerSize, ssrc, index) != nil {
			return nil, ErrAuth
		}
	}
	if err := o.sources.open(ssrc, next, index); err != nil {
		return nil, err
	}
	return packet[:len(packet)-o.rtp.tag], nil
}

// estimateIndex returns the packet index nearest to the highest one (RFC 3711, appendix A).
func estimateIndex(highest uint64, seq uint16) uint64 {
	d := int64(int16(seq - uint16(highest)))
	if int64(highest)+d < 0 {
		return uint64(seq)
	}
	return uint64(int64(highest) + d)
}

// RTCP opens a compound packet in place. After ErrKeyExhausted the connection must end: every index of this key was used.
func (o *Opener) RTCP(packet []byte) ([]byte, error) {
	if len(packet) < 8+o.rtcp.tag+indexSize {
		return nil, ErrShort
	}
	if o.rtcp.tagAfterIndex { // as GCM has it: the tag, then the index
		tail := packet[len(packet)-indexSize-cmTagSize:]
		var moved [indexSize + cmTagSize]byte
		copy(moved[cmTagSize:], tail[:indexSize])
		copy(moved[:], tail[indexSize:])
		copy(tail, moved[:])
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	end := len(packet) - indexSize
	word := binary.BigEndian.Uint32(packet[end:])
	index := word & maxRTCPIndex
	src, next := o.reports.windows[ssrc], uint64(0)
	if src == nil {
		next = o.reports.nextIndex[ssrc]
	}
	if word>>31 == 0 || uint64(index) < next || src != nil && src.seen(uint64(index)) {
		return nil, ErrReplayed // unencrypted reports are refused like replayed ones
	}
	copy(o.aad[:8], packet)
	binary.BigEndian.PutUint32(o.aad[8:], word)
	body := packet[8:end]
	if _, err := o.rtcp.aead.Open(body[:0], o.rtcp.rtcpNonce(ssrc, index), body, o.aad[:]); err != nil {
		return nil, ErrAuth
	}
	if index > maxRTCPIndex-exhaustionMargin {
		return nil, ErrKeyExhausted
	}
	if src != nil {
		o.reports.mark(src, uint64(index))
	} else if err := o.reports.open(ssrc, next, uint64(index)); err != nil {
		return nil, err
	}
	return packet[:end-o.rtcp.tag], nil
}
