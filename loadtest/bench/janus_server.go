package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"alcove/loadtest/proc"
)

// janus is Debian's package with its plugin videoroom.
type janus struct {
	binary, modules string // the folder of plugins and transports
	proc            *process
}

// findJanus looks where packages put it; "" for binary if it is not installed.
func findJanus() *janus {
	binary, err := exec.LookPath("janus")
	plugins, _ := filepath.Glob("/usr/lib/*/janus/plugins/libjanus_videoroom.so")
	if err != nil || len(plugins) == 0 {
		return nil
	}
	return &janus{binary: binary, modules: filepath.Dir(filepath.Dir(plugins[0]))}
}

// installJanus gets the package, and says so. Packages start their service at once where there is an init: it is not ours, and
// does not disturb what has a network of its own.
func installJanus(ctx context.Context) error {
	command := []string{"apt-get", "install", "-y", "-qq", "--no-install-recommends", "janus"}
	if _, err := exec.LookPath(command[0]); err != nil {
		return fmt.Errorf("please install Janus with your system's package manager")
	}
	fmt.Fprintln(os.Stderr, "installing with apt-get: janus")
	for _, c := range [][]string{{"apt-get", "update", "-qq"}, command} {
		if os.Geteuid() != 0 {
			c = append([]string{"sudo"}, c...)
		}
		cmd := exec.CommandContext(ctx, c[0], c[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("cannot install Janus: %w", err)
		}
	}
	return nil
}

// Files of a Janus that does only what is measured: ICE-lite as ours, no other plugin, threads as it comes.
const (
	janusConfig = `general: {
	plugins_folder = "%[1]s/plugins"
	transports_folder = "%[1]s/transports"
	events_folder = "%[1]s/none"
	loggers_folder = "%[1]s/none"
	debug_level = 3
	debug_colors = false
	session_timeout = 0
	server_name = "bench"
	interface = "%[2]s"
}
media: {
	ipv6 = false
	rtp_port_range = "20000-40000"
}
nat: {
	ice_lite = true
	ice_tcp = false
	full_trickle = false
	ice_enforce_list = "%[2]s"
}
`
	janusRooms = `general: {
	string_ids = false
}
`
	janusSockets = `general: {
	json = "compact"
	ws = true
	ws_ip = "127.0.0.1"
	ws_port = 8188
	wss = false
}
admin: {
	admin_ws = false
}
`
)

func (j *janus) name() string { return "janus" }

func (j *janus) start(ctx context.Context, folder string) (server, error) {
	for _, module := range []string{"plugins/libjanus_videoroom.so", "transports/libjanus_websockets.so"} {
		link := filepath.Join(folder, module)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return nil, err
		}
		if err := os.Symlink(filepath.Join(j.modules, module), link); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "none"), 0o755); err != nil {
		return nil, err
	}
	for name, content := range map[string]string{
		"janus.jcfg":                      fmt.Sprintf(janusConfig, folder, mediaAddress),
		"janus.plugin.videoroom.jcfg":     janusRooms,
		"janus.transport.websockets.jcfg": janusSockets,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	s := &janus{binary: j.binary, modules: j.modules}
	var err error
	if s.proc, err = launch(folder, j.binary, "--configs-folder="+folder); err != nil {
		return nil, err
	}
	// It takes connections before it is whole, and forgets what it is asked meanwhile.
	err = s.proc.ready(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, janusTry)
		defer cancel()
		w, err := dialJanus(ctx)
		if err == nil {
			w.close()
		}
		return err
	})
	if err == nil {
		err = s.open(ctx)
	}
	if err != nil {
		s.proc.stop()
		return nil, err
	}
	return s, nil
}

// open makes the rooms; they outlive the session.
func (j *janus) open(ctx context.Context) error {
	w, err := dialJanus(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	handle, err := w.attach(ctx)
	if err != nil {
		return err
	}
	for room := range rushRooms {
		_, err := w.message(ctx, handle, map[string]any{
			"request": "create", "room": room + 1, "publishers": 100, "bitrate": 0, "audiocodec": "opus", "videocodec": "vp8",
		}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *janus) process() *process { return j.proc }

// tasks are threads: Janus has one for each connection.
func (j *janus) tasks(context.Context) (float64, error) { return proc.Status(j.proc.pid(), "Threads") }
