package auth

import "time"

// Role is a person's role in a room.
type Role string

// The closed list of roles.
const (
	Host        Role = "host"
	Cohost      Role = "cohost"
	Participant Role = "participant"
	Observer    Role = "observer"
)

// Hosts reports whether the role leads the session.
func (r Role) Hosts() bool { return r == Host || r == Cohost }

// A Grant is the permission that one verified token gives, once.
type Grant struct {
	Room   string // name of the room, as the clinic calls it: never logged
	Person string // HMAC of the subject under the deployment's key, base64url
	Role   Role
	Policy string // name of a policy of the configuration; "" is "default"
	Name   string // the person's name as the clinic knows it, optional: never logged

	Token TokenKey // names the token

	IssuedAt  time.Time
	ExpiresAt time.Time
	AuthTime  time.Time // when the person last authenticated, zero if unsaid (OpenID Connect Core, section 2)
	AMR       []string  // how (RFC 8176)
	ACR       string    // how well

	E2EE        string   // mode of end-to-end encryption that the token promises: required or off; "" if unsaid
	E2EESession string   // what all tokens of one session carry for it: never logged
	Recipients  []string // SHA-256 of each key that recordings may be sealed to, hex; none if unsaid

	NotBefore, NotAfter time.Time // schedule of the session: claims not_before and not_after; zero if unsaid
}
