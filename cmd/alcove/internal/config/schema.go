package config

import (
	"log/slog"
	"time"

	"alcove/cmd/alcove/internal/keyfile"
)

// A Config is the whole configuration. Its yaml tags are all keys there are; deploy/alcove.example.yaml explains each.
type Config struct {
	Listen         string            `yaml:"listen"`
	Admin          string            `yaml:"admin"`
	AdminPlain     bool              `yaml:"admin_without_tls"`
	Control        string            `yaml:"control"`
	DrainWait      Duration          `yaml:"drain_wait"`
	TLS            TLS               `yaml:"tls"`
	TrustedProxies []string          `yaml:"trusted_proxies"`
	ProxyProtocol  bool              `yaml:"proxy_protocol"`
	Origins        []string          `yaml:"origins"`
	FrameAncestors []string          `yaml:"frame_ancestors"`
	Page           Page              `yaml:"page"`
	Auth           Auth              `yaml:"auth"`
	Store          Store             `yaml:"store"`
	Audit          Audit             `yaml:"audit"`
	Recording      Recording         `yaml:"recording"`
	Files          Files             `yaml:"files"`
	Media          Media             `yaml:"media"`
	Relay          Relay             `yaml:"relay"`
	Limits         Limits            `yaml:"limits"`
	Policies       map[string]Policy `yaml:"policies"`
	Log            Log               `yaml:"log"`
}

type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`

	ACME ACME `yaml:"acme"`
}

// An ACME configures the server that issues certificates (RFC 8555), and the names they are for. Without names ACME is off.
type ACME struct {
	Hosts     []string `yaml:"hosts"`
	Directory string   `yaml:"directory"`
	CAFile    string   `yaml:"ca_file"`
	Email     string   `yaml:"email"`
	CacheDir  string   `yaml:"cache_dir"`
}

// Enabled reports whether this daemon does TLS itself.
func (t TLS) Enabled() bool { return t.CertFile != "" || len(t.ACME.Hosts) > 0 }

type Page struct {
	Clinic string `yaml:"clinic"`
	Phone  string `yaml:"phone"`
}

type Auth struct {
	Issuer        string `yaml:"issuer"`
	Audience      string `yaml:"audience"`
	JWKSFile      string `yaml:"jwks_file"`
	PersonKeyFile string `yaml:"person_key_file"`
}

// A Store says where lies what outlives the daemon, and what encrypts it.
type Store struct {
	Dir     string `yaml:"dir"`
	KeyFile string `yaml:"key_file"`
}

// An Audit says where the audit log lies, what signs it, and where its newest checkpoint is copied to.
type Audit struct {
	Dir            string `yaml:"dir"`
	KeyFile        string `yaml:"key_file"`
	CheckpointCopy string `yaml:"checkpoint_copy"`
}

// A Media says where media flows. Port 0 is any free one, for dev only.
type Media struct {
	Listen      string   `yaml:"listen"`
	Port        int      `yaml:"port"`
	Workers     int      `yaml:"workers"`
	Advertise   []string `yaml:"advertise"`
	AllowAES128 bool     `yaml:"allow_aes128"`
}

// A Relay says where media may flow over TCP, for who is on a network without UDP. Listen is an address of its own; without
// one it shares that of the page.
type Relay struct {
	Enabled       bool   `yaml:"enabled"`
	Listen        string `yaml:"listen"`
	Host          string `yaml:"host"`
	ProxyProtocol bool   `yaml:"proxy_protocol"`
}

type Limits struct {
	Rooms       int `yaml:"rooms"`
	Connections int `yaml:"connections"`
}

type Log struct {
	Level string `yaml:"level"`
}

func Default() Config {
	return Config{
		Listen:  ":8443",
		Admin:   "127.0.0.1:9091",
		Control: "state/alcove.sock", DrainWait: Duration(10 * time.Second),
		TLS:       TLS{ACME: ACME{Directory: "https://acme-v02.api.letsencrypt.org/directory", CacheDir: "state/acme"}},
		Store:     Store{Dir: "state/store", KeyFile: keyfile.StoreFile},
		Audit:     Audit{Dir: "state/audit", KeyFile: keyfile.AuditFile},
		Recording: DefaultRecording(),
		Files:     DefaultFiles(),
		Media:     Media{Listen: "0.0.0.0", Port: 50000, Workers: 1},
		Relay:     Relay{Enabled: true},
		Limits:    Limits{Rooms: 200, Connections: 2000},
		Policies:  map[string]Policy{DefaultPolicyName: DefaultPolicy()},
		Log:       Log{Level: "info"},
	}
}

// A Duration is written with its unit: 60s, 1m30s.
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// An Instant is a point in time, written as RFC 3339 has it; empty is none.
type Instant time.Time

func (t Instant) String() string {
	if time.Time(t).IsZero() {
		return ""
	}
	return time.Time(t).Format(time.RFC3339)
}

func (t Instant) MarshalYAML() (any, error) { return t.String(), nil }

// parseInstant wants an offset: without one it would be another time in summer.
func parseInstant(s string) (Instant, error) {
	if s == "" {
		return Instant{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	return Instant(at), err
}

var LogLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
