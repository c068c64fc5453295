package auth_test

import (
	"fmt"
	"time"

	"alcove/auth"
)

// The clinic's software signs a token for one person and one room; the daemon verifies it. A token works once, and printing it shows
// nothing.
func ExampleSigningKey_Sign() {
	now := time.Now()
	key := auth.GenerateSigningKey()
	token, err := key.Sign(auth.TokenClaims{
		Issuer: "https://id.clinic.example", Audience: "alcove", Subject: "patient-17", Room: "tuesday-group",
		Role: auth.Participant, Name: "Kim", IssuedAt: now, Lifetime: auth.MaxLifetime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("token:", token)

	keys, err := auth.ParseKeySet(key.JWKS())
	if err != nil {
		fmt.Println(err)
		return
	}
	used, err := auth.NewUsedTokenMemory(now, auth.DefaultUsedTokens)
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := auth.NewVerifier(auth.VerifierConfig{
		Issuer: "https://id.clinic.example", Audience: "alcove", Keys: keys, PersonKey: auth.RandomPersonKey(), UsedTokens: used,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := verifier.Verify(now, token)
	fmt.Println("first use:", grant.Room, grant.Role, grant.Name, err)
	_, err = verifier.Verify(now, token)
	fmt.Println("second use:", err)

	// Output:
	// token: [secret]
	// first use: tuesday-group participant Kim <nil>
	// second use: token refused: used
}

// Explain lists everything that is wrong with a token and does not mark it as used.
func ExampleVerifier_Explain() {
	now := time.Now()
	key := auth.GenerateSigningKey()
	keys, err := auth.ParseKeySet(key.JWKS())
	if err != nil {
		fmt.Println(err)
		return
	}
	used, err := auth.NewUsedTokenMemory(now, auth.DefaultUsedTokens)
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := auth.NewVerifier(auth.VerifierConfig{
		Issuer: "https://id.clinic.example", Audience: "alcove", Keys: keys, PersonKey: auth.RandomPersonKey(), UsedTokens: used,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := key.Sign(auth.TokenClaims{
		Issuer: "https://another.example", Audience: "another-service", Subject: "patient-17", Room: "tuesday-group",
		Role: auth.Participant, IssuedAt: now.Add(-time.Hour), Lifetime: auth.MaxLifetime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, finding := range verifier.Explain(now, token).Findings {
		fmt.Println(finding.Reason)
	}

	// Output:
	// issuer
	// audience
	// expired
}
