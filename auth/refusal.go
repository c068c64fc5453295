package auth

import "strings"

// A Reason is the reason why a token is refused. It is for the operator's log and contains nothing of the token.
type Reason string

// The closed list of reasons, in the order of the checks.
const (
	TooLarge         Reason = "too_large"       // longer than MaxToken
	Malformed        Reason = "malformed"       // not three parts of base64url with JSON objects in them (RFC 7519, section 7.2)
	Header           Reason = "header"          // a header that names its own key, or demands what we do not know (RFC 7515, section 4.1)
	Algorithm        Reason = "algorithm"       // neither EdDSA nor ES256, or not the algorithm of its key
	UnknownKey       Reason = "unknown_key"     // kid is missing or selects no key of the set
	Signature        Reason = "signature"       // does not verify
	Issuer           Reason = "issuer"          // iss is missing or another
	Audience         Reason = "audience"        // aud is missing or another
	Expired          Reason = "expired"         // exp has passed
	NotYetValid      Reason = "not_yet_valid"   // nbf is in the future
	Premature        Reason = "issued_later"    // iat is in the future: the clocks differ
	Lifetime         Reason = "lifetime"        // exp - iat above MaxLifetime, or not above zero
	BadExpiry        Reason = "claim:exp"       // missing, or no number of seconds
	BadIssued        Reason = "claim:iat"       // missing, or no number of seconds
	BadNotBefore     Reason = "claim:nbf"       // no number of seconds
	BadID            Reason = "claim:jti"       // missing or too long
	BadSubject       Reason = "claim:sub"       // missing or too long
	BadRoom          Reason = "claim:room"      // missing, too long or with control characters
	BadRole          Reason = "claim:role"      // missing or not of the list
	BadPolicy        Reason = "claim:policy"    // not a name of a policy
	BadAMR           Reason = "claim:amr"       // not a short list of short strings
	BadACR           Reason = "claim:acr"       // not a short string
	BadAuthTime      Reason = "claim:auth_time" // no number of seconds
	BadSchedule      Reason = "claim:schedule"  // not_before or not_after: no number of seconds, or the end not after the beginning
	BadE2EE          Reason = "claim:e2ee"      // e2ee, e2ee_session or recipients: not of the list, too long, or no hash
	Revoked          Reason = "revoked"         // the token, its person or its room was revoked
	Used             Reason = "used"            // jti was seen before
	BeforeStart      Reason = "before_start"    // issued before this daemon began to remember which tokens were used
	UsedTokensFull   Reason = "spent_full"      // too many tokens to remember: refused rather than accepted twice
	UsedTokensFailed Reason = "spent_failed"    // the memory of single use did not answer
)

// A Refusal is the error of a token that is not accepted. The client never receives the Reason.
type Refusal struct{ Reason Reason }

func (r Refusal) Error() string { return "token refused: " + string(r.Reason) }

// A Finding is one thing that is wrong with a token, in words for the operator who holds it. Detail may repeat the issuer, the
// audience, times and the key's name of the token, never the subject, the name or the room.
type Finding struct {
	Reason Reason
	Detail string
}

// A findingList collects findings in order.
type findingList []Finding

func (f *findingList) add(r Reason, detail string) { *f = append(*f, Finding{r, detail}) }

// refusal is the first finding as an error, nil if there is none.
func (f findingList) refusal() error {
	if len(f) == 0 {
		return nil
	}
	return Refusal{f[0].Reason}
}

// String joins the reasons: the details may hold parts of a token.
func (f findingList) String() string {
	var s []string
	for _, x := range f {
		s = append(s, string(x.Reason))
	}
	return strings.Join(s, ", ")
}
