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

// A TLS configures the certificate of the page, from files or by ACME.
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

// An Auth configures which tokens are accepted, and the key that derives the ids of people.
type Auth struct {
	Issuer        string `yaml:"issuer"`
	Audience      string `yaml:"audience"`
	JWKSFile      string `yaml:"jwks_file"`
	PersonKeyFile string `yaml:"person_key_file"`
}

// A Store configures the folder of stored data and the key that encrypts it.
type Store struct {
	Dir     string `yaml:"dir"`
	KeyFile string `yaml:"key_file"`
}

// An Audit configures the folder of the audit log, the key that signs it, and the copy of its newest checkpoint.
type Audit struct {
	Dir            string `yaml:"dir"`
	KeyFile        string `yaml:"key_file"`
	CheckpointCopy string `yaml:"checkpoint_copy"`
}

// A Media configures the addresses of media. Port 0 is any free port, for dev only.
type Media struct {
	Listen      Addresses `yaml:"listen"`
	Port        int       `yaml:"port"`
	Workers     int       `yaml:"workers"`
	Advertise   []string  `yaml:"advertise"`
	AllowAES128 bool      `yaml:"allow_aes128"`
}

// A Relay configures media over TCP, for clients whose network blocks UDP. Without Listen it shares the address of the page. UDP lists
// addresses for clients whose network lets UDP through to well-known ports only.
type Relay struct {
	Enabled       bool     `yaml:"enabled"`
	Listen        string   `yaml:"listen"`
	UDP           []string `yaml:"udp"`
	Host          string   `yaml:"host"`
	ProxyProtocol bool     `yaml:"proxy_protocol"`
}

// Limits bounds the number of rooms and of connections.
type Limits struct {
	Rooms       int `yaml:"rooms"`
	Connections int `yaml:"connections"`
}

// A Log configures the level of the log.
type Log struct {
	Level string `yaml:"level"`
}

// Default returns the configuration of an empty file.
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
		Media:     Media{Listen: Addresses{"0.0.0.0"}, Port: 50000, Workers: 1},
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

// parseInstant requires an offset: without one the time would change with daylight saving.
func parseInstant(s string) (Instant, error) {
	if s == "" {
		return Instant{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	return Instant(at), err
}

// LogLevels are the values of log.level.
var LogLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
