package srtp

import (
	"bytes"
	"crypto/aes"
	"testing"

	pion "github.com/pion/srtp/v3"
)

func cmContexts(t *testing.T) (*Sealer, *Opener, *pion.Context) {
	t.Helper()
	key, salt := unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"), unhex(t, "0EC675AD498AFEEBB6960B3AABE6")
	s, err := NewSealer(key, salt)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(key, salt)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pion.CreateContext(key, salt, pion.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		t.Fatal(err)
	}
	return s, o, p
}

// TestCMKeyStreamRFC3711 checks the key stream of counter mode at the begin and the end of the table in RFC 3711, appendix B.2.
func TestCMKeyStreamRFC3711(t *testing.T) {
	s, _, _ := cmContexts(t)
	c := s.rtp.aead.(*cm)
	block, err := aes.NewCipher(unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"))
	if err != nil {
		t.Fatal(err)
	}
	c.block = block
	copy(c.salt[:], unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
	stream := make([]byte, 0xff02*16)
	c.xorKeyStream(make([]byte, SaltSize), stream)
	for at, want := range map[int]string{
		0: "E03EAD0935C95E80E166B16DD92B4EB4", 1: "D23513162B02D0F72A43A2FE4A5F97AB", 2: "41E95B3BB0A2E8DD477901E4FCA894C0",
		0xfeff: "EC8CDF7398607CB0F2D21675EA9EA1E4", 0xff00: "362B7C3C6773516318A077D7FC5073AE", 0xff01: "6A2CC3787889374FBEB4C81B17BA6C44",
	} {
		if got := stream[at*16 : at*16+16]; !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("block %#x is %X", at, got)
		}
	}
}

// TestCMKeysRFC3711 checks the keys of cipher, salt and authentication in RFC 3711, appendix B.3.
func TestCMKeysRFC3711(t *testing.T) {
	key, salt := unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"), unhex(t, "0EC675AD498AFEEBB6960B3AABE6")
	got, err := derive(key, salt, labelRTPAuth, cmAuthSize)
	if err != nil || !bytes.Equal(got, unhex(t, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")) {
		t.Fatalf("authentication key %X, %v", got, err)
	}
}

func TestCMAgainstPion(t *testing.T) {
	s, o, p := cmContexts(t)
	_, again, _ := cmContexts(t)
	for i := range 70000 { // across a rollover
		if i%5000 != 0 && i > 300 && i < 65400 {
			continue
		}
		plain := packet(uint16(i), "somebody said something"[:i%24])
		sealed := s.RTP(withCapacity(plain), 16, 0xdecafbad, uint64(i))
		got, err := p.DecryptRTP(nil, sealed, nil)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("pion opens %d: %v", i, err)
		}
		if got, err = o.RTP(sealed, 16); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("we open %d: %v", i, err)
		}
	}
	_, _, other := cmContexts(t)
	for i := range 300 {
		plain := packet(uint16(i), "x")
		sealed, err := other.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.RTP(withCapacity(sealed), 16); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("we open what pion sealed, %d: %v", i, err)
		}
	}
}

func TestCMReportsAgainstPion(t *testing.T) {
	s, o, p := cmContexts(t)
	for i := range 5 {
		report := append([]byte{0x81, 206, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8}, make([]byte, 4*i)...)
		sealed := s.RTCP(withCapacity(report))
		if got, err := p.DecryptRTCP(nil, bytes.Clone(sealed), nil); err != nil || !bytes.Equal(got, report) {
			t.Fatalf("pion opens: %v", err)
		}
		again, forged := withCapacity(sealed), withCapacity(sealed)
		forged[9] ^= 1
		if _, err := o.RTCP(forged); err != ErrAuth {
			t.Fatalf("a forged report: %v", err)
		}
		if got, err := o.RTCP(sealed); err != nil || !bytes.Equal(got, report) {
			t.Fatalf("we open: %v", err)
		}
		if _, err := o.RTCP(again); err != ErrReplayed {
			t.Fatalf("a replayed report: %v", err)
		}
	}
	sealed, err := p.EncryptRTCP(nil, []byte{0x80, 201, 0, 1, 9, 9, 9, 9}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.RTCP(withCapacity(sealed)); err != nil {
		t.Fatalf("we open what pion sealed: %v", err)
	}
}

func TestCMRefuses(t *testing.T) {
	s, o, _ := cmContexts(t)
	sealed := s.RTP(withCapacity(packet(40000, "words")), 16, 0xdecafbad, 40000)
	for i := range sealed {
		bad := withCapacity(sealed)
		bad[i] ^= 1
		if _, err := o.RTP(bad, 16); err == nil {
			t.Fatalf("a flipped bit in byte %d passes", i)
		}
	}
	again := withCapacity(sealed)
	if _, err := o.RTP(sealed, 16); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RTP(again, 16); err != ErrReplayed {
		t.Fatalf("replay: %v", err)
	}
	if _, err := o.RTP(again[:25], 16); err != ErrShort {
		t.Fatalf("short: %v", err)
	}
}

func TestCMNoAllocations(t *testing.T) {
	s, o, _ := cmContexts(t)
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
