// Package sfu is the media plane: pion shakes hands, Alcove moves media.
//
//	Room.Answer(offer) ──► sdp.go: what each m-line is ──► transport.go: DTLS by pion ──► keys ─────────┐ taskQueue
//	Room.Apply(plan) ─────────────────────────────────────────────────────────────────────────────────┤
//	                                                                                                   ▼
//	udp.Conn.Read ──► worker ─┬─► STUN, DTLS ──► ice.go; pipe.go ──► pion: DTLS
//	                          ├─► SRTP  ──► peer ──► publication ──► each subscription ──► slot ──► udp.Conn.Write
//	                          │                                 └──► tapSubscription ──► Tap: what a plan lets be recorded
//	                          └─► SRTCP ──► NACK, PLI, reports
//	                                        transport-wide feedback ──► bwe.Estimator ──► allocation.go: what each slot shows
//	                                                                                 ├──► probe.go: is there room for more?
//	                                                                                 └──► pacing.go: video near the line, in trains of 5 ms
//
// A room lives on one worker; the worker is one goroutine and owns every structure of its rooms' media, so that between a
// packet's arrival and its sending there is no lock, no queue and no other goroutine. A Plan states
// everything that may happen in a room: a participant outside it has no peer, and media outside it is dropped. sfu does not know why.
//
// A slot that gets another encoding begins with a key frame: from the publication's history where that is young, whole and from a time
// when this receiver could have had it (replay.go), else with one that is requested for all who wait for it.
//
// Keys are used only after DTLS is verified. Media is sent only to the nominated, validated address (ice.go) and accepted only from
// validated addresses. The sfu writes all RTCP: a second writer of the same SRTCP context would reuse nonces.
package sfu
