// Package client plays participants: it speaks protocol v1 (signaling/PROTOCOL.md), publishes audio and video, and measures
// what comes back.
//
//	Join ──► Wire (WebSocket, JSON) ──► hello ─► wait ─► admitted ─► media.ready ─► media.offer
//	                                                                     │
//	            Pacer (one goroutine, absolute due times) ──► Transport ─┴─► SFU ──► Transport ──► Sink
//	                 stamps each payload: sent, late, count      light or real          reads the stamp: one-way latency
//
// There are two kinds of Transport. A real one is a pion PeerConnection with its usual interceptors: it repeats, asks again,
// and costs what a client costs. A light one does ICE, DTLS and SRTP itself over one plain socket, so that one core of light
// clients loads a core of the server; it repeats nothing, and what the network loses stays lost.
//
// Sender and receiver live in one process and share one monotonic clock, so one-way latency needs no synchronised clocks. The
// schedule of a publisher is fixed before anything is sent: when the server or this process stalls, what should have been sent
// meanwhile is sent late and counted from when it was due (Tene, "How NOT to Measure Latency": coordinated omission).
package client
