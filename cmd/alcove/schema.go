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
	TLS            tlsConfig               `yaml:"tls"`
	TrustedProxies []string                `yaml:"trusted_proxies"`
	Origins        []string                `yaml:"origins"`
	FrameAncestors []string                `yaml:"frame_ancestors"`
	Page           pageConfig              `yaml:"page"`
	Auth           authConfig              `yaml:"auth"`
	Store          storeConfig             `yaml:"store"`
	Audit          auditConfig             `yaml:"audit"`
	Media          mediaConfig             `yaml:"media"`
	Limits         limitsConfig            `yaml:"limits"`
	Policies       map[string]policyConfig `yaml:"policies"`
	Log            logConfig               `yaml:"log"`
}

type tlsConfig struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

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

type limitsConfig struct {
	Rooms       int `yaml:"rooms"`
	Connections int `yaml:"connections"`
}

type policyConfig struct {
	MaxParticipants int      `yaml:"max_participants"`
	MaxWaiting      int      `yaml:"max_waiting"`
	ScreenForAll    bool     `yaml:"screen_for_all"`
	ResumeWindow    duration `yaml:"resume_window"`
	PasscodeHash    string   `yaml:"passcode_hash"`
}

type logConfig struct {
	Level string `yaml:"level"`
}

const defaultPolicy = "default" // of tokens that name none

func defaultPolicyConfig() policyConfig {
	return policyConfig{MaxParticipants: 30, MaxWaiting: 60, ResumeWindow: duration(time.Minute)}
}

func defaultConfig() config {
	return config{
		Listen:   ":8443",
		Admin:    "127.0.0.1:9091",
		Store:    storeConfig{Dir: "state/store", KeyFile: storeKeyFile},
		Audit:    auditConfig{Dir: "state/audit", KeyFile: auditKeyFile},
		Media:    mediaConfig{Listen: "0.0.0.0", Port: 50000, Workers: 1},
		Limits:   limitsConfig{Rooms: 200, Connections: 2000},
		Policies: map[string]policyConfig{defaultPolicy: defaultPolicyConfig()},
		Log:      logConfig{Level: "info"},
	}
}

// UnmarshalYAML starts every policy from the defaults. Unknown keys were refused before.
func (p *policyConfig) UnmarshalYAML(n *yaml.Node) error {
	type plain policyConfig
	v := plain(defaultPolicyConfig())
	if err := n.Decode(&v); err != nil {
		return err
	}
	*p = policyConfig(v)
	return nil
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
