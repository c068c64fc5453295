package e2ee

import (
	"bytes"
	"crypto/sha512"
	"math/big"
	"slices"
	"strings"
)

const labelCode = "alcove e2ee 1 code"

// codeDigits are shown in groups of codeGroup: 99 bits, far more than somebody in the middle can search for while a session lasts.
const (
	codeDigits = 30
	codeGroup  = 5
)

// Code is what people compare aloud: the first 30 decimal digits of SHA-512 over the group's id and the signature keys of its hosts, read as a
// big-endian number. It stays while others come and go.
func Code(groupID []byte, hostKeys [][]byte) string {
	sorted := slices.Clone(hostKeys)
	slices.SortFunc(sorted, bytes.Compare)
	sum := sha512.Sum512(Join(append([][]byte{[]byte(labelCode), groupID}, sorted...)...))
	digits := new(big.Int).SetBytes(sum[:]).String()[:codeDigits]
	var groups []string
	for part := range slices.Chunk([]byte(digits), codeGroup) {
		groups = append(groups, string(part))
	}
	return strings.Join(groups, " ")
}
