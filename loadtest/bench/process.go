package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a server that we started, alone on its core.
type process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed when it ended
}

// launch starts a command on the server's core; what it says goes to a file of the folder.
func launch(folder string, command ...string) (*process, error) {
	p := &process{log: filepath.Join(folder, "server.log"), exited: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command("taskset", append([]string{"-c", serverCore}, command...)...) // becomes the command: same PID
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// Ctrl-C is for us, and we stop the server last; if we are killed, so is the server.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", command[0], err)
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	return p, nil
}

// ready asks until the server answers.
func (p *process) ready(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("the server ended at once: %s\n%s", p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w\n%s", err, p.tail())
		case <-time.After(retryPause):
		}
	}
}

// tail is the end of what the server said.
func (p *process) tail() string {
	const size = 2000 // enough for the reason
	data, _ := os.ReadFile(p.log)
	return string(data[max(len(data)-size, 0):])
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the server, gently first.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timeout := time.After(stopLimit)
	select {
	case <-p.exited:
	case <-timeout:
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// parseMetric finds an unlabelled metric (Prometheus text format).
func parseMetric(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			return strconv.ParseFloat(f[1], 64)
		}
	}
	return 0, fmt.Errorf("no %s among the metrics", name)
}
