// Package api is the HTTP API for clinics (openapi.yaml): rooms, revocations and consents, for the software of a clinic, not for
// browsers. It acts in rooms with the role "clinic"; the room decides what that role may do.
//
//	request ─► bearer token ─► body: one strict JSON object ─► operation ─► live.Registry, revocations, consents ─► JSON
//	                                                               └─► error ─► problem (RFC 9457)
//
// Invariants, tested: no operation runs without a token of an administrator; no answer holds a name of a person; a revocation
// takes effect before the answer, which says whether it was written.
package api
