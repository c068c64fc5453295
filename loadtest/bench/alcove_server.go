package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"alcove/auth"
	"alcove/loadtest/client"
)

// alcove is the daemon as it is built.
type alcove struct {
	binary string
	minter client.Minter // of the running one
	proc   *process
}

// Whose tokens open the door.
const (
	issuer   = "https://bench.invalid"
	audience = "alcove"
)

// alcoveConfig is the generated configuration: a worker on a core, everything else as it comes.
const alcoveConfig = `listen: "` + publicAddress + `"
admin: "` + adminAddress + `"
drain_wait: 0s
auth:
  issuer: ` + issuer + `
  audience: ` + audience + `
  jwks_file: jwks.json
  person_key_file: person.key
media:
  listen: ` + mediaAddress + `
  port: %d
  workers: 1
policies:
  default:
    max_participants: 60
    max_waiting: 60
log:
  level: warn
`

func (a *alcove) name() string { return "alcove" }

func (a *alcove) start(ctx context.Context, folder string) (server, error) {
	if out, err := exec.CommandContext(ctx, a.binary, "keygen", "--out", folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("keygen: %w: %s", err, out)
	}
	config := filepath.Join(folder, "alcove.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, alcoveConfig, mediaPort), 0o600); err != nil {
		return nil, err
	}
	s := &alcove{binary: a.binary, minter: client.Minter{Issuer: issuer, Audience: audience}}
	if err := s.minter.LoadKey(filepath.Join(folder, "signing.jwk")); err != nil {
		return nil, err
	}
	var err error
	if s.proc, err = launch(folder, a.binary, "serve", "--config", config); err != nil {
		return nil, err
	}
	err = s.proc.ready(ctx, func(ctx context.Context) error {
		_, err := fetch(ctx, "http://"+adminAddress+"/readyz")
		return err
	})
	if err != nil {
		s.proc.stop()
		return nil, err
	}
	return s, nil
}

func (a *alcove) process() *process { return a.proc }

func (a *alcove) tasks(ctx context.Context) (float64, error) {
	text, err := fetch(ctx, "http://"+adminAddress+"/metrics")
	if err != nil {
		return 0, err
	}
	return parseMetric(text, "go_goroutines")
}

// fetch gets a small text.
func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var b strings.Builder
	if _, err := io.Copy(&b, resp.Body); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, resp.Status)
	}
	return b.String(), nil
}

// An alcoveParticipant speaks our protocol. The first of a room is its host, and lets everybody in.
type alcoveParticipant struct{ member *client.Member }

func (a *alcove) guest(h *env, s position) participant {
	h.lab.Server, h.lab.Minter = "http://"+publicAddress, a.minter
	who := client.Persona{
		Room: fmt.Sprint("room-", s.room), Subject: fmt.Sprint("person-", s.room, "-", s.number), Name: fmt.Sprint("Person ", s.number),
		Role: auth.Participant, Light: true,
	}
	if s.number == 0 {
		who.Role, who.AdmitAll = auth.Host, true
	}
	who.Audio, who.Video = s.shapes()
	return alcoveParticipant{client.NewMember(h.lab, h.group, who, nil)}
}

func (g alcoveParticipant) enter(ctx context.Context) error {
	if err := g.member.Enter(ctx); err != nil {
		return err
	}
	return g.member.Await(ctx, "media", client.Connected)
}

func (g alcoveParticipant) complete(others int) (time.Duration, error) {
	if err := g.member.View().Err; err != nil {
		return 0, err
	}
	return allMediaAt(g.member.FirstPackets(), others), nil
}

func (g alcoveParticipant) offered() time.Duration { return g.member.View().Times.Offered }

func (g alcoveParticipant) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	_ = g.member.Leave(ctx)
}
