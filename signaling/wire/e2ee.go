package wire

import (
	"encoding/base64"
	"strconv"

	"alcove/room"
	"alcove/room/live"
)

// E2EEVersion is the version of end-to-end encryption that hello names: MLS (RFC 9420) and SFrame (RFC 9605) as PROTOCOL.md (section 6c) uses them.
const E2EEVersion = 1

func decodeKeyPackage(c Reader) any {
	p := room.KeyPackage{
		Sealed: c.sealed("keyPackage", maxKeyPackage), TokenHash: c.digest("tokenHash"),
	}
	if c.has("proof") {
		p.Proof = c.digest("proof")
	}
	return room.SetKeyPackage{KeyPackage: p}
}

func decodeCreateGroup(c Reader) any {
	g := room.CreateGroup{Group: c.group("group")}
	if c.has("replaces") {
		g.Replaces = c.group("replaces")
	}
	return g
}

func decodeCommitGroup(c Reader) any {
	g := room.CommitGroup{Group: c.group("group"), After: c.number("after", 1), Commit: c.sealed("commit", maxCommit)}
	if !c.has("welcome") {
		for _, field := range []string{"to", "proofs"} {
			if c.has(field) {
				c.fail(field, "only beside a welcome")
			}
		}
		return g
	}
	g.Welcome, g.To = c.sealed("welcome", maxCommit), c.recipients(maxAdded)
	if c.has("proofs") {
		for _, item := range c.list("proofs", maxAdded) {
			g.Proofs = append(g.Proofs, Reader{f: fields{"proofs[]": item}, path: c.path, fault: c.fault}.digest("proofs[]"))
		}
		if len(g.Proofs) != len(g.To) {
			c.fail("proofs", "one for each of to")
		}
	}
	return g
}

func decodeSendToGroup(c Reader) any {
	m := room.SendToGroup{Group: c.group("group"), After: c.number("after", 1), Message: c.sealed("blob", maxGroupMessage)}
	if c.has("to") {
		m.To = c.recipients(maxTargets)
	}
	return m
}

func decodeSyncGroup(c Reader) any { return room.SyncGroup{After: c.number("after", 0)} }

func decodeReleaseKeys(c Reader) any {
	r := room.ReleaseKeys{Scope: c.scope("scope"), Number: c.number("number", 1)}
	if c.has("sealed") {
		r.Sealed = c.sealed("sealed", maxReleaseSealed)
	}
	items := c.list("keys", maxReleaseKeys)
	if len(items) == 0 {
		c.fail("keys", "1 to "+strconv.Itoa(maxReleaseKeys)+" keys")
	}
	seen := map[uint32]bool{}
	for _, item := range items {
		one := Reader{f: fields{"keys[]": item}, path: c.path, fault: c.fault}.object("keys[]")
		key := room.ReleasedKey{KID: one.uint32("kid"), Key: one.sealed("blob", maxReleaseKey)}
		if seen[key.KID] {
			c.fail("keys[]", "each kid once")
		}
		seen[key.KID] = true
		r.Keys = append(r.Keys, key)
	}
	return r
}

// sealed reads base64 (RFC 4648, section 4, with padding) of at most limit characters. Nothing looks into it.
func (c Reader) sealed(name string, limit int) room.Sealed {
	s := c.Text(name, limit, base64Char)
	if s != "" && len(s)%4 != 0 {
		c.fail(name, "base64 with padding")
		return ""
	}
	if _, err := base64.StdEncoding.DecodeString(s); err != nil {
		c.fail(name, "base64 with padding")
		return ""
	}
	return room.Sealed(s)
}

// digest reads base64 of the 32 bytes of a SHA-256 hash or HMAC.
func (c Reader) digest(name string) room.Sealed {
	s := c.sealed(name, digestLength)
	if s != "" && len(s) != digestLength {
		c.fail(name, "base64 of 32 bytes")
	}
	return s
}

func (c Reader) group(name string) room.GroupID { return room.GroupID(c.sealed(name, maxGroupID)) }

// recipients reads a list of participants, each once.
func (c Reader) recipients(limit int) (to []room.ParticipantID) {
	items := c.list("to", limit)
	if len(items) == 0 {
		c.fail("to", "1 to "+strconv.Itoa(limit)+" ids")
	}
	seen := map[room.ParticipantID]bool{}
	for _, item := range items {
		id := room.ParticipantID(Reader{f: fields{"to[]": item}, path: c.path, fault: c.fault}.id("to[]"))
		if seen[id] {
			c.fail("to[]", "each id once")
		}
		seen[id] = true
		to = append(to, id)
	}
	return to
}

// number reads an integer from least to the largest that every JSON reader holds (RFC 7493, section 2.2).
func (c Reader) number(name string, least uint64) uint64 {
	n, err := strconv.ParseUint(string(c.f[name]), 10, 64)
	if err != nil || n < least || n > maxNumber {
		c.fail(name, "a whole number from "+strconv.FormatUint(least, 10))
		return 0
	}
	return n
}

func base64Char(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '+' || r == '/' || r == '='
}

func groupState(s live.GroupState) Object {
	o := Object{"number": s.Number}
	if s.Main != "" {
		o["group"] = s.Main
	}
	if s.SideRoom != "" {
		o["sideRoomGroup"] = s.SideRoom
	}
	return o
}

// SyncData returns the data of the answer to e2ee.sync.
func SyncData(o room.Outcome) Object { return Object{"number": o.Through} }

func keyPackage(k live.KeyPackageGiven) Object {
	o := Object{"participantId": k.Participant, "keyPackage": string(k.KeyPackage.Sealed), "tokenHash": string(k.KeyPackage.TokenHash)}
	if k.KeyPackage.Proof != "" {
		o["proof"] = string(k.KeyPackage.Proof)
	}
	return o
}

func groupEntry(e room.GroupEntry) Object {
	o := Object{"group": e.Group, "number": e.Number, "previous": e.Previous, "kind": e.Kind, "from": e.From}
	if e.Commit != "" {
		o["blob"] = string(e.Commit)
	}
	if e.Replaces != "" {
		o["replaces"] = e.Replaces
	}
	if e.SideRoom {
		o["sideRoom"] = true
	}
	return o
}

// groupWelcome returns the data of e2ee.welcome for somebody whom the entry adds, nil for all others.
func groupWelcome(to room.ParticipantID, e room.GroupEntry) Object {
	for i, added := range e.To {
		if added != to {
			continue
		}
		o := Object{"group": e.Group, "number": e.Number, "from": e.From, "blob": string(e.Welcome)}
		if i < len(e.Proofs) {
			o["proof"] = string(e.Proofs[i])
		}
		return o
	}
	return nil
}

func groupMessage(m room.GroupMessageSent) Object {
	return Object{"group": m.Group, "number": m.Number, "from": m.From, "blob": string(m.Message)}
}
