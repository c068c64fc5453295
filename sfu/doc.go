// Package sfu is the media plane: pion shakes hands, Alcove moves media.
//
//	Room.Answer(offer) ──► sdp.go: what each m-line is ──► transport.go: DTLS by pion ──► keys ─────────┐ taskQueue
//	Room.Apply(plan) ─────────────────────────────────────────────────────────────────────────────────┤
//	                                                                                                   ▼
//	udp.Conn.Read ──► worker ─┬─► STUN, DTLS ──► ice.go; pipe.go ──► pion: DTLS
//	                          ├─► SRTP  ──► peer ──► publication ──► each subscription ──► slot ──► udp.Conn.Write
//	                          │                                 └──► tapping ──► Tap: what a plan lets be recorded
//	                          └─► SRTCP ──► NACK, PLI, reports
//
// A room lives on one worker; the worker is one goroutine and owns every structure of its rooms' media, so that between a
// packet's arrival and its departures there is no lock, no queue and no other goroutine. What it may do is said by a
// Plan, always whole: who is not in it has no peer, what is not in it does not pass. sfu knows nothing of why.
//
// Keys are used only once DTLS is verified. Media goes only to the address that the client nominated and that is proved (ice.go), and
// comes only from addresses that are proved. All RTCP is ours: pion never writes any, for two writers of one SRTCP context reuse nonces.
package sfu
