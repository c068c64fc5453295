package doctor

import (
	"strings"
	"testing"

	"filippo.io/age"

	"alcove/cmd/alcove/internal/config"
	"alcove/sfu/record"
)

func recipientsOf(t *testing.T, key string) record.Recipients {
	t.Helper()
	if key == "" {
		return record.Recipients{}
	}
	r, err := record.ParseRecipients([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDiagnoseEncryption(t *testing.T) {
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	policy := func(e2ee, recording string) config.Policy {
		p := config.DefaultPolicy()
		p.E2EE, p.Recording.Mode = e2ee, recording
		return p
	}
	for _, tt := range []struct {
		name       string
		policies   map[string]config.Policy
		recipients string
		want       []string // grade and a part of the text
	}{
		{"off", map[string]config.Policy{"default": policy("off", "each")}, classic.Recipient().String(), []string{"warning not end to end in the rooms of default:"}},
		{"required", map[string]config.Policy{"b": policy("required", "none"), "a": policy("required", "none")}, classic.Recipient().String(),
			[]string{"ok end to end in the rooms of a, b; people need Chrome"}},
		{"both", map[string]config.Policy{"a": policy("required", "none"), "b": policy("off", "each")}, classic.Recipient().String(),
			[]string{"ok end to end in the rooms of a;", "warning not end to end in the rooms of b:"}},
		{"recorded, classic", map[string]config.Policy{"a": policy("required", "each")}, classic.Recipient().String(),
			[]string{"ok end to end", "warning recordings of rooms that are encrypted"}},
		{"recorded, hybrid", map[string]config.Policy{"a": policy("required", "each")}, hybrid.Recipient().String(), []string{"ok end to end"}},
		{"recorded, unreadable", map[string]config.Policy{"a": policy("required", "each")}, "", []string{"ok end to end"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := diagnoseEncryption(config.Config{Policies: tt.policies}, recipientsOf(t, tt.recipients))
			if len(all) != len(tt.want) {
				t.Fatalf("%+v", all)
			}
			for i, f := range all {
				if !strings.HasPrefix(string(f.grade)+" "+f.text, tt.want[i]) || f.grade != gradeOK && f.fix == "" {
					t.Errorf("%+v, want %q", f, tt.want[i])
				}
			}
		})
	}
}
