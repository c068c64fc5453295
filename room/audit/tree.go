package audit

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A tree is an appendable Merkle tree: the number of leaves and the roots of the perfect subtrees that they fill, the largest first
// (RFC 9162, section 2.1.2). A million leaves need twenty hashes.
type tree struct {
	n     int64
	roots []tlog.Hash
}

// grow adds a leaf. Two subtrees of one size become one: as often as n ends in binary ones.
func (t *tree) add(leaf tlog.Hash) {
	t.roots = append(t.roots, leaf)
	for m := t.n; m&1 == 1; m >>= 1 {
		last := len(t.roots) - 1
		t.roots[last-1] = tlog.NodeHash(t.roots[last-1], t.roots[last])
		t.roots = t.roots[:last]
	}
	t.n++
}

// root returns the hash of the whole tree, which must not be empty.
func (t *tree) root() tlog.Hash {
	last := len(t.roots) - 1
	h := t.roots[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(t.roots[i], h)
	}
	return h
}

func (t *tree) clone() tree { return tree{t.n, slices.Clone(t.roots)} }
