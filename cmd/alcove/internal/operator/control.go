package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
)

// Commands that control a running daemon through its control socket.

func runDrain(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "drain", `drain --config FILE [--stops-in 20m] [--wait]

Lets the running daemon open no new rooms. Sessions go on, and people still come late to them. /readyz says "draining".
With --stops-in everybody is told when the daemon will stop; stopping it remains yours to do. With --wait it returns when nobody
is connected any more, or exits with 5 when the time of --stops-in is over. undrain takes it all back.`)
	socket := socketFlags(f)
	in := f.Duration("stops-in", 0, "tell people that the daemon stops in this `time`")
	wait := f.Bool("wait", false, "return when nobody is connected any more")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	name, err := socket()
	if err != nil {
		return err
	}
	ask := "/drain"
	if *in != 0 {
		ask += "?stops_in=" + url.QueryEscape(in.String())
	}
	state, err := control.Request(name, http.MethodPost, ask)
	if err != nil {
		return err
	}
	if *wait {
		if state, err = waitForNobody(name, *in); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(t.Out, state)
	return err
}

// waitForNobody polls until nobody is connected or the limit has passed; 0 is no limit.
func waitForNobody(socket string, limit time.Duration) (state control.State, err error) {
	ctx := context.Background()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	look := time.NewTicker(control.DrainPoll)
	defer look.Stop()
	for {
		if state, err = control.Request(socket, http.MethodGet, "/state"); err != nil || state.People == 0 {
			return state, err
		}
		if !state.Draining {
			return state, errors.New("somebody let it take new rooms again")
		}
		select {
		case <-ctx.Done():
			return state, cli.Exit{Code: cli.ExitBusy, Text: "the time is over: " + state.String()}
		case <-look.C:
		}
	}
}

func runUndrain(t cli.Terminal, args []string) error {
	return runControl(t, args, "undrain", "/undrain", `undrain --config FILE

Lets the running daemon take new rooms again, after drain. Who was told that it stops is told that it does not.`)
}

func runReload(t cli.Terminal, args []string) error {
	return runControl(t, args, "reload", "/reload", `reload --config FILE

Lets the running daemon read its configuration and files again, as SIGHUP does, and says what is wrong: then all stays as it was.`)
}

func runControl(t cli.Terminal, args []string, name, ask, about string) error {
	f := cli.NewFlags(t, name, about)
	socket := socketFlags(f)
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	at, err := socket()
	if err != nil {
		return err
	}
	state, err := control.Request(at, http.MethodPost, ask)
	if err == nil {
		_, err = fmt.Fprintln(t.Out, state)
	}
	return err
}

// socketFlags names the socket: by the configuration, or itself.
func socketFlags(f interface {
	String(name, value, usage string) *string
}) func() (string, error) {
	file := f.String("config", "", "the configuration `file` of the daemon")
	socket := f.String("socket", "", "its control `socket`, instead of --config")
	return func() (string, error) {
		if *socket != "" {
			return *socket, nil
		}
		c, _, err := config.Load(*file)
		return c.Control, err
	}
}
