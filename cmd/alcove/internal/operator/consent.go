package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/state"
	"alcove/room"
)

// RunConsent runs the command consent.
func RunConsent(t cli.Terminal, args []string) error {
	if len(args) == 0 || args[0] != "export" {
		fmt.Fprint(t.Err, "usage: alcove consent export --config FILE --sub WHO\n")
		return cli.ErrUsage
	}
	f := cli.NewFlags(t, "consent export", `consent export --config FILE (--sub WHO | --person ID) [--key FILE | --token FILE]

Writes what a person agreed to, consented to, refused and withdrew, one JSON object a line. Where the daemon runs, it is asked:
that needs --key or --token. Otherwise the store is read.`)
	name := f.String("config", "", "the configuration `file`")
	sub := f.String("sub", "", "`who` it is, as in the sub of their tokens")
	person := f.String("person", "", "their opaque `id`, as in the audit log")
	key := f.String("key", "", "the private key `file` that signs tokens ("+keyfile.SigningFile+")")
	token := f.String("token", "", "a `file` with a token for the admin API from elsewhere; - is the standard input")
	if err := cli.ParseFlags(f, args[1:], 0); err != nil {
		return err
	}
	if (*sub == "") == (*person == "") {
		return errors.New("give --sub or --person")
	}
	c, l, err := config.Load(*name)
	if err != nil {
		return err
	}
	m, err := config.LoadSecrets(c, l)
	if err != nil {
		return err
	}
	id := *person
	if *sub != "" {
		id = m.PersonKey.Person(*sub)
	}
	if _, err := os.Stat(c.Store.Dir); err != nil {
		return l.At("store.dir", err)
	}
	err = exportConsents(t.Out, c, m, room.PersonID(id))
	if !errors.Is(err, state.ErrLocked) {
		return err
	}
	bearer, err := adminBearer(t.In, c, *key, *token)
	if err != nil {
		return err
	}
	return askConsents(t.Out, c.Admin, bearer, id)
}

// exportConsents reads the store, which has one owner.
func exportConsents(w io.Writer, c config.Config, m config.Secrets, person room.PersonID) (err error) {
	s, err := state.Open(c, m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	all, err := s.Consents(ctx, person)
	if err != nil {
		return err
	}
	return writeLines(w, all)
}

func writeLines[T any](w io.Writer, all []T) error {
	e := json.NewEncoder(w)
	for _, one := range all {
		if err := e.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

// adminBearer signs a token for the admin API, or reads one from the identity provider.
func adminBearer(in io.Reader, c config.Config, key, token string) (auth.Secret, error) {
	switch {
	case key != "" && token != "":
		return auth.Secret{}, errors.New("give --key or --token, not both")
	case key != "":
		signing, err := keyfile.ReadSigningKey(key)
		if err != nil {
			return auth.Secret{}, err
		}
		return signing.SignAdmin(c.Auth.Issuer, time.Now(), auth.MaxLifetime)
	case token == "-":
		return tokenArgument(in, "")
	case token != "":
		data, err := keyfile.ReadLimited(token, auth.MaxToken)
		if err != nil {
			return auth.Secret{}, err
		}
		return tokenArgument(in, string(data))
	}
	return auth.Secret{}, errors.New("the daemon runs and has the store: give --key FILE, the private key of its tokens, or --token FILE " +
		"with one for its admin API; or stop it")
}

// askConsents gets the consents from a running daemon.
func askConsents(w io.Writer, admin string, bearer auth.Secret, person string) error {
	body, err := json.Marshal(map[string]string{"person": person})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+control.LocalAddress(admin)+"/v1/consents", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer.Reveal())
	resp, err := control.LocalClient(0).Do(req)
	if err != nil {
		return fmt.Errorf("the daemon has the store, but its admin API does not answer: %w", err)
	}
	defer resp.Body.Close()
	var said struct {
		Consents []json.RawMessage `json:"consents"`
		Code     string            `json:"code"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxExportBody)).Decode(&said); err != nil {
		return fmt.Errorf("the daemon's answer (%s) cannot be read: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon answers %s (%s): %s", resp.Status, said.Code, apiRemedy(said.Code))
	}
	return writeLines(w, said.Consents)
}

func apiRemedy(code string) string {
	if code == "invalid_token" {
		return "the token must be for the admin API (aud " + auth.AdminAudience + "), fresh, and of a key in auth.jwks_file"
	}
	return "look into its log"
}
