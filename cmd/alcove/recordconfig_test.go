package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

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
	if _, _, err := parseConfig("a.yaml", []byte(recording)); err != nil {
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
		_, _, err := parseConfig("a.yaml", []byte(strings.Replace(recording, c.old, c.new, 1)))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRecorderConfigClasses(t *testing.T) {
	c := defaultRecorderConfig()
	c.Classes["care"] = 0
	if c.classOf("care") != "care" || c.classOf("other") != defaultClass || len(c.classes()) != 2 {
		t.Fatalf("classes %v", c.classes())
	}
}

// TestNothingIsRecordedByDefault holds that a policy alone records nothing, and that check says so.
func TestNothingIsRecordedByDefault(t *testing.T) {
	policies := map[string]room.Policy{"care": {Recording: room.WithEveryone}}
	unrecorded(policies)
	if policies["care"].Recording != room.NoRecording {
		t.Fatal("the policy records")
	}
	c := defaultConfig()
	c.Policies["care"] = policyConfig{Recording: recordingConfig{Mode: "everyone"}}
	if said := recorderPlan(c); len(said) != 1 || !strings.Contains(said[0], "nothing is recorded, for recording.dir is empty") || !strings.Contains(said[0], "care") {
		t.Errorf("check says %q", said)
	}
	c.Recording.Dir = "there"
	if said := recorderPlan(c); len(said) != 2 || !strings.Contains(said[1], "720h") {
		t.Errorf("check says %q", said)
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
	c := recorderConfig{Dir: "there", RecipientsFile: filepath.Join(t.TempDir(), "recipients.txt")}
	if _, err := c.recipients(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	for _, k := range []struct {
		data string
		ok   bool
	}{{"# nobody\n", false}, {one + "\n", true}, {other + "\n# a note\n", true}, {one + "\n" + other + "\n", false}, {"age1nonsense\n", false}, {classic.String(), false}} {
		if err := os.WriteFile(c.RecipientsFile, []byte(k.data), modePublic); err != nil {
			t.Fatal(err)
		}
		if _, err := c.recipients(); (err == nil) != k.ok {
			t.Errorf("%.20q: %v", k.data, err)
		}
	}
}

func TestDiagnoseRecorder(t *testing.T) {
	c := defaultConfig()
	if all := diagnoseRecorder(c, places{}); all != nil {
		t.Errorf("without recordings doctor says %v", all)
	}
	c.Recording.Dir = "there"
	for _, k := range []struct {
		name  string
		seen  places
		grade grade
		said  string
	}{
		{"a first start", places{keys: fs.ErrNotExist, copy: fs.ErrNotExist}, gradeOK, "the first start makes"},
		{"a lost copy", places{copy: fs.ErrNotExist}, gradeFault, "not in both places"},
		{"a lost keyring", places{keys: fs.ErrNotExist}, gradeFault, "not in both places"},
		{"one disk", places{together: true}, gradeWarning, "on one disk"},
		{"no recipients", places{recipients: errors.New("no such file")}, gradeFault, "nobody to encrypt for"},
		{"all well", places{}, gradeOK, "names who can open"},
	} {
		all := diagnoseRecorder(c, k.seen)
		if !slices.ContainsFunc(all, func(f finding) bool { return f.grade == k.grade && strings.Contains(f.text, k.said) }) {
			t.Errorf("%s: doctor says %v", k.name, all)
		}
	}
}
