package attack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// The environment of the process within the namespace.
const (
	envInside  = "ATTACK_INSIDE"  // set: this process is within
	envProgram = "ATTACK_PROGRAM" // the daemon's program; given from outside, nothing is built
	envLong    = "ATTACK_LONG"    // set by `make attack`
)

// Long reports whether attacks may take their time.
func Long() bool { return os.Getenv(envLong) != "" }

// RunInNamespace runs f within a network namespace of its own and returns its exit code. Outside it builds the daemon and starts this program
// again inside; f runs there only.
func RunInNamespace(f func() int) int {
	if os.Getenv(envInside) == "" {
		code, err := startInNamespace()
		if err != nil {
			fmt.Fprintln(os.Stderr, "attack:", err)
		}
		return code
	}
	if err := loopbackUp(); err != nil {
		fmt.Fprintln(os.Stderr, "attack: loopback:", err)
		return 1
	}
	return f()
}

func startInNamespace() (int, error) {
	program := os.Getenv(envProgram)
	if program == "" {
		dir, err := os.MkdirTemp("", "attack")
		if err != nil {
			return 1, err
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "alcove")
		build := exec.Command("go", "build", "-o", program, "alcove/cmd/alcove")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return 1, fmt.Errorf("the daemon does not build: %w", err)
		}
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), envInside+"=1", envProgram+"="+program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("a network namespace needs root or user namespaces: %w", err)
	}
	return 0, nil
}

// loopbackUp sets the interface up that every namespace is born with (netdevice(7)).
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}
