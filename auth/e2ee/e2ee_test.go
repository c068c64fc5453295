package e2ee

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"alcove/auth"
)

// TestRoomByHand computes R from RFC 5869 alone, so that the vectors rest on more than this package.
func TestRoomByHand(t *testing.T) {
	k := GenerateClinicKey()
	mac := func(key []byte, message ...byte) []byte {
		m := hmac.New(sha256.New, key)
		m.Write(message)
		return m.Sum(nil)
	}
	prk := mac(make([]byte, sha256.Size), []byte(k.key.Reveal())...) // section 2.2, without salt
	info := "\x00\x00\x00\x12alcove e2ee 1 room\x00\x00\x00\x04demo\x00\x00\x00\x05s-1ü"
	want := mac(prk, append([]byte(info), 1)...) // section 2.3, one block
	if got := k.Room("demo", "s-1ü").secret.Reveal(); got != string(want) {
		t.Errorf("R is %x, want %x", got, want)
	}
}

// TestSecretDependsOnEveryInput checks that changing any single input changes the secret, so that a server that lies about one of them is
// detected.
func TestSecretDependsOnEveryInput(t *testing.T) {
	k := GenerateClinicKey()
	token, other := auth.NewSecret("a.b.c"), auth.NewSecret("a.b.d")
	seen := map[string]string{}
	for name, link := range map[string]auth.Secret{
		"as it is":        k.Link("demo", "1", auth.Participant, "Maria", token),
		"another room":    k.Link("demo2", "1", auth.Participant, "Maria", token),
		"another session": k.Link("demo", "2", auth.Participant, "Maria", token),
		"parts shifted":   k.Link("demo1", "", auth.Participant, "Maria", token),
		"another role":    k.Link("demo", "1", auth.Observer, "Maria", token),
		"another name":    k.Link("demo", "1", auth.Participant, "Mario", token),
		"no name":         k.Link("demo", "1", auth.Participant, "", token),
		"another token":   k.Link("demo", "1", auth.Participant, "Maria", other),
		"a host":          k.Link("demo", "1", auth.Host, "Maria", token),
		"another key":     GenerateClinicKey().Link("demo", "1", auth.Participant, "Maria", token),
	} {
		if before, there := seen[link.Reveal()]; there {
			t.Errorf("%s and %s have the same secret", name, before)
		}
		seen[link.Reveal()] = name
	}
	if k.Link("demo", "1", auth.Host, "A", token).Reveal() != k.Link("demo", "1", auth.Cohost, "B", other).Reveal() {
		t.Error("hosts of one session must hold the same R")
	}
	if k.Link("demo", "1", auth.Participant, "  Maria\u200b ", token).Reveal() != k.Link("demo", "1", auth.Participant, "Maria", token).Reveal() {
		t.Error("a name must count as it is shown")
	}
}

func TestProofs(t *testing.T) {
	hash := TokenHash(auth.NewSecret("a.b.c"))
	s := GenerateClinicKey().Room("demo", "1").Person(auth.Participant, "Maria", hash)
	key, welcome := s.ProveKeyPackage([]byte("package")), s.ProveWelcome([]byte("package"))
	if !s.KeyPackageProved([]byte("package"), key) || !s.WelcomeProved([]byte("package"), welcome) {
		t.Fatal("a right proof is refused")
	}
	if bytes.Equal(key, welcome) {
		t.Error("a proof of a key package is one of a welcome")
	}
	flipped := bytes.Clone(key)
	flipped[31] ^= 1
	for name, proof := range map[string][]byte{"flipped": flipped, "short": key[:31], "empty": nil, "the other kind": welcome} {
		if s.KeyPackageProved([]byte("package"), proof) {
			t.Errorf("%s: accepted", name)
		}
	}
	if s.KeyPackageProved([]byte("another"), key) {
		t.Error("the proof of another key package is accepted")
	}
}

func TestCodeHoldsStill(t *testing.T) {
	a, b, group := []byte("host a"), []byte("host b"), []byte("group")
	code := Code(group, [][]byte{b, a})
	if !regexp.MustCompile(`^\d{5}( \d{5}){5}$`).MatchString(code) {
		t.Errorf("%q is not six groups of five digits", code)
	}
	if code != Code(group, [][]byte{a, b}) {
		t.Error("the order of hosts counts")
	}
	for _, other := range []string{Code([]byte("groups"), [][]byte{a, b}), Code(group, [][]byte{a}), Code(group, [][]byte{[]byte("host ahost b")})} {
		if other == code {
			t.Error("another group or other hosts have the same code")
		}
	}
}

// TestSecretsAreRedacted checks that no formatting verb prints a secret.
func TestSecretsAreRedacted(t *testing.T) {
	k := GenerateClinicKey()
	r := k.Room("demo", "1")
	s := r.Person(auth.Participant, "Maria", TokenHash(auth.NewSecret("a.b.c")))
	for secret, raw := range map[any]string{k: k.key.Reveal(), r: r.secret.Reveal(), s: s.secret.Reveal()} {
		var b strings.Builder
		fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d", secret, secret, secret, secret, secret, secret, secret)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("secret", "it", secret)
		j, err := json.Marshal(map[string]any{"it": secret})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(&b, string(j))
		for _, form := range []string{raw, fmt.Sprintf("%x", raw), base64.StdEncoding.EncodeToString([]byte(raw)), fmt.Sprint([]byte(raw))} {
			if strings.Contains(b.String(), form) {
				t.Errorf("%T prints itself: %s", secret, b.String())
			}
		}
	}
}

func TestClinicKeyFile(t *testing.T) {
	k := GenerateClinicKey()
	back, err := ParseClinicKey([]byte(k.File().Reveal()))
	if err != nil || !back.key.Equal(k.key) {
		t.Errorf("a key does not read back: %v", err)
	}
	for _, wrong := range []string{"", "AAAA", strings.Repeat("A", 44), "not base64 at all, but 43 characters of it!", strings.Repeat("A", 86)} {
		if _, err := ParseClinicKey([]byte(wrong)); err == nil || strings.Contains(err.Error(), wrong) && wrong != "" {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
