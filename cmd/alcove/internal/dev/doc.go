// Package dev prepares the demo: keys, listeners on loopback addresses, policies, and links that make tokens for whoever asks. Its daemon
// is an ordinary one.
package dev
