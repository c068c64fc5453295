package dev

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"alcove/auth"
	"alcove/auth/e2ee"
	"alcove/cmd/alcove/internal/claims"
	"alcove/cmd/alcove/internal/config"
	"alcove/room"
)

// Defaults of the links.
const (
	demoRoom    = "demo"
	demoSession = "demo" // of end-to-end encryption: one for good, so that sessions live through a restart
	hostSubject = "dev-host"
	HostName    = "Dr. Lind"
)

// tokenLinks makes a token for whoever asks:
//
//	/dev/host    302 to the page, as the therapist
//	/dev/join    302 to the page, as somebody new
//	/dev/token   the bare token, for tests
//	/dev/link    the link's path and fragment, for tests
//
// Each takes ?room= ?sub= ?name= ?role= ?policy= instead of its own, and ?amr= ?acr= ?auth_time= ?not_before= ?not_after=, the times
// as RFC 3339 has them. The links promise end-to-end encryption where the policy asks for it;
// ?e2ee=off or ?e2ee=required is said instead, and ?level=code leaves k out of the link.
type tokenLinks struct {
	signing    auth.SigningKey
	encryption e2ee.ClinicKey
	policies   map[string]config.Policy
	recipients []string // hashes of the keys that open recordings
	mux        *http.ServeMux
}

func newTokenLinks(signing auth.SigningKey, encryption e2ee.ClinicKey, policies map[string]config.Policy, recipients []string) http.Handler {
	d := &tokenLinks{signing: signing, encryption: encryption, policies: policies, recipients: recipients, mux: http.NewServeMux()}
	d.mux.HandleFunc("GET /dev/host", d.redirect(auth.Host, hostSubject, HostName))
	d.mux.HandleFunc("GET /dev/join", d.redirect(auth.Participant, "", ""))
	d.mux.HandleFunc("GET /dev/token", func(w http.ResponseWriter, r *http.Request) {
		if token, _, ok := d.sign(w, r, auth.Participant, "", ""); ok {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintln(w, token.Reveal())
		}
	})
	d.mux.HandleFunc("GET /dev/link", func(w http.ResponseWriter, r *http.Request) {
		if token, k, ok := d.sign(w, r, auth.Participant, "", ""); ok {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintln(w, claims.Fragment(token, k))
		}
	})
	return d
}

// ServeHTTP refuses other names of this host: a page elsewhere could point its own name at 127.0.0.1 and read our answers (DNS
// rebinding).
func (d *tokenLinks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u := url.URL{Host: r.Host}
	w.Header().Set("Cache-Control", "no-store")
	if !config.LoopbackHost(u.Hostname()) {
		http.Error(w, "dev links answer to localhost only", http.StatusForbidden)
		return
	}
	d.mux.ServeHTTP(w, r)
}

func (d *tokenLinks) redirect(role auth.Role, sub, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if token, k, ok := d.sign(w, r, role, sub, name); ok {
			w.Header().Set("Location", claims.Fragment(token, k))
			w.WriteHeader(http.StatusFound)
		}
	}
}

// mode is that of a policy of the demo, "" for another.
func (d *tokenLinks) mode(policy string) string {
	if policy == "" {
		policy = config.DefaultPolicyName
	}
	return d.policies[policy].E2EE
}

// sign issues the token that the query describes, with its k, or answers with the error. Without a sub the token is for a new person.
func (d *tokenLinks) sign(w http.ResponseWriter, r *http.Request, role auth.Role, sub, name string) (token, k auth.Secret, ok bool) {
	q := r.URL.Query()
	take := func(key, otherwise string) string {
		if q.Has(key) {
			return q.Get(key)
		}
		return otherwise
	}
	if sub == "" {
		sub = "dev-" + rand.Text()
	}
	mode := take("e2ee", d.mode(q.Get("policy")))
	wanted := auth.TokenClaims{
		Issuer: Issuer, Audience: Audience, Room: take("room", demoRoom), Subject: take("sub", sub), Name: take("name", name),
		Role: auth.Role(take("role", string(role))), Policy: take("policy", ""), IssuedAt: time.Now(), Lifetime: auth.MaxLifetime,
	}
	if mode == room.E2EERequired.String() {
		wanted.E2EE, wanted.E2EESession, wanted.Recipients = mode, demoSession, d.recipients
	}
	login := claims.Login{NotBefore: q.Get("not_before"), NotAfter: q.Get("not_after"), AMR: q.Get("amr"), ACR: q.Get("acr"), AuthTime: q.Get("auth_time")}
	err := login.Apply(&wanted)
	if err == nil {
		token, err = d.signing.Sign(wanted)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return auth.Secret{}, auth.Secret{}, false
	}
	if mode == room.E2EERequired.String() && q.Get("level") != "code" {
		k = d.encryption.Link(wanted.Room, wanted.E2EESession, wanted.Role, wanted.Name, token)
	}
	return token, k, true
}
