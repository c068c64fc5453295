package audit

import (
	"bytes"
	"testing"
)

// FuzzVerify checks that Verify never panics and accepts only what Append wrote.
func FuzzVerify(f *testing.F) {
	w := newTestLog(f)
	f.Add(joinNotes(w.checkpoints...), bytes.Join(w.lines(), nil), w.checkpoints[5])
	f.Add([]byte("a\n\nb\n\n"), []byte("\n\n"), []byte{})
	f.Add([]byte{0}, []byte{0}, []byte("\n"))
	good := w.verify(f, w.lines(), w.checkpoints, nil)
	text := bytes.Join(w.lines(), nil)
	f.Fuzz(func(t *testing.T, checkpoints, entries, elsewhere []byte) {
		r, err := Verify(bytes.NewReader(checkpoints), bytes.NewReader(entries), w.key.verifier(), elsewhere)
		if err != nil {
			return
		}
		if r.Entries > good.Entries || r.Proven > r.Entries {
			t.Fatalf("found %+v", r)
		}
		if n := r.Entries; n > 0 && !bytes.HasPrefix(entries, bytes.Join(w.lines()[:n], nil)) {
			t.Fatalf("%d entries are good that are not of this log, whose text is %d bytes", n, len(text))
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	w := newTestLog(f)
	c, err := openCheckpoint(w.checkpoints[4], w.key.verifier())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.format("o"))
	f.Add("o\n1\nAAAA\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCheckpoint(text, "o"); err == nil && c.format("o") != text {
			t.Fatal("two texts are one checkpoint")
		}
	})
}

func FuzzParseKey(f *testing.F) {
	private, public := GenerateKey()
	f.Add([]byte(private.Reveal()))
	f.Add([]byte(public))
	f.Add([]byte("PRIVATE+KEY+a+b+c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := ParseKey(data); err == nil {
			k.verifier()
		}
		if v, err := ParsePublicKey(data); err == nil && v.Name() == "" {
			t.Fatal("a key without a name")
		}
	})
}
