package doctor

import (
	"fmt"
	"io"
)

// A grade is the severity of a finding.
type grade string

// The closed list of grades. Only a fault makes doctor fail: a warning may be intended.
const (
	gradeOK      grade = "ok"
	gradeUnknown grade = "unknown" // cannot be seen from here
	gradeWarning grade = "warning"
	gradeFault   grade = "fault"
)

// A finding is the result of one check. Unless it is ok it states the fix, or how to find out.
type finding struct {
	grade     grade
	what      string
	text, fix string
}

func fine(what, format string, args ...any) finding {
	return finding{gradeOK, what, fmt.Sprintf(format, args...), ""}
}

func unknown(what, text, fix string) finding { return finding{gradeUnknown, what, text, fix} }

func warning(what, text, fix string) finding { return finding{gradeWarning, what, text, fix} }

func fault(what, text, fix string) finding { return finding{gradeFault, what, text, fix} }

// writeFindings prints all findings and returns the number of faults.
func writeFindings(w io.Writer, all []finding) (faults int, err error) {
	for _, f := range all {
		if _, err := fmt.Fprintf(w, "%-8s %-12s %s\n", f.grade, f.what, f.text); err != nil {
			return faults, err
		}
		if f.fix != "" {
			fmt.Fprintf(w, "%21s fix: %s\n", "", f.fix)
		}
		if f.grade == gradeFault {
			faults++
		}
	}
	return faults, nil
}
