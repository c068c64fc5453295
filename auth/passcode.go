package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// A PasscodeHash is the stored form of a passcode: argon2id (RFC 9106) with its cost and salt. With it, guesses are limited only by
// the attacker's hardware, so it redacts itself when printed. The zero value matches nothing.
type PasscodeHash struct {
	memory, time uint32 // in KiB; passes
	lanes        uint8
	salt, sum    Secret
}

// HashPasscode hashes a passcode with a random salt.
func HashPasscode(passcode Secret) (PasscodeHash, error) {
	if n := utf8.RuneCountInString(passcode.Reveal()); n < MinPasscode || len(passcode.Reveal()) > MaxPasscode {
		return PasscodeHash{}, fmt.Errorf("a passcode has %d characters at least and %d bytes at most", MinPasscode, MaxPasscode)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	h := PasscodeHash{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: NewSecret(string(salt))}
	h.sum = NewSecret(string(h.derive(passcode, sumSize)))
	return h, nil
}

// GeneratePasscode makes a passcode that can be read out on the phone: three groups of four of the letters and digits of base32
// (RFC 4648, section 6, which leaves out 0 and 1), 60 bits.
func GeneratePasscode() Secret {
	t := strings.ToLower(rand.Text())
	return NewSecret(t[:4] + "-" + t[4:8] + "-" + t[8:12])
}

func (h PasscodeHash) derive(passcode Secret, size int) []byte {
	return argon2.IDKey([]byte(passcode.Reveal()), []byte(h.salt.Reveal()), h.time, h.memory, h.lanes, uint32(size))
}

// matches takes the time and memory that the hash demands.
func (h PasscodeHash) matches(guess Secret) bool {
	if h.Empty() {
		return false
	}
	want := h.sum.Reveal()
	return subtle.ConstantTimeCompare(h.derive(guess, len(want)), []byte(want)) == 1
}

// Empty reports whether there is no hash.
func (h PasscodeHash) Empty() bool { return h.sum.Empty() }

var errPasscodeHash = errors.New("this is no hash of a passcode: make one with `alcove keygen passcode`")

// ParsePasscodeHash reads the form of the PHC string format: $argon2id$v=19$m=65536,t=3,p=4$SALT$SUM in base64 without padding. A
// cost that is too low to protect, or so high that a guess would hurt this host, is refused.
func ParsePasscodeHash(s string) (PasscodeHash, error) {
	parts := strings.Split(s, "$")
	if len(s) > maxPasscodeHash || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return PasscodeHash{}, errPasscodeHash
	}
	var h PasscodeHash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.lanes); err != nil {
		return PasscodeHash{}, errPasscodeHash
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < minSalt || len(sum) < minSum {
		return PasscodeHash{}, errPasscodeHash
	}
	if h.memory < minArgonMemory || h.memory > maxArgonMemory || h.time < minArgonTime || h.time > maxArgonTime || h.lanes < 1 || h.lanes > maxArgonLanes {
		return PasscodeHash{}, fmt.Errorf("the cost of this passcode's hash is out of range: use m=%d to %d, t=%d to %d, p=1 to %d",
			minArgonMemory, maxArgonMemory, minArgonTime, maxArgonTime, maxArgonLanes)
	}
	h.salt, h.sum = NewSecret(string(salt)), NewSecret(string(sum))
	if h.Reveal() != s { // a plus sign, a zero in front, a line break in the base64
		return PasscodeHash{}, errPasscodeHash
	}
	return h, nil
}

// Reveal is the form that ParsePasscodeHash reads, for the configuration.
func (h PasscodeHash) Reveal() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.lanes,
		b64([]byte(h.salt.Reveal())), b64([]byte(h.sum.Reveal())))
}

// Format redacts every verb of fmt.
func (PasscodeHash) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

func (PasscodeHash) String() string               { return redacted }
func (PasscodeHash) GoString() string             { return redacted }
func (PasscodeHash) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (PasscodeHash) MarshalText() ([]byte, error) { return []byte(redacted), nil }
