package udp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pathRole is set in the processes that TestPath starts, each in a network namespace of its own.
const pathRole = "UDP_PATH_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(pathRole) == "far" {
		receiver()
		return
	}
	os.Exit(m.Run())
}

// inNamespace starts this test program again in a network namespace of its own.
func inNamespace(role string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), pathRole+"="+role)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return cmd
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// An arrived is one datagram as the far side saw it.
type arrived struct {
	To   string
	Size int
	Mark byte
}

// receiver waits until its interfaces are up, says so, and tells of each datagram that comes to port 9.
func receiver() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fields := strings.Fields(in.Text())
		if fields[0] == "ip" {
			if out, err := exec.Command("ip", fields[1:]...).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v %s\n", in.Text(), err, out)
				os.Exit(1)
			}
			continue
		}
		for _, at := range fields[1:] {
			s, err := Listen(netip.MustParseAddrPort(at), Batch)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			go func() {
				for all := make([]Packet, 32); ; {
					n, err := s.Read(all, time.Time{})
					if err != nil {
						return
					}
					for _, p := range all[:n] {
						line, _ := json.Marshal(arrived{at, len(p.Data), p.Data[0]})
						os.Stdout.Write(append(line, '\n'))
					}
				}
			}()
		}
		fmt.Println("ready")
	}
}

// TestPathMTU sends over virtual cables with an MTU of 1,500, 1,280 and 1,000: what one of them refuses costs the others nothing, no train
// is given up for it, nothing above BaseDatagram leaves in fragments and nothing below is lost.
func TestPathMTU(t *testing.T) {
	if os.Getenv(pathRole) == "" {
		cmd := inNamespace("near", "-test.run=^TestPathMTU$", "-test.v")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("in a network namespace (it needs root or user namespaces, and iproute2): %v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte("--- PASS: TestPath")) {
			t.Fatalf("did not run:\n%s", out)
		}
		return
	}
	there := inNamespace("far")
	in, err := there.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := there.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := there.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = there.Wait() }()
	var listen []string
	ip(t, "link", "set", "lo", "up")
	for i, mtu := range []string{"1500", "1280", "1000"} {
		near, other := fmt.Sprintf("near%d", i), fmt.Sprintf("far%d", i)
		ip(t, "link", "add", near, "mtu", mtu, "type", "veth", "peer", "name", other, "mtu", mtu)
		ip(t, "link", "set", other, "netns", fmt.Sprint(there.Process.Pid))
		ip(t, "addr", "add", fmt.Sprintf("10.9.%d.1/24", i), "dev", near)
		ip(t, "link", "set", near, "up")
		fmt.Fprintf(in, "ip addr add 10.9.%d.2/24 dev %s\nip link set %s up\n", i, other, other)
		listen = append(listen, fmt.Sprintf("10.9.%d.2:9", i))
	}
	fmt.Fprintf(in, "listen %s\n", strings.Join(listen, " "))
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatal("the far side is not ready")
	}
	s, err := Listen(netip.MustParseAddrPort("0.0.0.0:0"), Trains)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	testPath(t, s, listen, lines)
}

func testPath(t *testing.T, s *Socket, to []string, lines *bufio.Scanner) {
	var all []Packet
	for i, size := range []int{1400, 1400, 1400, 1200, 1200, 1200, 300} { // trains of 1,400 and 1,200 to each
		for _, at := range to {
			data := make([]byte, size)
			data[0] = byte(i)
			all = append(all, Packet{Data: data, Addr: netip.MustParseAddrPort(at)})
		}
	}
	slices.SortStableFunc(all, func(a, b Packet) int { return a.Addr.Compare(b.Addr) })
	if n := s.Write(all); n != len(all) {
		t.Fatalf("%d of %d dealt with", n, len(all))
	}
	want := map[arrived]bool{}
	for _, p := range all {
		fits := len(p.Data) == 300 || len(p.Data) == 1200 || p.Addr.String() == to[0]
		if p.TooLong == fits {
			t.Errorf("%d bytes to %v: too long: %v", len(p.Data), p.Addr, p.TooLong)
		}
		if fits {
			want[arrived{p.Addr.String(), len(p.Data), p.Data[0]}] = true
		}
	}
	for len(want) > 0 && lines.Scan() {
		var got arrived
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil || !want[got] {
			t.Fatalf("came: %s, %v", lines.Bytes(), err)
		}
		delete(want, got)
	}
	if s.Stats.TooLong != 6 || s.Stats.Fragmented != 3 || len(s.Conn.(*batchConn).noGSOTo) != 0 {
		t.Errorf("%+v, %d remotes without trains", *s.Stats, len(s.Conn.(*batchConn).noGSOTo))
	}
	before := s.Stats.Messages
	fit := all[3:6] // 1,200 bytes over the first cable
	s.Write(fit)
	if n := s.Stats.Messages - before; n != 1 {
		t.Errorf("a train of three that fits left in %d messages", n)
	}
	if _, err := s.WriteTo(make([]byte, 1200), netip.MustParseAddrPort(to[2])); err != nil {
		t.Errorf("1,200 bytes of a handshake over an MTU of 1,000: %v", err)
	}
}

// TestGSODisabledPerRemote holds that a remote whose device refused a train (EIO) gets none again, that all others do, and that the memory is bounded.
func TestGSODisabledPerRemote(t *testing.T) {
	s, _ := open(t, Trains)
	f := s.Conn.(*batchConn)
	remote := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	batch := func(i int) []Packet {
		to := netip.AddrPortFrom(remote(i), 9)
		return []Packet{{Data: make([]byte, 10), Addr: to}, {Data: make([]byte, 10), Addr: to}}
	}
	f.disableGSOTo(remote(1))
	for i, messages := range map[int]int{1: 2, 2: 1} {
		if f.fillMessages(batch(i)); f.messages != messages {
			t.Errorf("remote %d: two packets in %d messages, want %d", i, f.messages, messages)
		}
	}
	for i := range 3 * maxNoGSO {
		if f.disableGSOTo(remote(i)); len(f.noGSOTo) > maxNoGSO || f.gsoTo(remote(i)) {
			t.Fatalf("after %d remotes: %d remembered", i+1, len(f.noGSOTo))
		}
	}
}
