// Package forward decides about packets: pure, standard library only, time is an input.
//
//	packet ──► ParseHeader ──► Track (loss, duplicates, extended sequence) ──► History.Put
//	       └──► ParseDescriptor, ParseVP8 (frames, layers, picture ids) ───┴──► Selector.Next ──► Out or a named Drop
//	NACK ───► SentIndex.Find ──► History.Get ──► VP8.Rewrite
//
// Sequence numbers are extended to 64 bits once, at the publication, so that later stages need not handle
// wrapping. The words are those of RFC 3550.
package forward
