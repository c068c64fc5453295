package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// The algorithms that are accepted (RFC 8037, section 3.1; RFC 7518, section 3.4). There is no HMAC: a key that verifies
// would be a key that signs.
const (
	EdDSA = "EdDSA"
	ES256 = "ES256"
)

// Sizes of keys in octets: Ed25519 (RFC 8032, section 5.1.5) and one coordinate on P-256 (RFC 7518, section 6.2.1.2).
const (
	coordinateP256  = 32
	uncompressedSEC = 0x04
)

// A Key verifies tokens. Its algorithm is a property of the key, never of the token.
type Key struct {
	ID        string
	Algorithm string // EdDSA or ES256
	public    crypto.PublicKey
}

// A KeySource returns the key that a kid selects.
type KeySource interface {
	Key(kid string) (Key, bool)
}

// A KeySet is a JSON Web Key Set (RFC 7517, section 5) in which every key has its own kid.
type KeySet struct{ keys []Key }

// Key returns the key that kid selects.
func (s KeySet) Key(kid string) (Key, bool) {
	for _, k := range s.keys {
		if k.ID == kid {
			return k, true
		}
	}
	return Key{}, false
}

// Keys lists the keys in the order of the file.
func (s KeySet) Keys() []Key { return slices.Clone(s.keys) }

// privateMembers are those of RFC 7517, section 9.3, and RFC 7518, section 6: a file with one of them holds a secret.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// ParseKeySet reads the JWKS of the token's issuer: Ed25519 (RFC 8037) and P-256 (RFC 7518, section 6.2) public keys, each
// with a kid of its own. Private members, other kinds of keys and keys for encryption refuse the whole file, so that nobody
// runs for a year with a secret in the wrong place or a key that was never active. Members that say nothing about
// the use of the key (x5c and the like) are ignored as section 4 wants. Errors say which key and what to do.
func ParseKeySet(data []byte) (KeySet, error) {
	if len(data) > MaxKeySet {
		return KeySet{}, fmt.Errorf("key set is larger than %d bytes: is this the JWKS file?", MaxKeySet)
	}
	top, err := parseObject(data)
	if err != nil {
		return KeySet{}, fmt.Errorf("key set %w: it must look like {\"keys\": [...]} (RFC 7517, section 5)", err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(top["keys"], &list); err != nil || list == nil {
		return KeySet{}, errors.New("key set has no list named \"keys\": a single JWK must be wrapped as {\"keys\": [...]}")
	}
	if len(list) == 0 || len(list) > MaxKeys {
		return KeySet{}, fmt.Errorf("key set holds %d keys: it must hold 1 to %d", len(list), MaxKeys)
	}
	var set KeySet
	for i, raw := range list {
		k, err := parseKey(raw)
		if err != nil {
			return KeySet{}, fmt.Errorf("key %d of the key set: %w", i+1, err)
		}
		if _, twice := set.Key(k.ID); twice {
			return KeySet{}, fmt.Errorf("key %d of the key set: its kid is that of a key before it: give each key its own", i+1)
		}
		set.keys = append(set.keys, k)
	}
	return set, nil
}

func parseKey(raw []byte) (Key, error) {
	o, err := parseObject(raw)
	if err != nil {
		return Key{}, err
	}
	for _, m := range privateMembers {
		if _, there := o[m]; there {
			return Key{}, fmt.Errorf("member %q is private: this file must hold public keys only; remove it, and replace the key pair if others can read this file", m)
		}
	}
	return parsePublic(o)
}

func parsePublic(o object) (Key, error) {
	var k Key
	var ok bool
	if k.ID, ok = o.text("kid"); !ok || k.ID == "" || len(k.ID) > MaxKeyID {
		return Key{}, fmt.Errorf("it needs a kid of 1 to %d characters, because tokens name their key by it", MaxKeyID)
	}
	if use, ok := o.text("use"); !ok || (use != "" && use != "sig") {
		return Key{}, errors.New("\"use\" is not \"sig\": keep keys for encryption out of this file")
	}
	if raw, there := o["key_ops"]; there {
		var ops []string
		if json.Unmarshal(raw, &ops) != nil || !slices.Contains(ops, "verify") {
			return Key{}, errors.New("\"key_ops\" does not hold \"verify\": this key is not for signatures")
		}
	}
	kty, ok1 := o.text("kty")
	crv, ok2 := o.text("crv")
	if !ok1 || !ok2 {
		return Key{}, errors.New("\"kty\" and \"crv\" must be strings")
	}
	var err error
	switch {
	case kty == "OKP" && crv == "Ed25519":
		k.Algorithm = EdDSA
		k.public, err = parseEd25519(o)
	case kty == "EC" && crv == "P-256":
		k.Algorithm = ES256
		k.public, err = parseP256(o)
	default:
		return Key{}, errors.New("neither OKP with Ed25519 nor EC with P-256: other keys are not accepted; take it out of this file, or let the issuer sign with EdDSA or ES256")
	}
	if err != nil {
		return Key{}, err
	}
	if alg, ok := o.text("alg"); !ok || (alg != "" && alg != k.Algorithm) {
		return Key{}, fmt.Errorf("\"alg\" does not fit the key: it must be %s or left out", k.Algorithm)
	}
	return k, nil
}

func parseEd25519(o object) (crypto.PublicKey, error) {
	x, err := octets(o, "x", ed25519.PublicKeySize)
	if err != nil {
		return nil, err
	}
	return ed25519.PublicKey(x), nil
}

func parseP256(o object) (crypto.PublicKey, error) {
	x, err := octets(o, "x", coordinateP256)
	if err != nil {
		return nil, err
	}
	y, err := octets(o, "y", coordinateP256)
	if err != nil {
		return nil, err
	}
	point := slices.Concat([]byte{uncompressedSEC}, x, y)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("\"x\" and \"y\" are no point on P-256: copy the key again from the issuer")
	}
	return public, nil
}

func octets(o object, name string, size int) ([]byte, error) {
	s, ok := o.text(name)
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if !ok || err != nil || len(b) != size {
		return nil, fmt.Errorf("%q must be %d octets in base64url without padding", name, size)
	}
	return b, nil
}
