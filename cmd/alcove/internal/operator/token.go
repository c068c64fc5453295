package operator

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/claims"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
)

// RunToken runs the command token.
func RunToken(t cli.Terminal, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "verify":
			return runTokenVerify(t, args[1:])
		case "admin":
			return runTokenAdmin(t, args[1:])
		}
	}
	return runTokenMint(t, args)
}

func runTokenAdmin(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "token admin", `token admin --key FILE (--config FILE | --issuer ISS) [--lifetime D]

Makes a token for the admin API, as a bearer: it may list, lock, remove, end, revoke, lift and export in every room until it expires.`)
	file := f.String("config", "", "the configuration `file` to take the issuer from")
	issuer := f.String("issuer", "", "the `iss` of the token")
	key := f.String("key", "", "the private key `file` that keygen wrote ("+keyfile.SigningFile+")")
	lifetime := f.Duration("lifetime", auth.MaxLifetime, "how long it works, two minutes at most")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	if *file != "" && *issuer == "" {
		c, _, err := config.Load(*file)
		if err != nil {
			return err
		}
		*issuer = c.Auth.Issuer
	}
	if *issuer == "" {
		return errors.New("give --config FILE, or --issuer")
	}
	if *key == "" {
		return errors.New("give --key FILE, the private key that keygen wrote")
	}
	signing, err := keyfile.ReadSigningKey(*key)
	if err != nil {
		return err
	}
	token, err := signing.SignAdmin(*issuer, time.Now(), *lifetime)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.Out, token.Reveal())
	return err
}

func addLoginFlags(f *flag.FlagSet) *claims.Login {
	var l claims.Login
	f.StringVar(&l.NotBefore, "not-before", "", "when the session begins: a `time`, such as 2026-03-02T10:00:00Z")
	f.StringVar(&l.NotAfter, "not-after", "", "when it ends: a `time`")
	f.StringVar(&l.AMR, "amr", "", "how the person logged in: `methods` with commas between, such as pwd,otp")
	f.StringVar(&l.ACR, "acr", "", "the `class` of the login")
	f.StringVar(&l.AuthTime, "auth-time", "", "when the person logged in: a `time`")
	return &l
}

// issuerFlags are the flags that say whose tokens they are: a configuration, or each by itself.
type issuerFlags struct{ config, issuer, audience, jwks *string }

func addIssuerFlags(f *flag.FlagSet) issuerFlags {
	return issuerFlags{
		config:   f.String("config", "", "the configuration `file` to take issuer and audience from"),
		issuer:   f.String("issuer", "", "the `iss` of the token"),
		audience: f.String("audience", "", "the `aud` of the token"),
	}
}

// resolve takes missing values from the configuration.
func (i issuerFlags) resolve() (*config.Config, error) {
	var c *config.Config
	if *i.config != "" {
		loaded, _, err := config.Load(*i.config)
		if err != nil {
			return nil, err
		}
		c = &loaded
		for given, value := range map[*string]string{i.issuer: c.Auth.Issuer, i.audience: c.Auth.Audience, i.jwks: c.Auth.JWKSFile} {
			if given != nil && *given == "" {
				*given = value
			}
		}
	}
	if *i.issuer == "" || *i.audience == "" {
		return nil, errors.New("give --config FILE, or --issuer and --audience")
	}
	return c, nil
}

func runTokenMint(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "token", `token --key FILE --config FILE --room ROOM --sub WHO [flags]
       alcove token admin --key FILE --config FILE
       alcove token verify [flags] [TOKEN]

Makes a token: it opens the room once, for two minutes at most. Give it to nobody but WHO. With --e2ee-key it requires end-to-end
encryption, and the link carries the secret that proves WHO to the others. It names the keys that may open recordings, cards and
journals of WHO: those of the configuration's recording.recipients_file, or of --recipients.`)
	i := addIssuerFlags(f)
	key := f.String("key", "", "the private key `file` that keygen wrote ("+keyfile.SigningFile+")")
	room := f.String("room", "", "the `name` of the room")
	role := f.String("role", string(auth.Participant), "host, cohost, participant or observer")
	sub := f.String("sub", "", "`who` this is, the same each time: a number or an address")
	name := f.String("name", "", "the person's `name` as the clinic knows it; hosts see it")
	policy := f.String("policy", "", "a `policy` of the configuration")
	locale := f.String("locale", "", "the person's `language` (BCP 47), such as de or pt-BR, for the page")
	lifetime := f.Duration("lifetime", auth.MaxLifetime, "how long the token opens the room, two minutes at most")
	login := addLoginFlags(f)
	encryption := addEncryptionFlags(f)
	link := f.String("url", "", "print a link to the page at this `address` instead of the bare token")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	c, err := i.resolve()
	if err != nil {
		return err
	}
	if err := checkChoices(c, *policy, *locale); err != nil {
		return err
	}
	if *key == "" {
		return errors.New("give --key FILE, the private key that keygen wrote")
	}
	signing, err := keyfile.ReadSigningKey(*key)
	if err != nil {
		return err
	}
	wanted := auth.TokenClaims{
		Issuer: *i.issuer, Audience: *i.audience, Subject: *sub, Room: *room, Role: auth.Role(*role), Policy: *policy, Name: *name, Locale: *locale,
		IssuedAt: time.Now(), Lifetime: *lifetime,
	}
	if err := login.Apply(&wanted); err != nil {
		return err
	}
	if err := encryption.apply(&wanted, c); err != nil {
		return err
	}
	token, err := signing.Sign(wanted)
	if err != nil {
		return err
	}
	k, err := encryption.secret(wanted, token)
	if err != nil {
		return err
	}
	return writeLink(t.Out, *link, token, k)
}

// checkChoices refuses a policy that the configuration, where it is given, does not have, and a locale that is no language tag.
func checkChoices(c *config.Config, policy, locale string) error {
	if locale != "" && !config.ValidLanguage(locale) {
		return fmt.Errorf("--locale %q is no language: write it like en, de or pt-BR", locale)
	}
	if c != nil && policy != "" {
		if _, there := c.Policies[policy]; !there {
			return fmt.Errorf("the configuration has no policy %q", policy)
		}
	}
	return nil
}

// writeLink prints the link to a page, or for those who put it together themselves the token and, in a second line, k.
func writeLink(w io.Writer, page string, token, k auth.Secret) (err error) {
	if page != "" {
		_, err = fmt.Fprintln(w, strings.TrimRight(page, "/")+claims.Fragment(token, k))
		return err
	}
	if _, err = fmt.Fprintln(w, token.Reveal()); err == nil && !k.Empty() {
		_, err = fmt.Fprintln(w, k.Reveal())
	}
	return err
}

func runTokenVerify(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "token verify", `token verify --config FILE [TOKEN]

Says everything that is wrong with a token, without using it up. Without TOKEN it is read from the standard input, which keeps
it out of the shell's history. Whether it was used before, only the daemon knows.`)
	i := addIssuerFlags(f)
	i.jwks = f.String("jwks", "", "the key set `file` to verify with")
	at := f.String("at", "", "judge as of this `time`, such as 2026-03-02T10:00:00Z; now if left out")
	if err := cli.ParseFlags(f, args, 1); err != nil {
		return err
	}
	if _, err := i.resolve(); err != nil {
		return err
	}
	if *i.jwks == "" {
		return errors.New("give --config FILE or --jwks FILE, the keys to verify with")
	}
	now, err := timeFlag(*at)
	if err != nil {
		return err
	}
	keys, err := keyfile.ReadKeySet(*i.jwks)
	if err != nil {
		return err
	}
	token, err := tokenArgument(t.In, f.Arg(0))
	if err != nil {
		return err
	}
	spent, err := auth.NewUsedTokenMemory(now, 1)
	if err != nil {
		return err
	}
	v, err := auth.NewVerifier(auth.VerifierConfig{Issuer: *i.issuer, Audience: *i.audience, Keys: keys, PersonKey: auth.RandomPersonKey(), UsedTokens: spent})
	if err != nil {
		return err
	}
	return writeExplanation(t.Out, v.Explain(now, token))
}

func timeFlag(s string) (time.Time, error) {
	if s == "" {
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("--at %q is no time: write it like 2026-03-02T10:00:00Z", s)
	}
	return at, nil
}

// tokenArgument takes a token from the command line or the standard input; a whole link will do.
func tokenArgument(in io.Reader, arg string) (auth.Secret, error) {
	if arg == "" || arg == "-" {
		data, err := io.ReadAll(io.LimitReader(in, 2*auth.MaxToken))
		if err != nil {
			return auth.Secret{}, fmt.Errorf("cannot read the token: %w", err)
		}
		arg = string(data)
	}
	arg = strings.TrimSpace(arg)
	if _, after, found := strings.Cut(arg, "#t="); found {
		arg, _, _ = strings.Cut(after, "&")
	}
	if arg == "" {
		return auth.Secret{}, errors.New("there is no token: give it as an argument or on the standard input")
	}
	return auth.NewSecret(arg), nil
}

// writeExplanation describes a token and its faults; the error sets the exit code.
func writeExplanation(w io.Writer, x auth.Explanation) error {
	date := func(at time.Time) string {
		if at.IsZero() {
			return "not said"
		}
		return at.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(w, "key      %q %s\n", x.KeyID, x.Algorithm)
	fmt.Fprintf(w, "issued   %s\nexpires  %s\nrole     %s\n", date(x.Issued), date(x.Expires), x.Role)
	for _, f := range x.Findings {
		fmt.Fprintf(w, "wrong    %s: %s\n", f.Reason, f.Detail)
	}
	if n := len(x.Findings); n > 0 {
		return fmt.Errorf("the token is refused for %d reason(s)", n)
	}
	_, err := fmt.Fprintln(w, "fine     the daemon accepts it, unless it was used before")
	return err
}
