package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"alcove/auth"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room/audit"
)

// RunAudit runs the command audit.
func RunAudit(t cli.Terminal, args []string) error {
	return cli.RunSub(t, "usage: alcove audit verify [flags] DIR\n       alcove audit who [flags] DIR\n", map[string]func(cli.Terminal, []string) error{
		"verify": runAuditVerify,
		"who":    runAuditWho,
	}, args)
}

func runAuditVerify(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "audit verify", `audit verify [--checkpoint FILE] [--key FILE] DIR

Says whether the audit log in DIR is what was signed, and names the first entry that is not. A checkpoint kept elsewhere shows
whether its end was cut off; without one nothing can. A running daemon does not mind. Exits with 1 if something is wrong.`)
	checkpoint := f.String("checkpoint", "", "the `file` of a checkpoint from another place (audit.checkpoint_copy)")
	keyName := f.String("key", "", "the public key `file` that keygen wrote ("+keyfile.AuditPublicFile+"); the one in DIR if left out")
	if err := cli.ParseFlags(f, args, 1); err != nil {
		return err
	}
	if f.Arg(0) == "" {
		return errors.New("name the folder of the log: audit.dir of the configuration")
	}
	key, err := readAuditKey(*keyName)
	if err != nil {
		return err
	}
	var elsewhere []byte
	if *checkpoint != "" {
		if elsewhere, err = keyfile.ReadLimited(*checkpoint, maxCheckpoints); err != nil {
			return err
		}
		if len(elsewhere) == 0 {
			return fmt.Errorf("%s is empty", *checkpoint)
		}
	}
	r, err := audit.VerifyDir(f.Arg(0), key, elsewhere)
	if err != nil {
		return err
	}
	return writeReport(t.Out, r, key != nil)
}

// readAuditKey reads a public key of an audit log; nil if no file is named.
func readAuditKey(name string) (note.Verifier, error) {
	if name == "" {
		return nil, nil
	}
	data, err := keyfile.ReadLimited(name, keyfile.MaxSize)
	if err != nil {
		return nil, err
	}
	key, err := audit.ParsePublicKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// writeReport prints what is proven and what is not; the error sets the exit code.
func writeReport(w io.Writer, r audit.Report, ownKey bool) error {
	fmt.Fprintf(w, "entries  %d are as they were signed\n", r.Entries)
	if r.Proven > 0 {
		fmt.Fprintf(w, "proven   %d by a checkpoint from elsewhere\n", r.Proven)
	}
	if r.Proven < r.Entries || r.Entries == 0 {
		fmt.Fprintf(w, "unproven tail unproven after %d: whether more was there once, only a later checkpoint from elsewhere can show\n", max(r.Proven, r.Entries))
	}
	if !ownKey {
		fmt.Fprintln(w, "key      taken from the folder itself: who replaced the log could have replaced it; give --key")
	}
	if r.Trailing > 0 {
		fmt.Fprintf(w, "after    %d bytes follow that no checkpoint covers: being written, left by a crash, or put there\n", r.Trailing)
	}
	if r.Damage != nil {
		fmt.Fprintf(w, "wrong    %s\n", r.Damage)
		return errors.New("the audit log is not what was signed")
	}
	_, err := fmt.Fprintln(w, "fine     nothing was changed, removed or put elsewhere")
	return err
}

func runAuditWho(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "audit who", `audit who [--from TIME] [--to TIME] [--session KEY] [--kid KID] [--token JTI --issuer ISS] DIR

Lists the opaque ids of who was in sessions at that time, or showed a token signed by that key. Verify the log first.`)
	from := f.String("from", "", "a `time`, such as 2026-03-02T10:00:00Z")
	to := f.String("to", "", "a `time`")
	session := f.String("session", "", "the `key` of one session")
	kid := f.String("kid", "", "the `kid` of a key of the JWKS file")
	token := f.String("token", "", "the `jti` of one token")
	issuer := f.String("issuer", "", "its `iss`")
	asJSON := f.Bool("json", false, "write JSON")
	if err := cli.ParseFlags(f, args, 1); err != nil {
		return err
	}
	q := audit.Query{Session: *session}
	for _, at := range []struct {
		text string
		into *time.Time
	}{{*from, &q.From}, {*to, &q.To}} {
		if at.text == "" {
			continue
		}
		parsed, err := time.Parse(time.RFC3339, at.text)
		if err != nil {
			return fmt.Errorf("%q is no time: write it like 2026-03-02T10:00:00Z", at.text)
		}
		*at.into = parsed
	}
	if *kid != "" {
		q.Key = audit.KeyDetail(*kid)
	}
	if *token != "" {
		if *issuer == "" {
			return errors.New("give --issuer too: a jti is unique within its issuer only")
		}
		q.Token = audit.TokenDetail(auth.NewTokenKey(*issuer, *token))
	}
	if f.Arg(0) == "" {
		return errors.New("name the folder of the log: audit.dir of the configuration")
	}
	a, err := audit.FindAffectedDir(f.Arg(0), q)
	if err != nil {
		return err
	}
	return writeAffected(t.Out, a, *asJSON)
}

func writeAffected(w io.Writer, a audit.Affected, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(a)
	}
	var b strings.Builder
	for _, id := range a.Sessions {
		fmt.Fprintf(&b, "session  %s\n", id)
	}
	for _, id := range a.Seats {
		fmt.Fprintf(&b, "seat     %s\n", id)
	}
	for _, id := range a.People {
		fmt.Fprintf(&b, "person   %s\n", id)
	}
	fmt.Fprintf(&b, "%d sessions, %d seats, %d people, from %d entries\n", len(a.Sessions), len(a.Seats), len(a.People), a.Entries)
	_, err := io.WriteString(w, b.String())
	return err
}
