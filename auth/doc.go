// Package auth verifies tokens and passcodes, and turns a token into a Grant.
//
//	token ──► Verifier.Verify(now) ──► Grant ──► room
//
// A token is a JWT (RFC 7519) signed with EdDSA or ES256 by a key of the clinic's JWKS file; HMAC is not accepted. It lives two
// minutes at most, is used once, and is bound to a room, a role and a person. Verify fails closed: a claim that is
// missing, unclear or unknown refuses the token. The error is a Refusal with a Reason for the operator's log;
// the client receives only "invalid_token". Keys may be replaced while the daemon runs (KeyFile), and a token, a person or a room
// revoked (Revocations).
//
// A room may also require a passcode. Passcodes checks guesses: few at a time, and each source at a limited rate.
//
// The subject of a token may be an email address. It never leaves this package: outside, a person is the HMAC-SHA-256 of
// the subject under the deployment's key.
package auth
