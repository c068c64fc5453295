// Package daemon is one running process. Daemon.Run starts, in this order, the media plane, the store, the control socket, the rooms, the
// server and the listeners, and ends them in the opposite order:
//
//	Daemon.Run ─► serve: media.go (rooms ↔ sfu), state.go (store, audit log), recorder.go (taps ↔ files), reload.go, drain.go, control.go
//
// media.go is the only file of the command that sees both rooms and the media plane. A disk that hangs ends no wait by itself: the second
// signal and the limit of a stop end all waits, and what hangs ends with the process.
package daemon
