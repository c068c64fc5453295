// Package control is how operators on this host reach the daemon: HTTP on a Unix socket that only its user and root can open. The admin
// API has tokens of its own, but whoever can make one can sign tokens that enter rooms, and that key has no place on this host.
package control
