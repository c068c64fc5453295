package bwe

import (
	"encoding/binary"
	"time"
)

// Sizes and symbols of transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).
const (
	feedbackHeader = 8     // of the feedback control information, in bytes
	referenceUnit  = 64000 // µs
	deltaUnit      = 250   // µs
	referenceBits  = 24

	notReceived = 0
	smallDelta  = 1
	largeDelta  = 2
)

// MaxReports is the number of packets that one feedback may report: what is older than the ring is forgotten anyway.
const MaxReports = 2 * ringSize

// A Reader reads the transport-wide feedback of one receiver. Owned by the worker.
type Reader struct {
	reference int64 // of the last feedback, unwrapped
	begun     bool
}

// Read appends what a feedback reports to reports. fci is the feedback control information of an RTCP packet of type 205, format 15. It
// reports false for a malformed one, and then appends nothing.
func (r *Reader) Read(fci []byte, reports []Report) ([]Report, bool) {
	if len(fci) < feedbackHeader {
		return reports, false
	}
	base, count := binary.BigEndian.Uint16(fci), int(binary.BigEndian.Uint16(fci[2:]))
	if count == 0 || count > MaxReports {
		return reports, false
	}
	first := len(reports)
	reports, deltas, ok := appendSymbols(reports, fci[feedbackHeader:], base, count)
	if !ok {
		return reports[:first], false
	}
	reference := int64(fci[4])<<16 | int64(fci[5])<<8 | int64(fci[6])
	unwrapped := reference
	if r.begun { // the nearest to the one before
		unwrapped = r.reference + signed24(reference-r.reference)
	}
	at := unwrapped * referenceUnit
	for i := first; i < len(reports); i++ {
		p := &reports[i]
		switch symbol := int64(p.At); {
		case symbol == notReceived:
			p.Lost, p.At = true, 0
			continue
		case symbol == smallDelta && len(deltas) >= 1:
			at += int64(deltas[0]) * deltaUnit
			deltas = deltas[1:]
		case symbol == largeDelta && len(deltas) >= 2:
			at += int64(int16(binary.BigEndian.Uint16(deltas))) * deltaUnit
			deltas = deltas[2:]
		default:
			return reports[:first], false
		}
		p.At = time.Duration(at) * time.Microsecond
	}
	r.reference, r.begun = unwrapped, true
	return reports, true
}

// signed24 is a difference of 24 bits as the nearest signed one.
func signed24(d int64) int64 {
	d &= 1<<referenceBits - 1
	if d >= 1<<(referenceBits-1) {
		d -= 1 << referenceBits
	}
	return d
}

// appendSymbols appends a report for each packet, with its symbol in place of the time, and returns what follows the chunks.
func appendSymbols(reports []Report, b []byte, number uint16, count int) ([]Report, []byte, bool) {
	for count > 0 {
		if len(b) < 2 {
			return reports, nil, false
		}
		chunk := binary.BigEndian.Uint16(b)
		b = b[2:]
		var symbols, bits int // in a status vector, and of each
		switch {
		case chunk>>15 == 0: // run length
			for range min(int(chunk&0x1fff), count) {
				reports = append(reports, Report{Number: number, At: time.Duration(chunk >> 13 & 3)})
				number, count = number+1, count-1
			}
			if chunk&0x1fff == 0 {
				return reports, nil, false
			}
			continue
		case chunk>>14 == 2:
			symbols, bits = 14, 1
		default:
			symbols, bits = 7, 2
		}
		for i := range min(symbols, count) {
			symbol := chunk >> (bits * (symbols - 1 - i)) & (1<<bits - 1)
			reports = append(reports, Report{Number: number, At: time.Duration(symbol)})
			number++
		}
		count -= min(symbols, count)
	}
	return reports, b, true
}
