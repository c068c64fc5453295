package run

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
)

// Times of a daemon that the harness starts itself.
const (
	daemonStart = 10 * time.Second // until it takes connections
	daemonStop  = 20 * time.Second // after SIGTERM, before SIGKILL: drain_wait and the limit of a stop
	retryPause  = 50 * time.Millisecond
)

// A daemon is the server as a child of the harness, so that it can be killed and started again.
type daemon struct {
	command []string
	server  string

	mu     sync.Mutex
	cmd    *exec.Cmd     // Guarded by mu.
	exited chan struct{} // closed when cmd ended
}

// startDaemon starts the command and waits until the server listens.
func startDaemon(ctx context.Context, command []string, server string) (*daemon, error) {
	d := &daemon{command: command, server: server}
	if err := d.start(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *daemon) start(ctx context.Context) error {
	u, err := url.Parse(d.server)
	if err != nil {
		return err
	}
	cmd := exec.Command(d.command[0], d.command[1:]...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the harness; it stops the daemon last
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the daemon: %w", err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	d.mu.Lock()
	d.cmd, d.exited = cmd, exited
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, daemonStart)
	defer cancel()
	for {
		if c, err := net.Dial("tcp", u.Host); err == nil {
			return c.Close()
		}
		select {
		case <-exited:
			return fmt.Errorf("the daemon ended at once: %s", cmd.ProcessState)
		case <-ctx.Done():
			d.kill()
			return fmt.Errorf("the daemon does not listen on %s: %w", u.Host, ctx.Err())
		case <-time.After(retryPause):
		}
	}
}

func (d *daemon) pid() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cmd.Process.Pid
}

// kill kills the daemon, as a power cut does, and waits for its end.
func (d *daemon) kill() {
	d.mu.Lock()
	cmd, exited := d.cmd, d.exited
	d.mu.Unlock()
	_ = cmd.Process.Kill()
	<-exited
}

// stop ends it gently.
func (d *daemon) stop() {
	d.mu.Lock()
	cmd, exited := d.cmd, d.exited
	d.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	timeout := time.After(daemonStop)
	select {
	case <-exited:
	case <-timeout:
		d.kill()
	}
}

// restart kills the daemon in the middle of the window and starts it again; everybody comes back, with the seat they had or with
// a fresh token.
func (r *runner) restart(ctx context.Context) {
	if r.daemon == nil {
		r.fail("restart needs --daemon", nil)
		return
	}
	if !pause(ctx, time.Duration(r.sc.Duration)/3) {
		return
	}
	began := pace.Now()
	r.daemon.kill()
	if err := r.daemon.start(ctx); err != nil {
		r.failUnless(ctx, "restart", err)
		return
	}
	r.recordTime("daemon", pace.Now()-began)
	r.mu.Lock()
	r.probe.pid = r.daemon.pid()
	r.mu.Unlock()
	var all sync.WaitGroup
	for _, p := range r.openRooms() {
		for _, n := range p.present() {
			all.Go(func() { p.rejoin(ctx, n, began) })
		}
	}
	all.Wait()
}

// rejoin resumes, or joins again if the seat ended, and waits for everybody's media.
func (p *room) rejoin(ctx context.Context, n *person, since time.Duration) {
	n.Vanish()
	for {
		err := n.Resume(ctx)
		if client.Code(err) != "" {
			err = n.Enter(ctx)
		}
		if err == nil {
			break
		}
		if !pause(ctx, retryPause) {
			p.r.failUnless(ctx, "come back", err)
			return
		}
	}
	back := func(v client.View) bool { return client.Connected(v) && v.Times.Connected > since }
	if err := n.Await(ctx, "media after a restart", back); err != nil {
		p.r.failUnless(ctx, "come back", err)
		return
	}
	if p.waitForMedia(ctx, n) {
		p.r.recordTime("backAll", pace.Now()-since)
	}
}
