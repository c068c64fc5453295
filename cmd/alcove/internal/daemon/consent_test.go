package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/dev"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/operator"
	"alcove/room"
)

// TestConsentExport checks that a person's consents are exported the same from a running daemon and from the store of a stopped one.
func TestConsentExport(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := startDevIn(t, folder)
	p := r.process(t)
	ann := p.Dial()
	_, texts := ann.NeedsOf(ann.Ask("hello", map[string]any{"token": p.Token("policy=care&sub=ann"), "client": demotest.Client}))
	ann.Must("agreement.acknowledge", map[string]any{"textHash": texts[0]})

	name := filepath.Join(folder, "alcove.yaml")
	alcovetest.WriteFile(t, name, fmt.Sprintf(`listen: 127.0.0.1:8443
admin: %q
auth: {issuer: %q, audience: %q, jwks_file: jwks.json, person_key_file: person.key}
store: {dir: store, key_file: store.key}
audit: {dir: audit, key_file: audit.key}
`, strings.TrimPrefix(r.admin, "http://"), dev.Issuer, dev.Audience))
	key := filepath.Join(folder, keyfile.SigningFile)
	export := func(in string, args ...string) (string, error) {
		var out bytes.Buffer
		err := operator.RunConsent(cli.Terminal{In: strings.NewReader(in), Out: &out, Err: io.Discard}, append([]string{"export", "--config", name}, args...))
		return out.String(), err
	}

	asked, err := export("", "--sub", "ann", "--key", key)
	if err != nil {
		t.Fatal(err)
	}
	var record room.ConsentRecord
	if err := json.Unmarshal([]byte(asked), &record); err != nil {
		t.Fatalf("%v: %s", err, asked)
	}
	if record.Kind != "agreement" || record.TextID != "confidentiality" || record.Version != "4" || record.TextHash != texts[0] ||
		record.Decision != "acknowledged" || record.At.IsZero() || strings.Contains(asked, `"ann"`) {
		t.Errorf("exported %s", asked)
	}
	if byID, err := export("", "--person", string(record.Person), "--key", key); err != nil || byID != asked {
		t.Errorf("by the opaque id: %s %v", byID, err)
	}
	if piped, err := export(adminToken(t, folder, auth.AdminAudience)+"\n", "--sub", "ann", "--token", "-"); err != nil || piped != asked {
		t.Errorf("with a token from elsewhere: %s %v", piped, err)
	}
	if none, err := export("", "--sub", "nobody", "--key", key); err != nil || none != "" {
		t.Errorf("of nobody: %s %v", none, err)
	}
	for want, args := range map[string][]string{
		"the daemon runs and has the store: give --key FILE": {"--sub", "ann"},
		"not both":                            {"--sub", "ann", "--key", key, "--token", "-"},
		"the token must be for the admin API": {"--sub", "ann", "--token", "-"},
		"give --sub or --person":              nil,
		"no such file":                        {"--sub", "ann", "--key", filepath.Join(folder, "nowhere")},
	} {
		if out, err := export("nonsense", args...); err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}

	r.stop(t)
	if read, err := export("", "--sub", "ann"); err != nil || read != asked {
		t.Errorf("from the store: %s %v, from the daemon: %s", read, err, asked)
	}
}

func TestDialable(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:9091": "127.0.0.1:9091", "0.0.0.0:9091": "127.0.0.1:9091", ":9091": "127.0.0.1:9091", "[::]:9091": "[::1]:9091",
		"10.0.0.7:1": "10.0.0.7:1", "localhost:1": "localhost:1",
	} {
		if got := control.LocalAddress(listen); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}
