// Package browser lets headless Chromium take part: what people see and hear, with the jitter buffers, decoders and congestion
// control that they have.
//
//	Chromium (one process, a tab for each person) ◄── DevTools protocol ── Peer ── client.Member ── WebSocket ──► server
//	    └── one RTCPeerConnection in page.js ◄───────────── SRTP, maybe through the relay ──────────────────────► server
//
// A Peer is a client.Transport: the member speaks to the server, the tab holds the media. No page of the server is shown, so
// nothing here depends on what its page looks like.
package browser
