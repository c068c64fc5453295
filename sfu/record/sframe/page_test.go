package sframe

import (
	"encoding/hex"
	"errors"
	"testing"
)

// pageVectors are frames that the page's code sealed.
const pageVectors = "../../../signaling/web/test/vectors/sframe_page.json"

// TestPageVectors opens what the page seals, and seals it to the same byte.
func TestPageVectors(t *testing.T) {
	var v struct {
		Frames []struct {
			vector
			BaseKey string
		}
		Refused []refusal
	}
	readJSON(t, pageVectors, &v)
	if len(v.Frames) < 8 || len(v.Refused) < 8 {
		t.Fatalf("%d frames, %d refusals", len(v.Frames), len(v.Refused))
	}
	for _, one := range v.Frames {
		kid := NewKID(one.Stream, one.Generation, one.Leaf, one.Number)
		key, salt, err := Derive(unhex(t, one.BaseKey), kid)
		if err != nil || uint32(kid) != one.KID || hex.EncodeToString(key) != one.Key || hex.EncodeToString(salt) != one.Salt {
			t.Fatalf("%s: KID %x, key %x, salt %x (%v)", one.Name, kid, key, salt, err)
		}
		k, err := NewKey(key, salt)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := k.Seal(nil, codecOf(one.Codec), kid, one.Counter, unhex(t, one.Plain))
		if err != nil || hex.EncodeToString(sealed) != one.Sealed {
			t.Errorf("%s: sealed %x (%v)", one.Name, sealed, err)
		}
		f, err := Parse(codecOf(one.Codec), unhex(t, one.Sealed))
		if err != nil {
			t.Fatalf("%s: %v", one.Name, err)
		}
		if plain, err := k.Open(f); err != nil || hex.EncodeToString(plain) != one.Plain {
			t.Errorf("%s: opened %x (%v)", one.Name, plain, err)
		}
	}
	for _, one := range v.Refused {
		if _, err := Parse(codecOf(one.Codec), unhex(t, one.Sealed)); !errors.Is(err, ErrPlain) {
			t.Errorf("%s: %v", one.Name, err)
		}
	}
}
