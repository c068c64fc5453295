// Package auth says who may do what, until when.
//
//	token ──► Verifier.Verify(now) ──► Grant ──► room
//
// A token is a JWT (RFC 7519) signed with EdDSA or ES256 by a key of the clinic's JWKS file; HMAC is not accepted. It lives two
// minutes at most, is used once, and is bound to a room, a role and a person. Verify fails closed: a claim that is
// missing, unclear or unknown refuses the token. What is wrong is a Refusal with a Reason for the operator's log;
// strangers hear only "invalid_token". Keys may be replaced while the daemon runs (KeyFile), and a token, a person or a room
// revoked (Revocations).
//
// A room may ask for a passcode besides. Guesses are checked by Passcodes: few at a time, each source of its own pace.
//
// The subject of a token may be an email address. It never leaves this package: outside, a person is the HMAC-SHA-256 of
// the subject under the deployment's key.
package auth
