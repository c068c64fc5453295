package e2ee

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"alcove/auth"
)

var update = flag.Bool("update", false, "write testdata/identity.json anew")

const vectorFile = "testdata/identity.json"

// vectors are what Go and TypeScript must agree on. Bytes are in hex, k as a link has it.
type vectors struct {
	Comment string        `json:"comment"`
	K       string        `json:"k"`
	Joins   []joinVector  `json:"joins"`
	Links   []linkVector  `json:"links"`
	Proofs  []proofVector `json:"proofs"`
	Codes   []codeVector  `json:"codes"`
	Names   []nameVector  `json:"names"`
}

type joinVector struct {
	Parts  []string `json:"parts"`
	Joined string   `json:"joined"`
}

type linkVector struct {
	Room      string    `json:"room"`
	Session   string    `json:"session"`
	Role      auth.Role `json:"role"`
	Name      string    `json:"name"`
	Token     string    `json:"token"`
	TokenHash string    `json:"tokenHash"`
	R         string    `json:"r"`
	S         string    `json:"s"`
	Link      string    `json:"link"`
}

type proofVector struct {
	S       string `json:"s"`
	Message string `json:"message"`
	Key     string `json:"key"`
	Welcome string `json:"welcome"`
}

type codeVector struct {
	Group    string   `json:"group"`
	HostKeys []string `json:"hostKeys"`
	Code     string   `json:"code"`
}

type nameVector struct {
	Given string `json:"given"`
	Shown string `json:"shown"`
}

func (v *vectors) fill(t *testing.T) {
	v.Comment = "Checked by auth/e2ee and by signaling/web. Written by `go test ./auth/e2ee -update` from the inputs here."
	key, err := ParseClinicKey([]byte(base64.StdEncoding.EncodeToString(unhex(t, v.K))))
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range v.Joins {
		var parts [][]byte
		for _, p := range j.Parts {
			parts = append(parts, unhex(t, p))
		}
		v.Joins[i].Joined = hex.EncodeToString(Join(parts...))
	}
	for i := range v.Links {
		l := &v.Links[i]
		hash := TokenHash(auth.NewSecret(l.Token))
		r := key.Room(l.Room, l.Session)
		l.TokenHash, l.R = hex.EncodeToString(hash[:]), hex.EncodeToString([]byte(r.secret.Reveal()))
		l.S = hex.EncodeToString([]byte(r.Person(l.Role, l.Name, hash).secret.Reveal()))
		l.Link = key.Link(l.Room, l.Session, l.Role, l.Name, auth.NewSecret(l.Token)).Reveal()
	}
	for i := range v.Proofs {
		p := &v.Proofs[i]
		s, message := PersonSecret{auth.NewSecret(string(unhex(t, p.S)))}, unhex(t, p.Message)
		p.Key, p.Welcome = hex.EncodeToString(s.ProveKeyPackage(message)), hex.EncodeToString(s.ProveWelcome(message))
	}
	for i := range v.Codes {
		c := &v.Codes[i]
		var keys [][]byte
		for _, k := range c.HostKeys {
			keys = append(keys, unhex(t, k))
		}
		c.Code = Code(unhex(t, c.Group), keys)
	}
	for i, n := range v.Names {
		v.Names[i].Shown = auth.DisplayName(n.Given)
	}
}

// TestVectors checks that this package computes the same values as the page, because both must derive the same keys.
func TestVectors(t *testing.T) {
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var have vectors
	if err := json.Unmarshal(data, &have); err != nil {
		t.Fatal(err)
	}
	if len(have.Joins) == 0 || len(have.Links) < 4 || len(have.Proofs) == 0 || len(have.Codes) < 2 || len(have.Names) == 0 {
		t.Fatal("the vectors are not all there")
	}
	have.fill(t)
	want, err := json.MarshalIndent(have, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(want) != string(data) {
		t.Errorf("%s differs from what is computed now", vectorFile)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
