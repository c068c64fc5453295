package sfu

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// ourPriority is that of a host candidate of the first component (RFC 8445, section 5.1.2.1), as our answers name it.
const ourPriority = ice.PriorityAttr(2130706431)

// An addressValidator makes transaction ids that it can verify without state: they encode what was asked, and where. So attackers cannot
// fill a table of pending requests.
//
//	| 4 bytes: whose credentials | 7 bits: the second | 1 bit: nominated | 7 bytes: MAC of all that and of the address asked |
//
// A flood of replayed checks may evict a path from its peer's table before the response arrives; the id still records that the client
// wanted to use it.
//
// Only the recipient of a request knows its id, and 56 bits cannot be guessed; besides, the response is authenticated by the
// client's password. Owned by the worker.
type addressValidator struct {
	mac hash.Hash
	sum []byte
}

func newAddressValidator() addressValidator {
	key := make([]byte, 32)
	rand.Read(key)
	return addressValidator{mac: hmac.New(sha256.New, key), sum: make([]byte, 0, sha256.Size)}
}

// id is the transaction id of a request now to this address.
func (v *addressValidator) id(now time.Time, credentials uint32, to netip.AddrPort, nominated bool) [stun.TransactionIDSize]byte {
	return v.compute(now.Unix(), credentials, to, nominated)
}

func (v *addressValidator) compute(second int64, credentials uint32, to netip.AddrPort, nominated bool) (id [stun.TransactionIDSize]byte) {
	var b [34]byte
	if nominated {
		id[4], b[30] = 1, 1
	}
	binary.BigEndian.PutUint64(b[0:], uint64(second))
	binary.BigEndian.PutUint32(b[8:], credentials)
	address := to.Addr().As16()
	copy(b[12:], address[:])
	binary.BigEndian.PutUint16(b[28:], to.Port())
	v.mac.Reset()
	v.mac.Write(b[:])
	v.sum = v.mac.Sum(v.sum[:0])
	binary.BigEndian.PutUint32(id[0:], credentials)
	id[4] |= byte(second) << 1
	copy(id[5:], v.sum)
	return id
}

// verify reports whether the id is of a request that went to this address at most responseWindow ago, and whether the address was nominated then.
func (v *addressValidator) verify(now time.Time, id [stun.TransactionIDSize]byte, from netip.AddrPort) (nominated, ok bool) {
	age := int64((byte(now.Unix()) - id[4]>>1) & 0x7f)
	if age > int64(responseWindow/time.Second) {
		return false, false
	}
	nominated = id[4]&1 != 0
	want := v.compute(now.Unix()-age, binary.BigEndian.Uint32(id[0:]), from, nominated)
	return nominated, hmac.Equal(want[:], id[:])
}

// respond writes the answer to a check (RFC 8445, section 7.3; RFC 8489, section 6.3.1.1).
func respond(m *stun.Message, id [stun.TransactionIDSize]byte, to netip.AddrPort, key stun.MessageIntegrity) error {
	m.TransactionID = id
	mapped := stun.XORMappedAddress{IP: to.Addr().AsSlice(), Port: int(to.Port())}
	return m.Build(stun.BindingSuccess, &mapped, key, stun.Fingerprint)
}

// request writes a check of ours, as a controlled agent that nominates nothing (RFC 8445, section 7.1).
func request(m *stun.Message, id [stun.TransactionIDSize]byte, c *credentials) error {
	m.TransactionID = id
	return m.Build(stun.BindingRequest, c.theirName, ourPriority, ice.AttrControlled(c.tieBreaker), c.theirKey, stun.Fingerprint)
}
