// Package wire encodes and decodes the messages of alcove.v1 (PROTOCOL.md). Its functions are pure: they read no clock, log
// nothing and keep no state. They decide how a message looks, not whether its sender may send it.
//
//	frame ─► ParseRequest ─► Request ─► Decode ─► Hello, Ping, PasscodeGuess, live.Offer, live.View or room.Command
//	                │                      └────► *Failure (bad_request, unknown_type), which is answered
//	                └─► error, which closes the connection with CloseProtocol
//
//	live.Notice ─► EventOf ─► type and data ─► EncodeEvent ─► frame
//	room.Error  ─► FailureOf ─► *Failure ─► EncodeAnswer ─► frame
//
// Invariants, tested and fuzzed: two readers of one frame cannot disagree, because a repeated field, broken UTF-8 and deep
// nesting are refused; a message of an error names a field and its rule, never the value; every error has a code of the closed
// list; every message has a golden file in testdata/messages, which the TypeScript client reads too.
package wire
