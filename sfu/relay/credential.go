package relay

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/pion/turn/v5"
)

// A Credential is a username and a password (RFC 8489, section 9.2), random both.
type Credential struct{ Username, Password string }

// A grant is the credential of one holder with its authenticated connections.
type grant struct {
	credential Credential
	key        []byte         // compared by pion in constant time
	conns      map[*conn]bool // Guarded by Server.mu.
}

// A Group is the set of holders in one room that may use the relay.
type Group struct {
	server *Server
	grants map[string]*grant // by holder. Guarded by server.mu.
}

// Group creates an empty group.
func (s *Server) Group() *Group { return &Group{server: s, grants: map[string]*grant{}} }

// Allow creates credentials for new holders and revokes those of all others, closing their connections.
func (g *Group) Allow(holders []string) {
	s := g.server
	wanted := map[string]bool{}
	var cut []*conn
	s.mu.Lock()
	for _, h := range holders {
		wanted[h] = true
		if g.grants[h] == nil {
			g.grants[h] = newGrant()
			s.holders[h], s.grants[g.grants[h].credential.Username] = g.grants[h], g.grants[h]
		}
	}
	for h, old := range g.grants {
		if wanted[h] {
			continue
		}
		delete(g.grants, h)
		delete(s.grants, old.credential.Username)
		if s.holders[h] == old {
			delete(s.holders, h)
		}
		for c := range old.conns {
			cut = append(cut, c)
		}
	}
	s.mu.Unlock()
	for _, c := range cut {
		c.Close()
	}
}

// Credential returns a holder's credential; ok is false if the holder may not use the relay.
func (s *Server) Credential(holder string) (c Credential, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.holders[holder]
	if g == nil {
		return Credential{}, false
	}
	return g.credential, true
}

func (s *Server) find(username string) *grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grants[username]
}

func newGrant() *grant {
	c := Credential{random(), random()}
	return &grant{credential: c, key: turn.GenerateAuthKey(c.Username, realm, c.Password), conns: map[*conn]bool{}}
}

func random() string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
