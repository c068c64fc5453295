// Package alcovetest helps tests of the command: logs, certificates, folders with keys, and clients of HTTP, WebSocket and TURN.
package alcovetest
