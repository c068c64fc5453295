package sframe

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the shared vectors anew")

// The vectors that the page's code is tested with, too.
const (
	rfcVectors    = "../../../signaling/web/test/vectors/rfc9605.json"
	sharedVectors = "../../../signaling/web/test/vectors/sframe.json"
)

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRFC9605 uses the vectors of the RFC: key, salt, nonce, authenticated data and ciphertext of suite 5, and its headers.
func TestRFC9605(t *testing.T) {
	var rfc struct {
		Suite5 struct {
			KID                                                                    uint32
			CTR                                                                    uint32
			Base_key, Sframe_key, Sframe_salt, Sframe_key_label, Sframe_salt_label string
			Metadata, Nonce, AAD, PT, CT                                           string
		}
		Headers []struct{ KID, CTR, Encoded string }
	}
	readJSON(t, rfcVectors, &rfc)
	v := rfc.Suite5
	if label("key", KID(v.KID)) != string(unhex(t, v.Sframe_key_label)) || label("salt", KID(v.KID)) != string(unhex(t, v.Sframe_salt_label)) {
		t.Error("labels differ")
	}
	key, salt, err := Derive(unhex(t, v.Base_key), KID(v.KID))
	if err != nil || hex.EncodeToString(key) != v.Sframe_key || hex.EncodeToString(salt) != v.Sframe_salt {
		t.Fatalf("key %x, salt %x (%v)", key, salt, err)
	}
	k, err := NewKey(key, salt)
	if err != nil {
		t.Fatal(err)
	}
	aad, sealed, metadata := unhex(t, v.AAD), unhex(t, v.CT), unhex(t, v.Metadata)
	f := Frame{Counter: v.CTR, Outer: metadata, Header: aad[:len(aad)-len(metadata)], Sealed: sealed[len(aad)-len(metadata):]}
	if hex.EncodeToString(k.nonceOf(v.CTR)) != v.Nonce || !bytes.Equal(k.authenticated(f.Header, f.Outer), aad) {
		t.Error("nonce or authenticated data differ")
	}
	if plain, err := k.Open(f); err != nil || hex.EncodeToString(plain) != v.PT {
		t.Errorf("opened %x (%v)", plain, err)
	}
	ours := 0
	for _, h := range rfc.Headers {
		kid, _ := strconv.ParseUint(h.KID, 10, 64)
		ctr, _ := strconv.ParseUint(h.CTR, 10, 64)
		f, err := Parse(Opus, append(unhex(t, h.Encoded), make([]byte, 40)...))
		fits := strings.HasPrefix(h.Encoded, "ba") && kid>>31 == 1
		if ours++; !fits {
			ours--
		}
		if fits != (err == nil) || fits && (uint64(f.KID) != kid || uint64(f.Counter) != ctr) {
			t.Errorf("header %s: %+v, %v", h.Encoded, f, err)
		}
	}
	if ours == 0 || len(rfc.Headers) < 200 {
		t.Errorf("%d of %d headers are of the shape that is used", ours, len(rfc.Headers))
	}
}

// A vector is one frame; the page's code seals and opens it, too.
type vector struct {
	Name       string `json:"name"`
	Codec      string `json:"codec"`
	Stream     int    `json:"stream"`
	Generation int    `json:"generation"`
	Leaf       int    `json:"leaf"`
	Number     int    `json:"number"`
	KID        uint32 `json:"kid"`
	Counter    uint32 `json:"counter"`
	Key        string `json:"key"`
	Salt       string `json:"salt"`
	Plain      string `json:"plain"`
	Sealed     string `json:"sealed"`
}

// A refusal is a frame that must not open.
type refusal struct {
	Name   string `json:"name"`
	Codec  string `json:"codec"`
	Sealed string `json:"sealed"`
	Why    string `json:"why"` // plain or forged
}

type vectors struct {
	About   string    `json:"about"`
	BaseKey string    `json:"baseKey"`
	Frames  []vector  `json:"frames"`
	Refused []refusal `json:"refused"`
}

func codecOf(name string) Codec {
	if name == "vp8" {
		return VP8
	}
	return Opus
}

var keyFrame = "10020a9d012a4001b400" + "0047088585" + strings.Repeat("5a", 40)

// makeVectors makes the shared vectors anew, always the same.
func makeVectors(t *testing.T) vectors {
	base := bytes.Repeat([]byte{0x42}, 32)
	out := vectors{About: "Frames of end-to-end encrypted media: RFC 9605, suite 5. Written by sfu/record/sframe (go test -update), checked there and by the page's code. Bytes are hexadecimal.",
		BaseKey: hex.EncodeToString(base)}
	for _, v := range []vector{
		{Name: "audio", Codec: "opus", Stream: Microphone, Leaf: 3, Number: 7, Counter: MinCounter, Plain: "78" + strings.Repeat("a1b2", 30)},
		{Name: "audio without a byte", Codec: "opus", Stream: Microphone, Leaf: 3, Number: 7, Counter: MinCounter + 1},
		{Name: "the last counter", Codec: "opus", Stream: Microphone, Leaf: 0, Number: 0, Counter: MaxCounter, Plain: "f8fffe"},
		{Name: "every field at its end", Codec: "opus", Stream: 7, Generation: 15, Leaf: 255, Number: 65535, Counter: MaxCounter, Plain: "f8fffe"},
		{Name: "a key frame of a camera", Codec: "vp8", Stream: CameraFirst, Generation: 1, Leaf: 3, Number: 7, Counter: 0x12345, Plain: keyFrame},
		{Name: "the next frame", Codec: "vp8", Stream: CameraFirst, Generation: 1, Leaf: 3, Number: 7, Counter: 0x12346, Plain: "31" + strings.Repeat("0c0d", 20)},
		{Name: "the largest encoding", Codec: "vp8", Stream: CameraLast, Generation: 1, Leaf: 3, Number: 7, Counter: MinCounter, Plain: keyFrame},
		{Name: "a screen, by another number", Codec: "vp8", Stream: Screen, Generation: 2, Leaf: 200, Number: 65530, Counter: MinCounter, Plain: keyFrame},
		{Name: "a key frame that is its header", Codec: "vp8", Stream: Screen, Generation: 2, Leaf: 200, Number: 65530, Counter: MinCounter + 1, Plain: keyFrame[:20]},
	} {
		kid := NewKID(v.Stream, v.Generation, v.Leaf, v.Number)
		key, salt, err := Derive(base, kid)
		if err != nil {
			t.Fatal(err)
		}
		k, err := NewKey(key, salt)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := k.Seal(nil, codecOf(v.Codec), kid, v.Counter, unhex(t, v.Plain))
		if err != nil {
			t.Fatal(err)
		}
		v.KID, v.Key, v.Salt, v.Sealed = uint32(kid), hex.EncodeToString(key), hex.EncodeToString(salt), hex.EncodeToString(sealed)
		out.Frames = append(out.Frames, v)
	}
	out.Refused = refusals(t, out.Frames)
	return out
}

// refusals changes good frames in every way that a reader must notice.
func refusals(t *testing.T, frames []vector) (list []refusal) {
	audio, key, delta := unhex(t, frames[0].Sealed), unhex(t, frames[4].Sealed), unhex(t, frames[5].Sealed)
	add := func(name, codec, why string, b []byte) {
		list = append(list, refusal{name, codec, hex.EncodeToString(b), why})
	}
	flip := func(b []byte, at int, bits byte) []byte {
		b = bytes.Clone(b)
		b[at] ^= bits
		return b
	}
	add("audio that is not sealed", "opus", "plain", unhex(t, frames[0].Plain))
	add("a key frame that is not sealed", "vp8", "plain", unhex(t, frames[4].Plain))
	add("a frame that is not sealed", "vp8", "plain", unhex(t, frames[5].Plain))
	add("nothing", "opus", "plain", nil)
	add("nothing", "vp8", "plain", nil)
	add("cut off in the header", "opus", "plain", audio[:7])
	add("shorter than a tag", "opus", "plain", audio[:headerSize+tagSize-1])
	add("another config", "opus", "plain", flip(audio, 0, 1))
	add("a KID without its highest bit", "opus", "plain", flip(audio, 1, 0x80))
	add("a counter that is not in minimal form", "opus", "plain", flip(audio, 5, 1))
	add("another first byte in front", "vp8", "plain", flip(delta, 0, 2))
	add("cut off at the end", "opus", "forged", audio[:len(audio)-1])
	add("a bit of the ciphertext", "opus", "forged", flip(audio, 12, 1))
	add("a bit of the tag", "opus", "forged", flip(audio, len(audio)-1, 0x80))
	add("a bit of the counter", "opus", "forged", flip(audio, 7, 1))
	for at := 3; at < outerKeyFrame; at++ {
		add(fmt.Sprintf("a bit of outer byte %d", at), "vp8", "forged", flip(key, at, 4))
	}
	add("a bit of the ciphertext of a key frame", "vp8", "forged", flip(key, 20, 1))
	add("a bit of the ciphertext of a frame", "vp8", "forged", flip(delta, 10, 1))
	return list
}

// TestVectors seals and opens the vectors that are shared with the page.
func TestVectors(t *testing.T) {
	made := makeVectors(t)
	if *update {
		data, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(sharedVectors, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var v vectors
	readJSON(t, sharedVectors, &v)
	if len(v.Frames) < 9 || len(v.Refused) < 20 {
		t.Fatalf("%d frames, %d refusals", len(v.Frames), len(v.Refused))
	}
	keys := map[KID]*Key{}
	for i, one := range v.Frames {
		if i >= len(made.Frames) || one != made.Frames[i] {
			t.Errorf("%s is not what is sealed now", one.Name)
		}
		k, err := NewKey(unhex(t, one.Key), unhex(t, one.Salt))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(codecOf(one.Codec), unhex(t, one.Sealed))
		if err != nil {
			t.Fatalf("%s: %v", one.Name, err)
		}
		keys[f.KID] = k
		if f.KID.Stream() != one.Stream || f.KID.Generation() != one.Generation || f.KID.Leaf() != one.Leaf || f.KID.Number() != one.Number || f.Counter != one.Counter {
			t.Errorf("%s: %+v", one.Name, f)
		}
		if plain, err := k.Open(f); err != nil || hex.EncodeToString(plain) != one.Plain {
			t.Errorf("%s: opened %x (%v)", one.Name, plain, err)
		}
	}
	for _, one := range v.Refused {
		f, err := Parse(codecOf(one.Codec), unhex(t, one.Sealed))
		want := map[string]error{"plain": ErrPlain, "forged": ErrForged}[one.Why]
		if err == nil && keys[f.KID] != nil {
			_, err = keys[f.KID].Open(f)
		}
		if want == nil || !errors.Is(err, want) {
			t.Errorf("%s, %s: %v, want %s", one.Codec, one.Name, err, one.Why)
		}
	}
}

// TestOuterFitsFrame checks that a frame that a member sealed under the outer bytes of another frame is refused although its tag is valid.
func TestOuterFitsFrame(t *testing.T) {
	k, err := NewKey(make([]byte, KeySize), make([]byte, SaltSize))
	if err != nil {
		t.Fatal(err)
	}
	key := unhex(t, keyFrame)
	kid := NewKID(CameraFirst, 0, 1, 1)
	for what, outer := range map[string][]byte{"delta": {1}, "another size": append(bytes.Clone(key[:9]), 0xff)} {
		header := []byte{config, byte(kid >> 24), byte(kid >> 16), byte(kid >> 8), byte(kid), 1, 0, 0}
		b := append(bytes.Clone(outer), header...)
		b = k.aead.Seal(b, k.nonceOf(MinCounter), key, k.authenticated(header, outer))
		f, err := Parse(VP8, b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Open(f); !errors.Is(err, ErrForged) {
			t.Errorf("outer bytes of %s: %v", what, err)
		}
	}
	for _, plain := range [][]byte{nil, key[:9]} {
		if _, err := k.Seal(nil, VP8, kid, MinCounter, plain); !errors.Is(err, ErrPlain) {
			t.Errorf("sealed %x: %v", plain, err)
		}
	}
	if _, err := NewKey(make([]byte, 16), make([]byte, SaltSize)); !errors.Is(err, ErrKey) {
		t.Errorf("a key of 16 bytes: %v", err)
	}
}

// FuzzParse checks that the parts that Parse returns make up the frame again, and that nothing opens that was not sealed.
func FuzzParse(f *testing.F) {
	var v vectors
	readJSON(f, sharedVectors, &v)
	for _, one := range v.Frames {
		f.Add(unhex(f, one.Sealed), one.Codec == "vp8")
	}
	for _, one := range v.Refused {
		f.Add(unhex(f, one.Sealed), one.Codec == "vp8")
	}
	k, err := NewKey(bytes.Repeat([]byte{3}, KeySize), bytes.Repeat([]byte{4}, SaltSize))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, video bool) {
		codec := Opus
		if video {
			codec = VP8
		}
		frame, err := Parse(codec, data)
		if err == nil {
			if !bytes.Equal(bytes.Join([][]byte{frame.Outer, frame.Header, frame.Sealed}, nil), data) {
				t.Error("parts are missing")
			}
			if again := NewKID(frame.KID.Stream(), frame.KID.Generation(), frame.KID.Leaf(), frame.KID.Number()); again != frame.KID {
				t.Errorf("KID %x is %x", frame.KID, again)
			}
			if _, err := k.Open(frame); err == nil {
				t.Error("a frame opened that nobody sealed")
			}
		}
		sealed, err := k.Seal(nil, codec, NewKID(1, 2, 3, 4), MinCounter, data)
		if err != nil {
			return
		}
		frame, err = Parse(codec, sealed)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := k.Open(frame); err != nil || !bytes.Equal(plain, data) {
			t.Errorf("opened %x (%v)", plain, err)
		}
	})
}
