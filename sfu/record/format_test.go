package record

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
)

// TestFormat reads a segment and a keyring as FORMAT.md says, with nothing of this package: what an auditor would write.
func TestFormat(t *testing.T) {
	c := newClinic(t, nil)
	track := c.start(videoOf("person-a"))
	for n := range 120 {
		track.Put(unit(n, began))
	}
	track.Clock(77, began)
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, f := range c.disk.files {
		data = f.now
	}
	r := auditor{t}
	keys := r.keyring(c.files)

	if string(data[:8]) != "ALCVREC1" {
		t.Fatalf("magic %q", data[:8])
	}
	n := binary.BigEndian.Uint32(data[8:])
	var header struct{ File, Track, ErasureKey, Wrapped string }
	r.json(data[12:12+n], &header)
	h := sha256.Sum256(data[:12+n])
	wrapped, err := base64.StdEncoding.DecodeString(header.Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	outer := r.derive(keys[header.ErasureKey], r.id(header.Track), "alcove recording 1: erasure")
	inner := r.open(outer, make([]byte, 12), wrapped, r.id(header.Track))
	opened, err := age.Decrypt(bytes.NewReader(inner), c.identity)
	if err != nil {
		t.Fatal(err)
	}
	var trackKey bytes.Buffer
	if _, err := trackKey.ReadFrom(opened); err != nil || trackKey.Len() != 32 {
		t.Fatalf("a key of %d bytes (%v)", trackKey.Len(), err)
	}
	key := r.derive(trackKey.Bytes(), r.id(header.File), "alcove recording 1: segment")

	rest, previous := data[12+n:], make([]byte, 16)
	units, clocks, ended := 0, 0, false
	for number := uint64(0); len(rest) > 0; number++ {
		head := rest[:45]
		length := binary.BigEndian.Uint32(head[25:])
		sealed := rest[45 : 45+length]
		rest = rest[45+length:]
		if !bytes.Equal(head[:16], r.id(header.File)) || binary.BigEndian.Uint64(head[17:]) != number || !bytes.Equal(head[29:], previous) {
			t.Fatalf("head of record %d is %x", number, head)
		}
		previous = sealed[len(sealed)-16:]
		nonce := binary.BigEndian.AppendUint64(make([]byte, 4), number)
		plain := r.open(key, nonce, sealed, append(bytes.Clone(h[:]), head...))
		if head[16] == 2 {
			ended = true
			if plain[0] != 1 || binary.BigEndian.Uint64(plain[1:]) != 120 || len(plain) != 9+3*20 {
				t.Errorf("the end is %x", plain)
			}
			continue
		}
		for len(plain) > 0 {
			size := int(binary.BigEndian.Uint16(plain[2:]))
			switch plain[0] {
			case 1:
				want := unit(units, began)
				if binary.BigEndian.Uint64(plain[4:]) != want.Seq || binary.BigEndian.Uint32(plain[12:]) != want.Timestamp ||
					int64(binary.BigEndian.Uint64(plain[16:])) != want.Arrived.UnixNano() || !bytes.Equal(plain[24:24+size], want.Payload) ||
					plain[1]&1 != 0 != want.Marker || plain[1]&2 != 0 != want.KeyFrame {
					t.Errorf("unit %d is %x", units, plain[:24])
				}
				units++
			case 2:
				if binary.BigEndian.Uint32(plain[12:]) != 77 || size != 0 {
					t.Errorf("a clock is %x", plain[:24])
				}
				clocks++
			}
			plain = plain[24+size:]
		}
	}
	if units != 120 || clocks != 1 || !ended {
		t.Errorf("%d units, %d clocks, ended: %v", units, clocks, ended)
	}
}

// An auditor fails the test where the specification does.
type auditor struct{ t *testing.T }

func (r auditor) keyring(f KeyringPaths) map[string][]byte {
	r.t.Helper()
	text := string(must(os.ReadFile(f.File))(r.t))
	open, rest, _ := strings.Cut(text, "\n")
	sealed := must(base64.StdEncoding.DecodeString(strings.TrimSpace(rest)))(r.t)
	key := must(base64.StdEncoding.DecodeString(strings.TrimSpace(string(must(os.ReadFile(f.KeyFile))(r.t)))))(r.t)
	var content struct {
		Keys []struct {
			ID  string
			Key []byte
		}
	}
	r.json(r.open(key, sealed[:12], sealed[12:], []byte(open)), &content)
	keys := map[string][]byte{}
	for _, k := range content.Keys {
		keys[k.ID] = k.Key
	}
	return keys
}

func (r auditor) json(data []byte, into any) {
	r.t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		r.t.Fatal(err)
	}
}

func (r auditor) id(s string) []byte { return must(hex.DecodeString(s))(r.t) }

func (r auditor) derive(secret, salt []byte, info string) []byte {
	r.t.Helper()
	return must(hkdf.Key(sha256.New, secret, salt, info, 32))(r.t)
}

func (r auditor) open(key, nonce, sealed, additional []byte) []byte {
	r.t.Helper()
	aead := must(cipher.NewGCM(must(aes.NewCipher(key))(r.t)))(r.t)
	return must(aead.Open(nil, nonce, sealed, additional))(r.t)
}
