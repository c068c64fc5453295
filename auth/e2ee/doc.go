// Package e2ee derives the secrets that prove a person inside an end-to-end encrypted session, and the proofs made with them. The media server
// never has any of them: the clinic's issuer does, and the pages that its links open.
//
//	K, the clinic's key ──room, session──► R, of a room: the k of a host's link
//	R ──role, verified name, token──► s, of a person: the k of everybody else's link
//	s ──key package──► proof to hosts that the key is this person's
//	s ──welcome──► proof to the newcomer that a host lets them in
//
// All derivation is HKDF-SHA256 (RFC 5869) without salt, all proofs are HMAC-SHA256 (RFC 2104), over Join of their parts. The page has the
// same functions in signaling/web/client/e2ee/identity.ts; testdata/identity.json is checked on both sides.
package e2ee
