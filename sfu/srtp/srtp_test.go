package srtp

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDeriveRFC3711 checks the key derivation in RFC 3711, appendix B.3, with its salt of 14 bytes.
func TestDeriveRFC3711(t *testing.T) {
	key, salt := unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"), unhex(t, "0EC675AD498AFEEBB6960B3AABE6")
	got, err := derive(key, salt, labelRTPKey, 16)
	if err != nil || !bytes.Equal(got, unhex(t, "C61E7A93744F39EE10734AFE3FF7A087")) {
		t.Fatalf("cipher key %x, %v", got, err)
	}
	got, _ = derive(key, salt, labelRTPSalt, 14)
	if !bytes.Equal(got, unhex(t, "30CBBC08863D8C85D49DB34A9AE1")) {
		t.Fatalf("salt %x", got)
	}
}

func TestNonceRFC7714(t *testing.T) {
	// RFC 7714, section 16.1: SSRC a0a1..., see the example's header 8040f17b 8041f8d3 5501a0b2.
	h := direction{}
	copy(h.salt[:], unhex(t, "517569642070726f2071756f"))
	if got := h.rtpNonce(0x5501a0b2, 0xf17b); !bytes.Equal(got, unhex(t, "51753c6580c2726f20718414")) {
		t.Fatalf("nonce %x", got)
	}
}

func contexts(t *testing.T, size int) (*Sealer, *Opener, *pion.Context) {
	t.Helper()
	key, salt := make([]byte, size), make([]byte, SaltSize)
	for i := range key {
		key[i] = byte(i * 7)
	}
	for i := range salt {
		salt[i] = byte(200 - i)
	}
	profile := pion.ProtectionProfileAeadAes256Gcm
	if size == 16 {
		profile = pion.ProtectionProfileAeadAes128Gcm
	}
	s, err := NewSealer(key, salt)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(key, salt)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pion.CreateContext(key, salt, profile)
	if err != nil {
		t.Fatal(err)
	}
	return s, o, p
}

func packet(seq uint16, payload string) []byte {
	h := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: 9, SSRC: 0xdecafbad, CSRC: []uint32{7}}
	b, _ := h.Marshal()
	return append(b, payload...)
}

func withCapacity(b []byte) []byte { return append(make([]byte, 0, len(b)+64), b...) }

func TestAgainstPion(t *testing.T) {
	for _, size := range []int{16, 32} {
		s, o, p := contexts(t, size)
		for i := range 70000 { // across a rollover
			plain := packet(uint16(i), "somebody said something")
			if i%5000 != 0 && i > 66000 {
				continue
			}
			sealed := s.RTP(withCapacity(plain), 16, 0xdecafbad, uint64(i))
			got, err := p.DecryptRTP(nil, sealed, nil)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("pion opens %d: %v", i, err)
			}
			if got, err = o.RTP(sealed, 16); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("we open %d: %v", i, err)
			}
		}
	}
}

func TestOpensPacketsOfPion(t *testing.T) {
	_, o, p := contexts(t, 32)
	plain := packet(65535, "x")
	sealed, err := p.EncryptRTP(nil, plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := o.RTP(withCapacity(sealed), 16); err != nil || !bytes.Equal(got, plain) {
		t.Fatal(err)
	}
	report := []byte{0x80, 201, 0, 1, 1, 2, 3, 4}
	sealedReport, err := p.EncryptRTCP(nil, report, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := o.RTCP(withCapacity(sealedReport)); err != nil || !bytes.Equal(got, report) {
		t.Fatal(err)
	}
}

func TestRTCPAgainstPion(t *testing.T) {
	s, o, p := contexts(t, 32)
	report := []byte{0x81, 206, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8}
	for range 3 {
		sealed := s.RTCP(withCapacity(report))
		if got, err := p.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(got, report) {
			t.Fatal(err)
		}
		again := withCapacity(sealed)
		if got, err := o.RTCP(sealed); err != nil || !bytes.Equal(got, report) {
			t.Fatal(err)
		}
		if _, err := o.RTCP(again); err != ErrReplayed {
			t.Fatalf("replayed report: %v", err)
		}
	}
}

func TestRefuses(t *testing.T) {
	s, o, _ := contexts(t, 32)
	sealed := s.RTP(withCapacity(packet(5000, "words")), 16, 0xdecafbad, 5000)
	keep := withCapacity(sealed)
	for i := range sealed {
		bad := withCapacity(keep)
		bad[i] ^= 1
		if _, err := o.RTP(bad, 16); err == nil {
			t.Fatalf("flipped bit in byte %d passes", i)
		}
	}
	if len(o.sources.windows) != 0 {
		t.Fatal("an unauthenticated packet left state")
	}
	if _, err := o.RTP(withCapacity(keep), 16); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RTP(withCapacity(keep), 16); err != ErrReplayed {
		t.Fatalf("replay: %v", err)
	}
	if _, err := o.RTP(keep[:20], 16); err != ErrShort {
		t.Fatalf("short: %v", err)
	}
	for _, bad := range [][2]int{{15, 12}, {32, 14}} {
		if _, err := NewSealer(make([]byte, bad[0]), make([]byte, bad[1])); err != ErrKey {
			t.Fatalf("key sizes %v: %v", bad, err)
		}
	}
}

func TestWindow(t *testing.T) {
	var w window
	model := map[uint64]bool{}
	rnd := rand.New(rand.NewPCG(1, 2))
	top := uint64(5)
	for range 20000 {
		i := top + uint64(rnd.IntN(40))
		if back := uint64(rnd.IntN(900)); rnd.IntN(2) == 0 && i > back {
			i -= back
		}
		if rnd.IntN(3000) == 0 {
			i += 3 * windowSize
		}
		if i+windowSize > w.top && w.seen(i) != model[i] {
			t.Fatalf("index %d: seen %v, model %v", i, w.seen(i), model[i])
		}
		if !w.seen(i) {
			w.mark(i)
			model[i] = true
		}
		top = max(top, i)
	}
	if !w.seen(w.top - windowSize - 1) {
		t.Fatal("what is older than the window must count as seen")
	}
}

func TestNoAllocations(t *testing.T) {
	s, o, _ := contexts(t, 32)
	plain := packet(0, string(make([]byte, 1100)))
	buf := make([]byte, 0, 1500)
	i := uint64(0)
	n := testing.AllocsPerRun(500, func() {
		buf = append(buf[:0], plain...)
		buf[2], buf[3] = byte(i>>8), byte(i)
		if _, err := o.RTP(s.RTP(buf, 16, 0xdecafbad, i), 16); err != nil {
			t.Fatal(err)
		}
		i++
	})
	if n != 0 {
		t.Fatalf("%v allocations per packet", n)
	}
}

func FuzzOpener(f *testing.F) {
	f.Add(packet(1, "seed"))
	f.Add([]byte{0x80, 200, 0, 1, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := NewOpener(make([]byte, 32), make([]byte, 12))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.RTP(bytes.Clone(b), 12); err == nil {
			t.Fatal("opened what nobody sealed")
		}
		if _, err := o.RTCP(bytes.Clone(b)); err == nil {
			t.Fatal("opened what nobody sealed")
		}
	})
}
