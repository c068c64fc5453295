package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room"
)

const recording = minimal + `recording:
  dir: recordings
  recipients_file: recipients.txt
  erasure_keys_file: state/erasure.keys
  erasure_key_file: erasure.key
  erasure_copy: elsewhere/erasure.keys
`

func TestRecorderConfigRefuses(t *testing.T) {
	if _, _, err := Parse("a.yaml", []byte(recording)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"nobody to seal to", "recipients.txt", `""`, "recording.recipients_file: is missing"},
		{"no keys of people", "state/erasure.keys", `""`, "recording.erasure_keys_file: is missing"},
		{"no key of these", "erasure.key\n", "\"\"\n", "recording.erasure_key_file: is missing"},
		{"no second place", "elsewhere/erasure.keys", `""`, "recording.erasure_copy: is missing"},
		{"both in one place", "elsewhere/erasure.keys", "state/copy.keys", "choose a second place"},
		{"in the store", "dir: recordings", "dir: state/store", "holds other things"},
		{"no class", "  dir:", "  classes: {care: 24h}\n  dir:", ""}, // default stays, as for all maps of ours
		{"too short", "  dir:", "  classes: {default: 3s}\n  dir:", "recording.classes.default: 3s is out of range"},
		{"a class of no policy's name", "  dir:", "  classes: {\"A b\": 24h}\n  dir:", "a class has the name of a policy"},
	} {
		_, _, err := Parse("a.yaml", []byte(strings.Replace(recording, c.old, c.new, 1)))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRecorderConfigClasses(t *testing.T) {
	c := DefaultRecording()
	c.Classes["care"] = 0
	if c.ClassOf("care") != "care" || c.ClassOf("other") != DefaultClass || len(c.RetentionClasses()) != 2 {
		t.Fatalf("classes %v", c.RetentionClasses())
	}
}

// TestNothingIsRecordedByDefault checks that a policy alone records nothing.
func TestNothingIsRecordedByDefault(t *testing.T) {
	policies := map[string]room.Policy{"care": {Recording: room.WithEveryone}}
	DisableRecording(policies)
	if policies["care"].Recording != room.NoRecording {
		t.Fatal("the policy records")
	}
}

func TestRecipients(t *testing.T) {
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	one, other := classic.Recipient().String(), hybrid.Recipient().String()
	c := Recording{Dir: "there", RecipientsFile: filepath.Join(t.TempDir(), "recipients.txt")}
	if _, err := c.Recipients(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	for _, k := range []struct {
		data string
		ok   bool
	}{{"# nobody\n", false}, {one + "\n", true}, {other + "\n# a note\n", true}, {one + "\n" + other + "\n", false}, {"age1nonsense\n", false}, {classic.String(), false}} {
		if err := os.WriteFile(c.RecipientsFile, []byte(k.data), keyfile.ModePublic); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Recipients(); (err == nil) != k.ok {
			t.Errorf("%.20q: %v", k.data, err)
		}
	}
}
