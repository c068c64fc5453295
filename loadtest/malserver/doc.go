// Command malserver is a media server that attacks the end-to-end encryption of its own sessions. Real browsers open its page through it;
// signaling/web/e2e/malserver.test.mjs says what they must refuse.
//
//	browser ◄──► proxy: alters what the server says ◄──► patched daemon: alters what it forwards
//	                ▲                                          ▲
//	                └───────────── control: /mode ─────────────┘
//
// The proxy (Rules) is a pure function from a message and the mode to the messages that the browser gets: ghosts, swapped keys, false names and
// roles, dropped commits, replayed welcomes, people whom no host admitted, a group that is forked in two that both go on. The daemon is built from this
// repository with two lines changed (Overlay). One hands each payload to media.go.txt: flipped bytes, plain frames, frames of others, old frames, junk.
// The other asks consent.go.txt whom the recorder records: people who withdrew, too.
//
// It listens on loopback addresses only. `make attack-e2ee` runs it.
package main
