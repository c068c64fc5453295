package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
)

// Sizes of AES-CM with HMAC-SHA1 and a tag of 80 bits (RFC 3711, sections 4 and 5; RFC 5764, section 4.1.2), in bytes.
const (
	CMKeySize  = 16
	CMSaltSize = 14
	cmTagSize  = 10
	cmAuthSize = 20
)

// Labels of the authentication keys (RFC 3711, section 4.3).
const (
	labelRTPAuth  = 0x01
	labelRTCPAuth = 0x04
)

var errTag = errors.New("srtp: wrong tag")

// cm is AES counter mode with HMAC-SHA1 in the shape of an AEAD: its nonce is the unsalted one of GCM, 00 00 | SSRC | index of 48 bits, its
// additional data the header and, for RTCP, the word behind the payload. One owner, as direction.
type cm struct {
	block cipher.Block
	mac   hash.Hash
	salt  [CMSaltSize]byte
	rtcp  bool
	// scratch
	counter, stream [aes.BlockSize]byte
	sum             [sha1.Size]byte
}

func newCM(key, salt []byte, keyLabel, authLabel, saltLabel byte) (*cm, error) {
	k, err := derive(key, salt, keyLabel, CMKeySize)
	if err != nil {
		return nil, err
	}
	a, err := derive(key, salt, authLabel, cmAuthSize)
	if err != nil {
		return nil, err
	}
	s, err := derive(key, salt, saltLabel, CMSaltSize)
	if err != nil {
		return nil, err
	}
	c := &cm{mac: hmac.New(sha1.New, a), rtcp: keyLabel == labelRTCPKey}
	copy(c.salt[:], s)
	c.block, err = aes.NewCipher(k)
	return c, err
}

func (c *cm) NonceSize() int { return SaltSize }
func (c *cm) Overhead() int  { return cmTagSize }

// xorKeyStream is the key stream of section 4.1.1: IV = salt·2^16 ⊕ SSRC·2^64 ⊕ index·2^16.
func (c *cm) xorKeyStream(nonce, data []byte) {
	copy(c.counter[:], c.salt[:])
	c.counter[14], c.counter[15] = 0, 0
	for i, b := range nonce[2:] {
		c.counter[4+i] ^= b
	}
	for n := uint16(0); len(data) > 0; n++ {
		binary.BigEndian.PutUint16(c.counter[14:], n)
		c.block.Encrypt(c.stream[:], c.counter[:])
		done := subtle.XORBytes(data, data, c.stream[:])
		data = data[done:]
	}
}

// tag authenticates the header, the encrypted payload and, last, the rollover counter (section 4.2) or the word with the SRTCP index (section
// 3.4).
func (c *cm) tag(nonce, data, ad []byte) []byte {
	c.mac.Reset()
	if c.rtcp {
		c.mac.Write(ad[:8])
		c.mac.Write(data)
		c.mac.Write(ad[8:])
	} else {
		c.mac.Write(ad)
		c.mac.Write(data)
		c.mac.Write(nonce[6:10])
	}
	return c.mac.Sum(c.sum[:0])[:cmTagSize]
}

// Seal implements cipher.AEAD, in place only.
func (c *cm) Seal(dst, nonce, data, ad []byte) []byte {
	c.xorKeyStream(nonce, data)
	return append(dst[:len(data)], c.tag(nonce, data, ad)...)
}

// Open implements cipher.AEAD, in place only. Unlike GCM it leaves the packet unchanged on failure.
func (c *cm) Open(dst, nonce, data, ad []byte) ([]byte, error) {
	body, tag := data[:len(data)-cmTagSize], data[len(data)-cmTagSize:]
	if subtle.ConstantTimeCompare(tag, c.tag(nonce, body, ad)) != 1 {
		return nil, errTag
	}
	c.xorKeyStream(nonce, body)
	return dst[:len(body)], nil
}
