package doctor

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/config"
)

func TestDiagnoseRecorder(t *testing.T) {
	t.Parallel()
	c := config.Default()
	if all := diagnoseRecordings(c, recordingFindings{}); all != nil {
		t.Errorf("without recordings doctor says %v", all)
	}
	c.Recording.Dir = "there"
	for _, k := range []struct {
		name  string
		seen  recordingFindings
		grade grade
		said  string
	}{
		{"a first start", recordingFindings{keys: fs.ErrNotExist, copy: fs.ErrNotExist}, gradeOK, "the first start creates"},
		{"a lost copy", recordingFindings{copy: fs.ErrNotExist}, gradeFault, "not in both places"},
		{"a lost keyring", recordingFindings{keys: fs.ErrNotExist}, gradeFault, "not in both places"},
		{"one disk", recordingFindings{together: true}, gradeWarning, "on one disk"},
		{"no recipients", recordingFindings{recipients: errors.New("no such file")}, gradeFault, "no recipients"},
		{"all well", recordingFindings{}, gradeOK, "can open them"},
	} {
		all := diagnoseRecordings(c, k.seen)
		if !slices.ContainsFunc(all, func(f finding) bool { return f.grade == k.grade && strings.Contains(f.text, k.said) }) {
			t.Errorf("%s: doctor says %v", k.name, all)
		}
	}
}

// TestCheckReportsRecording checks that the check command says that nothing is recorded if the configuration has a recording policy but no
// folder for recordings.
func TestCheckReportsRecording(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Policies["care"] = config.Policy{Recording: config.PolicyRecording{Mode: "everyone"}}
	if said := recorderPlan(c); len(said) != 1 || !strings.Contains(said[0], "nothing is recorded, for recording.dir is empty") || !strings.Contains(said[0], "care") {
		t.Errorf("check says %q", said)
	}
	c.Recording.Dir = "there"
	if said := recorderPlan(c); len(said) != 2 || !strings.Contains(said[1], "720h") {
		t.Errorf("check says %q", said)
	}
}
