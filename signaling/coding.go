package signaling

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"strings"
)

// identity is the name of a content without a coding (RFC 9110, section 12.5.3).
const identity = "identity"

// A coding is one form of a file's content (RFC 9110, section 8.4.1).
type coding struct {
	name    string
	content []byte
}

// codingsOf returns the forms of a file, the preferred one first. brotli comes from the build, nil if there is none.
func codingsOf(content, brotli []byte) []coding {
	plain := coding{identity, content}
	gzipped := coding{"gzip", compress(content)}
	if len(content) < minCompressed || len(gzipped.content) >= len(content)*9/10 {
		// Compression saves nothing. gzip remains for clients that exclude identity.
		return []coding{plain, gzipped}
	}
	if brotli == nil {
		return []coding{gzipped, plain}
	}
	return []coding{{"br", brotli}, gzipped, plain}
}

// chooseCoding returns the index of the coding that the values of Accept-Encoding give the highest weight, the first of equals, or -1
// if they exclude all (RFC 9110, section 12.5.3). Without the header the answer is identity: every coding would be
// acceptable, but a client that says nothing may be one that decodes nothing.
func chooseCoding(values []string, available []coding) int {
	weights := acceptedWeights(values)
	chosen, best := -1, 0.0
	for i, c := range available {
		w, named := weights[c.name]
		if !named {
			w, named = weights["*"]
		}
		switch {
		case !named && c.name == identity && i == 0:
			w = 1 // acceptable, and no coding would save anything
		case !named && c.name == identity:
			w = leastWeight
		}
		if w > best {
			chosen, best = i, w
		}
	}
	return chosen
}

// leastWeight is less than any weight that a client can write (RFC 9110, section 12.4.2: three digits).
const leastWeight = 0.0001

// acceptedWeights reads the values of Accept-Encoding. An element that does not parse gets the weight 0, unless it is identity: that is left
// out. Of a repeated coding the first counts.
func acceptedWeights(values []string) map[string]float64 {
	weights := map[string]float64{}
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, param, weighted := strings.Cut(strings.ToLower(strings.TrimSpace(element)), ";")
		name = strings.TrimSpace(name)
		if name == "x-gzip" { // RFC 9110, section 8.4.1.3
			name = "gzip"
		}
		w, valid := 1.0, true
		if weighted {
			w, valid = parseWeight(param)
		}
		if _, repeated := weights[name]; repeated || name == "" || !valid && name == identity {
			continue
		}
		weights[name] = w
	}
	return weights
}

// parseWeight reads a weight (RFC 9110, section 12.4.2).
func parseWeight(param string) (float64, bool) {
	digits, ok := strings.CutPrefix(strings.TrimSpace(param), "q=")
	w, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || len(digits) > len("0.000") || !(w >= 0 && w <= 1) {
		return 0, false
	}
	return w, true
}

func compress(content []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // a valid level
	w.Write(content)
	w.Close()
	return out.Bytes()
}
