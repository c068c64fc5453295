package signaling

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"alcove/auth"
	"alcove/room"
)

var update = flag.Bool("update", false, "print the role table into PROTOCOL.md, and what comes of requests into testdata")

// TestRolesAreTheTable checks that section 9 of PROTOCOL.md is the table that the room uses. `go test ./signaling -run Roles -update`
// prints it.
func TestRolesAreTheTable(t *testing.T) {
	raw, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), "<!-- roles -->\n")
	printed, tail, also := strings.Cut(rest, "<!-- /roles -->")
	if !ok || !also {
		t.Fatal("PROTOCOL.md has no place for the table")
	}
	want := roleTable()
	if printed == want {
		return
	}
	if !*update {
		t.Fatalf("PROTOCOL.md, section 9, is another table: go test ./signaling -run Roles -update\n%s", want)
	}
	if err := os.WriteFile("PROTOCOL.md", []byte(head+"<!-- roles -->\n"+want+"<!-- /roles -->"+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

func roleTable() string {
	roles := []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Observer, "clinic"}
	var b strings.Builder
	b.WriteString("| action |")
	for _, r := range roles {
		fmt.Fprintf(&b, " %s |", r)
	}
	b.WriteString(" |\n|---|" + strings.Repeat("---|", len(roles)+1) + "\n")
	for _, row := range room.RoleTable() {
		fmt.Fprintf(&b, "| %s |", row.Action)
		for _, r := range roles {
			word := "–"
			if slices.Contains(row.Roles, r) {
				word = "yes"
			}
			fmt.Fprintf(&b, " %s |", word)
		}
		fmt.Fprintf(&b, " %s |\n", row.Note)
	}
	return b.String()
}
