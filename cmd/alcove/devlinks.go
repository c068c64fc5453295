package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"alcove/auth"
)

// Who the links of dev mode make.
const (
	devRoom     = "demo"
	devHostSub  = "dev-host"
	devHostName = "Dr. Lind"
)

// devLinks makes a token for whoever asks:
//
//	/dev/host    302 to the page, as the therapist
//	/dev/join    302 to the page, as somebody new
//	/dev/token   the bare token, for tests
//
// Each takes ?room= ?sub= ?name= ?role= ?policy= instead of its own, and ?amr= ?acr= ?auth_time= ?not_before= ?not_after=, the times
// as RFC 3339 has them.
type devLinks struct {
	signing auth.SigningKey
	mux     *http.ServeMux
}

func newDevLinks(signing auth.SigningKey) http.Handler {
	d := &devLinks{signing: signing, mux: http.NewServeMux()}
	d.mux.HandleFunc("GET /dev/host", d.redirect(auth.Host, devHostSub, devHostName))
	d.mux.HandleFunc("GET /dev/join", d.redirect(auth.Participant, "", ""))
	d.mux.HandleFunc("GET /dev/token", func(w http.ResponseWriter, r *http.Request) {
		if token, ok := d.mint(w, r, auth.Participant, "", ""); ok {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintln(w, token.Reveal())
		}
	})
	return d
}

// ServeHTTP refuses other names of this host: a page elsewhere could point its own name at 127.0.0.1 and read our answers (DNS
// rebinding).
func (d *devLinks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u := url.URL{Host: r.Host}
	w.Header().Set("Cache-Control", "no-store")
	if !loopbackHost(u.Hostname()) {
		http.Error(w, "dev links answer to localhost only", http.StatusForbidden)
		return
	}
	d.mux.ServeHTTP(w, r)
}

func (d *devLinks) redirect(role auth.Role, sub, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if token, ok := d.mint(w, r, role, sub, name); ok {
			w.Header().Set("Location", fragment(token))
			w.WriteHeader(http.StatusFound)
		}
	}
}

// mint makes a token as the query wishes, or answers why not. Without a sub it is for somebody new.
func (d *devLinks) mint(w http.ResponseWriter, r *http.Request, role auth.Role, sub, name string) (auth.Secret, bool) {
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
	claims := auth.TokenClaims{
		Issuer: devIssuer, Audience: devAudience, Room: take("room", devRoom), Subject: take("sub", sub), Name: take("name", name),
		Role: auth.Role(take("role", string(role))), Policy: take("policy", ""), IssuedAt: time.Now(), Lifetime: auth.MaxLifetime,
	}
	value := func(key string) *string { v := q.Get(key); return &v }
	login := loginFlags{value("not_before"), value("not_after"), value("amr"), value("acr"), value("auth_time")}
	err := login.into(&claims)
	token := auth.Secret{}
	if err == nil {
		token, err = d.signing.Sign(claims)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return auth.Secret{}, false
	}
	return token, true
}
