// Package sframe opens and seals the frames of end-to-end encrypted media: SFrame (RFC 9605) with cipher suite 5,
// AES_256_GCM_SHA512_128, as browsers in a session apply it before packets are made of a frame.
//
//	frame = outer | header: 0xba, KID: 4 bytes, CTR: 3 bytes | ciphertext | tag: 16 bytes    AAD = header | outer
//
// The outer bytes let packetizers, depacketizers and the forwarder see what they need: nothing of an Opus packet, the first ten bytes of a
// VP8 key frame (RFC 6386, section 9.1) and a single byte 0x01 in front of any other VP8 frame. The ciphertext holds the whole frame, so
// outer bytes are never needed to decode it, and Open compares them with the frame.
//
// The daemon has no key: only the clinic's tools and tests use this package.
package sframe

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of suite 5 (RFC 9605, section 4.5) and of the headers that we use.
const (
	KeySize    = 32
	SaltSize   = 12
	tagSize    = 16
	headerSize = 8 // config, KID in 4 bytes, CTR in 3

	outerKeyFrame = 10 // frame tag, start code, width and height (RFC 6386, section 9.1)
	outerDelta    = 1
)

// config is the first byte of each header (RFC 9605, section 4.3): a KID of 4 bytes and a counter of 3, each in minimal form.
const config = 0xba

// Bounds of the counter of a KID: where it has 3 bytes in minimal form.
const (
	MinCounter = 0x01_0000
	MaxCounter = 0xff_ffff
)

// A Codec says which outer bytes a frame has.
type Codec int

// The codecs.
const (
	Opus Codec = iota
	VP8
)

// A KID names a key: the epoch of the group by its number, the member by its leaf, the stream, and how often the member changed
// its keys under this number. The highest bit is always set.
type KID uint32

// Streams of a member.
const (
	Microphone  = 0
	CameraFirst = 1 // one for each encoding of a simulcast
	CameraLast  = 3
	Screen      = 4
)

// NewKID makes a KID; number counts modulo 2^16, generation modulo 16.
func NewKID(stream, generation, leaf, number int) KID {
	return 1<<31 | KID(stream&7)<<28 | KID(generation&15)<<24 | KID(leaf&255)<<16 | KID(number&0xffff)
}

// Stream, Generation, Leaf and Number are the parts of a KID.
func (k KID) Stream() int { return int(k >> 28 & 7) }

// Generation counts modulo 16.
func (k KID) Generation() int { return int(k >> 24 & 15) }

// Leaf is the member's index in the group's tree.
func (k KID) Leaf() int { return int(k >> 16 & 255) }

// Number is that of the epoch, modulo 2^16.
func (k KID) Number() int { return int(k & 0xffff) }

// Errors of Parse and Open.
var (
	// ErrPlain says that a frame is not sealed, or not as these are.
	ErrPlain = errors.New("sframe: the frame is not sealed")
	// ErrForged says that a frame is not what the owner of the key sealed.
	ErrForged = errors.New("sframe: the frame does not open with its key")
	// ErrKey says that a key or salt has the wrong size.
	ErrKey = errors.New("sframe: a key has 32 bytes, a salt 12")
)

// A Frame is a parsed sealed frame. Its slices share the memory of what was parsed.
type Frame struct {
	KID     KID
	Counter uint32
	Outer   []byte
	Header  []byte
	Sealed  []byte // ciphertext and tag
	codec   Codec
}

// Parse finds the parts of a sealed frame.
func Parse(codec Codec, data []byte) (Frame, error) {
	outer := 0
	if codec == VP8 {
		if len(data) == 0 {
			return Frame{}, ErrPlain
		}
		outer = outerSize(data[0])
		if outer == outerDelta && data[0] != 1 {
			return Frame{}, ErrPlain
		}
	}
	if len(data) < outer+headerSize+tagSize || data[outer] != config {
		return Frame{}, ErrPlain
	}
	h := data[outer : outer+headerSize : outer+headerSize]
	f := Frame{
		KID: KID(binary.BigEndian.Uint32(h[1:])), Counter: binary.BigEndian.Uint32(h[4:]) & MaxCounter, Outer: data[:outer:outer],
		Header: h, Sealed: data[outer+headerSize:], codec: codec,
	}
	if f.KID>>31 != 1 || f.Counter < MinCounter { // neither comes from our senders, and a short counter is not in minimal form
		return Frame{}, ErrPlain
	}
	return f, nil
}

// outerSize tells a key frame by the lowest bit of its first byte, as RFC 6386, section 9.1, has it.
func outerSize(first byte) int {
	if first&1 == 0 {
		return outerKeyFrame
	}
	return outerDelta
}

// A Key opens and seals the frames of one KID. It is not safe for concurrent use.
type Key struct {
	aead  cipher.AEAD
	salt  [SaltSize]byte
	aad   []byte
	nonce [SaltSize]byte
}

// NewKey takes a key of 32 bytes and a salt of 12, which Derive gives or a release holds.
func NewKey(key, salt []byte) (*Key, error) {
	if len(key) != KeySize || len(salt) != SaltSize {
		return nil, ErrKey
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	k := &Key{salt: [SaltSize]byte(salt)}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

// Derive gives key and salt of a KID from the base key of its epoch (RFC 9605, section 4.4.2).
func Derive(base []byte, kid KID) (key, salt []byte, err error) {
	secret, err := hkdf.Extract(sha512.New, base, nil)
	if err != nil {
		return nil, nil, err
	}
	defer clear(secret)
	if key, err = hkdf.Expand(sha512.New, secret, label("key", kid), KeySize); err != nil {
		return nil, nil, err
	}
	salt, err = hkdf.Expand(sha512.New, secret, label("salt", kid), SaltSize)
	return key, salt, err
}

// suite is AES_256_GCM_SHA512_128 (RFC 9605, section 8.1).
const suite = 5

func label(what string, kid KID) string {
	b := fmt.Appendf(nil, "SFrame 1.0 Secret %s ", what)
	b = binary.BigEndian.AppendUint64(b, uint64(kid))
	return string(binary.BigEndian.AppendUint16(b, suite))
}

// Open gives the frame in clear, in new memory. It knows nothing of replays: the caller compares counters.
func (k *Key) Open(f Frame) ([]byte, error) {
	plain, err := k.aead.Open(nil, k.nonceOf(f.Counter), f.Sealed, k.authenticated(f.Header, f.Outer))
	if err != nil || f.codec == VP8 && !fits(plain, f.Outer) {
		return nil, ErrForged
	}
	return plain, nil
}

// fits reports whether the outer bytes are those of the frame.
func fits(plain, outer []byte) bool {
	if len(plain) == 0 || outerSize(plain[0]) != len(outer) {
		return false
	}
	return len(outer) == outerDelta || bytes.HasPrefix(plain, outer)
}

// Seal appends the sealed frame to dst. No two frames of a KID may have the same counter, from MinCounter to MaxCounter. It fails on a VP8
// key frame that is shorter than its header.
func (k *Key) Seal(dst []byte, codec Codec, kid KID, counter uint32, plain []byte) ([]byte, error) {
	var outer []byte
	if codec == VP8 {
		if len(plain) == 0 || len(plain) < outerSize(plain[0]) {
			return dst, ErrPlain
		}
		if outer = []byte{1}; outerSize(plain[0]) == outerKeyFrame {
			outer = plain[:outerKeyFrame]
		}
	}
	header := binary.BigEndian.AppendUint32([]byte{config}, uint32(kid))
	header = append(header, byte(counter>>16), byte(counter>>8), byte(counter))
	dst = append(append(dst, outer...), header...)
	return k.aead.Seal(dst, k.nonceOf(counter), plain, k.authenticated(header, outer)), nil
}

// nonceOf is the salt, with the counter in its last bytes (RFC 9605, section 4.4.3).
func (k *Key) nonceOf(counter uint32) []byte {
	k.nonce = k.salt
	for i := range 4 {
		k.nonce[SaltSize-1-i] ^= byte(counter >> (8 * i))
	}
	return k.nonce[:]
}

func (k *Key) authenticated(header, outer []byte) []byte {
	k.aad = append(append(k.aad[:0], header...), outer...)
	return k.aad
}
