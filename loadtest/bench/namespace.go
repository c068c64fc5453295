package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// envNamespace says that this process is the inner one, in a network of its own and on the clients' core.
const envNamespace = "BENCH_STAGE"

// runInNamespace runs this program again in a fresh network namespace, pinned to the clients' core, and waits for it.
func runInNamespace(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := []string{"unshare", "--net"}
	if os.Geteuid() != 0 {
		command = append(command, "--map-root-user") // a user namespace may have a network of its own
	}
	command = append(command, "taskset", "-c", clientCore, self, "live")
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], args...)...)
	cmd.Env = append(os.Environ(), envNamespace+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * stopLimit
	err = cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return fmt.Errorf("the measurement ended with %w", err)
	}
	return err
}

// setUpNetwork gives the empty namespace its interfaces: loopback for signalling, one that is not loopback for media. Where the
// kernel has no dummy interface, a pair of virtual ones will do: the kernel keeps traffic to its own address to itself.
func setUpNetwork(ctx context.Context) error {
	if err := ip(ctx, "link set lo up"); err != nil {
		return err
	}
	if ip(ctx, "link add "+mediaInterface+" type dummy") != nil {
		if err := ip(ctx, "link add "+mediaInterface+" type veth peer name "+mediaPeer); err != nil {
			return err
		}
		if err := ip(ctx, "link set "+mediaPeer+" up"); err != nil {
			return err
		}
	}
	if err := ip(ctx, "addr add "+mediaAddress+"/24 dev "+mediaInterface); err != nil {
		return err
	}
	return ip(ctx, "link set "+mediaInterface+" up")
}

func ip(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	name, err := exec.LookPath("ip")
	if err != nil {
		name = "/sbin/ip" // not on everybody's path
	}
	if out, err := exec.CommandContext(ctx, name, strings.Fields(command)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", command, err, strings.TrimSpace(string(out)))
	}
	return nil
}
