package main

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// A config is the whole configuration. Its yaml tags are all keys there are; deploy/alcove.example.yaml explains each.
type config struct {
	Listen         string                  `yaml:"listen"`
	Admin          string                  `yaml:"admin"`
	AdminPlain     bool                    `yaml:"admin_without_tls"`
	Control        string                  `yaml:"control"`
	DrainWait      duration                `yaml:"drain_wait"`
	TLS            tlsConfig               `yaml:"tls"`
	TrustedProxies []string                `yaml:"trusted_proxies"`
	ProxyProtocol  bool                    `yaml:"proxy_protocol"`
	Origins        []string                `yaml:"origins"`
	FrameAncestors []string                `yaml:"frame_ancestors"`
	Page           pageConfig              `yaml:"page"`
	Auth           authConfig              `yaml:"auth"`
	Store          storeConfig             `yaml:"store"`
	Audit          auditConfig             `yaml:"audit"`
	Recording      recorderConfig          `yaml:"recording"`
	Media          mediaConfig             `yaml:"media"`
	Relay          relayConfig             `yaml:"relay"`
	Limits         limitsConfig            `yaml:"limits"`
	Policies       map[string]policyConfig `yaml:"policies"`
	Log            logConfig               `yaml:"log"`
}

type tlsConfig struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`

	ACME acmeConfig `yaml:"acme"`
}

// An acmeConfig says who makes certificates for which names (RFC 8555). Without names nobody does.
type acmeConfig struct {
	Hosts     []string `yaml:"hosts"`
	Directory string   `yaml:"directory"`
	CAFile    string   `yaml:"ca_file"`
	Email     string   `yaml:"email"`
	CacheDir  string   `yaml:"cache_dir"`
}

// on reports whether this daemon does TLS itself.
func (t tlsConfig) on() bool { return t.CertFile != "" || len(t.ACME.Hosts) > 0 }

type pageConfig struct {
	Clinic string `yaml:"clinic"`
	Phone  string `yaml:"phone"`
}

type authConfig struct {
	Issuer        string `yaml:"issuer"`
	Audience      string `yaml:"audience"`
	JWKSFile      string `yaml:"jwks_file"`
	PersonKeyFile string `yaml:"person_key_file"`
}

// A storeConfig says where lies what outlives the daemon, and what encrypts it.
type storeConfig struct {
	Dir     string `yaml:"dir"`
	KeyFile string `yaml:"key_file"`
}

// An auditConfig says where the audit log lies, what signs it, and where its newest checkpoint is copied to.
type auditConfig struct {
	Dir            string `yaml:"dir"`
	KeyFile        string `yaml:"key_file"`
	CheckpointCopy string `yaml:"checkpoint_copy"`
}

// A mediaConfig says where media flows. Port 0 is any free one, for dev only.
type mediaConfig struct {
	Listen      string   `yaml:"listen"`
	Port        int      `yaml:"port"`
	Workers     int      `yaml:"workers"`
	Advertise   []string `yaml:"advertise"`
	AllowAES128 bool     `yaml:"allow_aes128"`
}

// A relayConfig says where media may flow over TCP, for who is on a network without UDP. Listen is an address of its own; without
// one it shares that of the page.
type relayConfig struct {
	Enabled       bool   `yaml:"enabled"`
	Listen        string `yaml:"listen"`
	Host          string `yaml:"host"`
	ProxyProtocol bool   `yaml:"proxy_protocol"`
}

type limitsConfig struct {
	Rooms       int `yaml:"rooms"`
	Connections int `yaml:"connections"`
}

type logConfig struct {
	Level string `yaml:"level"`
}

func defaultConfig() config {
	return config{
		Listen:  ":8443",
		Admin:   "127.0.0.1:9091",
		Control: "state/alcove.sock", DrainWait: duration(10 * time.Second),
		TLS:       tlsConfig{ACME: acmeConfig{Directory: "https://acme-v02.api.letsencrypt.org/directory", CacheDir: "state/acme"}},
		Store:     storeConfig{Dir: "state/store", KeyFile: storeKeyFile},
		Audit:     auditConfig{Dir: "state/audit", KeyFile: auditKeyFile},
		Recording: defaultRecorderConfig(),
		Media:     mediaConfig{Listen: "0.0.0.0", Port: 50000, Workers: 1},
		Relay:     relayConfig{Enabled: true},
		Limits:    limitsConfig{Rooms: 200, Connections: 2000},
		Policies:  map[string]policyConfig{defaultPolicy: defaultPolicyConfig()},
		Log:       logConfig{Level: "info"},
	}
}

// A duration is written with its unit: 60s, 1m30s.
type duration time.Duration

func (d duration) String() string { return time.Duration(d).String() }

func (d duration) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalYAML refuses a number without a unit: it would be nanoseconds to Go and seconds to people.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is no duration: write a number with a unit, such as 60s or 2m", n.Line, n.Value)}}
	}
	*d = duration(v)
	return nil
}

// An instant is a point in time, written as RFC 3339 has it; empty is none.
type instant time.Time

func (t instant) String() string {
	if time.Time(t).IsZero() {
		return ""
	}
	return time.Time(t).Format(time.RFC3339)
}

func (t instant) MarshalYAML() (any, error) { return t.String(), nil }

// parseInstant wants an offset: without one it would be another time in summer.
func parseInstant(s string) (instant, error) {
	if s == "" {
		return instant{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	return instant(at), err
}

// UnmarshalYAML takes what walk let pass.
func (t *instant) UnmarshalYAML(n *yaml.Node) (err error) {
	*t, err = parseInstant(n.Value)
	return err
}
