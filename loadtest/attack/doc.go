// Package attack holds hostile tests against the real daemon: it speaks STUN, DTLS and RTP by hand, on raw sockets and with any source
// address.
//
//	go test ──► TestMain ──► builds cmd/alcove, starts itself again in a network namespace ──► tests
//	                                                                     │
//	     NewDaemon ◄── victims: alcove/loadtest/client, behind a NAT of ours that can be rebound
//	         ▲
//	         └──── Wire: datagrams with forged source addresses; it overhears every datagram of the namespace
//
// The namespace has nothing but a loopback interface, so that nothing leaves the machine, every port is free, and every address of
// 127.0.0.0/8 stands for a host. It needs root or user namespaces.
//
// # How to add an attack
//
// Write a test into a file of its own, named after what is attacked (checks_test.go, flood_test.go). It
//
//  1. starts its own daemon: d := NewDaemon(t, ""), with lines of configuration if it needs other limits;
//  2. lets victims enter: d.Enter(t, who) gives a member that is connected, and the group that counts what it receives;
//  3. attacks: w := NewWire(t), then w.Send(from, to, payload) with any from; Check and its fields write a Binding request by hand,
//     w.Overheard returns what passed by;
//  4. asserts causes: counters of d.Metric and what victims receive, never how long something took on this machine. Eventually waits
//     for a condition. A test neither sleeps nor skips.
//
// An attack that takes longer than some 10 s asks Long(), which `make attack` sets, and does less without it: `go test` runs all tests
// of this package, too, as part of `make unit`.
package attack
