// Command bench measures what forwarding costs, and compares.
//
//	bench forward   go test -bench Forward ──► lines ──► medians ──► table, JSON, exit code
//
//	bench live      a network of its own (unshare)
//	                ┌──────────────────────────────────────────────────────┐
//	                │ core 0: the server, alcove and janus in turn         │
//	                │   ▲ │ UDP over one address, 10.99.0.1, the same for all│
//	                │   │ ▼                                                │
//	                │ core 1: this process, light clients, paced           │
//	                └──────────────────────────────────────────────────────┘
//	                   /proc/PID/stat, what the clients received ──► medians of rounds ──► table, JSON
//
// Every measurement starts a fresh server, takes the window after a warm-up, and stops the server again; servers take turns, so
// that whatever else the machine does hits all alike. Loopback charges the receivers' kernel work to the sender: compare
// ratios, and absolute numbers only with those of the same machine.
package main
