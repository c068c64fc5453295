package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const exampleFile = "../../../../deploy/alcove.example.yaml"

const minimal = `listen: 127.0.0.1:8443
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: jwks.json, person_key_file: person.key}
`

func TestParseConfigDefaults(t *testing.T) {
	c, _, err := Parse("a.yaml", []byte(minimal+"tls:\npolicies:\n  default:\n  night: {max_waiting: 3}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	if c.Admin != want.Admin || c.Media.Port != want.Media.Port || c.Limits != want.Limits || c.Log != want.Log {
		t.Errorf("got %+v", c)
	}
	night := DefaultPolicy()
	night.MaxWaiting = 3
	if !reflect.DeepEqual(c.Policies, map[string]Policy{"default": DefaultPolicy(), "night": night}) {
		t.Errorf("got %+v", c.Policies)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"empty", "", "a.yaml:1: auth.issuer: is missing"},
		{"comment only", "# nothing\n", "a.yaml:1: auth.issuer: is missing"},
		{"list", "- a\n", "a.yaml:1: the configuration must be a mapping"},
		{"syntax", "listen: [\n", "a.yaml:"},
		{"tab", "tls:\n\tcert_file: x\n", "a.yaml:2: "},
		{"unknown key", minimal + "recordings: true\n", `a.yaml:3: unknown key "recordings" in the configuration: remove it, or use one of admin, admin_without_tls, audit, auth,`},
		{"case", "Listen: 127.0.0.1:1\n", `a.yaml:1: unknown key "Listen"`},
		{"deep unknown key", minimal + "media:\n  ports: 1\n", `a.yaml:4: unknown key "ports" in media`},
		{"unknown key of a policy", minimal + "policies:\n  night:\n    lock: 1\n", `a.yaml:5: unknown key "lock" in policies.night`},
		{"twice", minimal + "log: {level: info, level: warn}\n", `a.yaml:3: key "level" comes twice in log`},
		{"two documents", minimal + "---\nlisten: x\n", "one YAML document"},
		{"alias", "listen: &a 127.0.0.1:1\nadmin: *a\n", "a.yaml:2: anchors and aliases are not accepted"},
		{"anchor of a duration", minimal + "drain_wait: &a 10s\n", "a.yaml:3: anchors and aliases are not accepted"},
		{"merge", minimal + "log: {<<: {level: info}}\n", `unknown key "<<"`},
		{"text for a list", minimal + "origins: https://a.example\n", "a.yaml:3: origins must be a list"},
		{"list for text", minimal + "admin: [a]\n", "a.yaml:3: admin must be text"},
		{"text for a number", minimal + "limits: {rooms: many}\n", "a.yaml:3: limits.rooms must be a whole number"},
		{"text for a switch", minimal + "media: {allow_aes128: maybe}\n", "media.allow_aes128 must be true or false"},
		{"huge number", minimal + "media: {port: 99999999999999999999999}\n", "a.yaml:3: "},
		{"duration without unit", minimal + "policies:\n  default:\n    resume_window: 60\n", `a.yaml:5: policies.default.resume_window must be a number with a unit`},
		{"duration as list", minimal + "policies: {default: {resume_window: [1s]}}\n", "resume_window must be a number with a unit"},
		{"short window", minimal + "policies:\n  default:\n    resume_window: 1ms\n", "a.yaml:5: policies.default.resume_window: 1ms is out of range: use 1s to 10m0s"},
		{"policy name", minimal + "policies:\n  Night Group: {}\n", "a.yaml:4: policies.Night Group: a policy is named"},
		{"one participant", minimal + "policies: {default: {max_participants: 1}}\n", "use 2 to 500"},
		{"long wait for a phone", minimal + "policies: {default: {waiting_resume: 2h}}\n", "policies.default.waiting_resume: 2h0m0s is out of range: use 1s to 1h0m0s"},
		{"no waiting room", minimal + "policies: {default: {max_waiting: 0}}\n", "use 1 to 1000"},
		{"open door", strings.Replace(minimal, "127.0.0.1", "", 1), "a.yaml:1: listen: \":8443\" is not a loopback address"},
		{"open door, address", strings.Replace(minimal, "127.0.0.1", "10.0.0.1", 1), "is not a loopback address"},
		{"name", strings.Replace(minimal, "127.0.0.1", "group.example.org", 1), "names are not looked up"},
		{"no port", strings.Replace(minimal, ":8443", "", 1), "is no address to listen on"},
		{"port", minimal + "admin: 127.0.0.1:99999\n", "a.yaml:3: admin: "},
		{"open admin", minimal + "admin: 0.0.0.0:9091\n", "a.yaml:3: admin: \"0.0.0.0:9091\" is not a loopback address, and the admin API has no TLS"},
		{"admin on all", minimal + "admin: ':9091'\nadmin_without_tls: false\n", "say so again with admin_without_tls: true"},
		{"admin said for nothing", minimal + "admin_without_tls: true\n", "a.yaml:3: admin_without_tls: is for an admin address off loopback"},
		{"half of TLS", minimal + "tls: {cert_file: c}\n", "a.yaml:3: tls: set both"},
		{"ACME beside files", minimal + "tls: {cert_file: c, key_file: k, acme: {hosts: [a.example]}}\n", "a.yaml:3: tls: set cert_file and key_file, or acme.hosts, not both"},
		{"ACME for an address", minimal + "tls: {acme: {hosts: [a.example, 203.0.113.7]}}\n", `a.yaml:3: tls.acme.hosts[1]: "203.0.113.7" is no name in DNS`},
		{"ACME for anything", minimal + "tls: {acme: {hosts: ['*.a.example']}}\n", "is no name in DNS"},
		{"ACME in the clear", minimal + "tls: {acme: {hosts: [a.example], directory: 'http://b.example'}}\n", "a.yaml:3: tls.acme.directory: "},
		{"ACME to whom", minimal + "tls: {acme: {hosts: [a.example], email: nobody}}\n", "a.yaml:3: tls.acme.email: "},
		{"long wait", minimal + "drain_wait: 25h\n", "a.yaml:3: drain_wait: 25h0m0s is out of range"},
		{"no socket", minimal + "control: ''\n", "a.yaml:3: control: is missing"},
		{"proxy", minimal + "trusted_proxies: [10.0.0.0/8, proxy]\n", `a.yaml:3: trusted_proxies[1]: "proxy" is no network`},
		{"origin with path", minimal + "origins: [https://a.example/x]\n", "a.yaml:3: origins[0]: "},
		{"any origin", minimal + "origins: ['*']\n", "is no origin"},
		{"origin with wildcard", minimal + "origins: ['https://*.example']\n", "is no origin"},
		{"origin without TLS", minimal + "frame_ancestors: ['http://a.example']\n", "must be https"},
		{"issuer missing", strings.Replace(minimal, "issuer: https://id.example.org, ", "", 1), "a.yaml:2: auth.issuer: is missing"},
		{"audience of admins", strings.Replace(minimal, "audience: alcove", "audience: alcove-admin", 1), "is for tokens of the admin API"},
		{"clinic of two lines", minimal + "page: {clinic: \"a\\nb\"}\n", "page.clinic: must be one line"},
		{"media name", minimal + "media: {listen: eth0}\n", `media.listen: "eth0" is no IP address`},
		{"media of both families", minimal + "media: {listen: '::'}\n", `a.yaml:3: media.listen: "::" would let nobody in over IPv4`},
		{"media of IPv4 twice", minimal + "media: {listen: [127.0.0.1, 0.0.0.0]}\n", "a.yaml:3: media.listen[1]: \"0.0.0.0\" is of the same family"},
		{"media nowhere", minimal + "media: {listen: []}\n", "a.yaml:3: media.listen: 0 addresses"},
		{"media in three places", minimal + "media: {listen: [127.0.0.1, '::1', '::']}\n", "a.yaml:3: media.listen: 3 addresses"},
		{"media of both families and a name", minimal + "media: {listen: [127.0.0.1, eth0]}\n", `media.listen[1]: "eth0" is no IP address`},
		{"media of another family", minimal + "media: {advertise: ['2001:db8::1']}\n", "is of another family than media.listen, 0.0.0.0"},
		{"media port 0", minimal + "media: {port: 0}\n", "media.port: 0 is out of range"},
		{"workers beyond the ports", minimal + "media: {port: 65535, workers: 2}\n", "choose a lower port"},
		{"advertise name", minimal + "media:\n  advertise:\n    - 203.0.113.7\n    - a.example\n", "a.yaml:6: media.advertise[1]: "},
		{"advertise anything", minimal + "media: {advertise: [0.0.0.0]}\n", "no address that a client could reach"},
		{"relay where the page is", minimal + "relay: {listen: '127.0.0.1:8443'}\n", "a.yaml:3: relay.listen: \"127.0.0.1:8443\" is taken"},
		{"relay on a name", minimal + "relay: {listen: 'relay:8444'}\n", "a.yaml:3: relay.listen: "},
		{"the PROXY protocol of nobody", minimal + "proxy_protocol: true\n", "a.yaml:3: proxy_protocol: is read from trusted_proxies only"},
		{"the PROXY protocol to a relay where the page is", minimal + "relay: {proxy_protocol: true}\n", "a.yaml:3: relay.proxy_protocol: is for relay.listen"},
		{"the PROXY protocol of nobody to a relay", minimal + "relay: {listen: ':8444', proxy_protocol: true}\n", "a.yaml:3: relay.proxy_protocol: is read from trusted_proxies only"},
		{"a relay over UDP on a port of media", minimal + "relay: {udp: [':443', ':50000']}\n", "a.yaml:3: relay.udp[1]: port 50000 is one of media"},
		{"a relay over UDP that browsers refuse", minimal + "relay: {udp: [':444']}\n", "a.yaml:3: relay.udp[0]: browsers refuse port 444"},
		{"a relay over UDP twice", minimal + "relay: {udp: [':443', ':443']}\n", "a.yaml:3: relay.udp[1]: \":443\" is there already"},
		{"a relay over UDP on a name", minimal + "relay: {udp: ['relay:3478']}\n", "a.yaml:3: relay.udp[0]: "},
		{"relays over UDP", minimal + "relay: {udp: [':1', ':2', ':3', ':4', ':5']}\n", "a.yaml:3: relay.udp: 5 addresses"},
		{"name of no relay", minimal + "relay: {host: a.example}\n", "a.yaml:3: relay.host: is for relay.listen"},
		{"name of a relay", minimal + "relay: {listen: ':8444', host: 'turns:a.example'}\n", "a.yaml:3: relay.host: \"turns:a.example\" is no name"},
		{"limits", minimal + "limits: {rooms: 0, connections: -1}\n", "limits.rooms: 0 is out of range"},
		{"language of the welcome", minimal + "page: {welcome: {'German!': Hallo}}\n", `a.yaml:3: page.welcome.German!: "German!" is no language`},
		{"the same language twice", minimal + "page: {welcome: {de: Hallo, DE: Hallo}}\n", "page.welcome.de: DE is there already"},
		{"empty emergency text", minimal + "page: {emergency: {de: ' '}}\n", "page.emergency.de: must be plain text"},
		{"level", minimal + "log: {level: loud}\n", `a.yaml:3: log.level: "loud" is no level`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Parse("a.yaml", []byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v\nwant %q in it", err, tt.want)
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "a.yaml:") {
					t.Errorf("%q names no line", line)
				}
			}
		})
	}
}

func TestParseConfigAccepts(t *testing.T) {
	for name, data := range map[string]string{
		"IPv6":              strings.Replace(minimal, "127.0.0.1:8443", `"[::1]:8443"`, 1),
		"localhost":         strings.Replace(minimal, "127.0.0.1", "localhost", 1),
		"behind a proxy":    strings.Replace(minimal, "127.0.0.1", "0.0.0.0", 1) + "trusted_proxies: [10.0.0.7, 'fd00::/8']\n",
		"with TLS":          strings.Replace(minimal, "127.0.0.1:8443", `":8443"`, 1) + "tls: {cert_file: c, key_file: k}\n",
		"with ACME":         strings.Replace(minimal, "127.0.0.1:8443", `":8443"`, 1) + "tls: {acme: {hosts: [video.a.example], email: ops@a.example}}\n",
		"admin said twice":  minimal + "admin: 10.0.0.7:9091\nadmin_without_tls: true\n",
		"origins":           minimal + "origins: ['https://a.example:8443', 'http://localhost:3000', 'http://[::1]:3000']\n",
		"long window":       minimal + "policies: {default: {resume_window: 10m}}\n",
		"phone as a number": minimal + "page: {phone: 0305550100}\n",
	} {
		if _, _, err := Parse("a.yaml", []byte(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _, _ := Parse("a.yaml", []byte(minimal+"page: {phone: 0305550100}\n"))
	if c.Page.Phone != "0305550100" {
		t.Errorf("the phone became %q", c.Page.Phone)
	}
}

// exampleGroup is the policy of the example whose lists are not empty.
const exampleGroup = "group"

// TestExample checks that the example sets every key, and that a value is the default where the example says so.
func TestExample(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	c, l, err := Parse(exampleFile, data)
	if err != nil {
		t.Fatal(err)
	}
	keys := keysOf("", reflect.TypeFor[Config]())
	if len(keys) < 50 {
		t.Fatalf("found %d keys only", len(keys))
	}
	for _, key := range keys {
		inGroup := strings.Replace(key, "policies."+DefaultPolicyName, "policies."+exampleGroup, 1)
		if l.lines[key] == 0 && l.lines[inGroup] == 0 {
			t.Errorf("the example does not set %s", key)
		}
	}
	d := Default()
	d.TLS.CertFile, d.TLS.KeyFile, d.TrustedProxies, d.Origins, d.FrameAncestors = c.TLS.CertFile, c.TLS.KeyFile, c.TrustedProxies, c.Origins, c.FrameAncestors
	d.Page, d.Auth, d.Media.Advertise, d.Relay.UDP = c.Page, c.Auth, c.Media.Advertise, c.Relay.UDP
	d.Policies[exampleGroup] = c.Policies[exampleGroup]
	encrypted := d.Policies[DefaultPolicyName] // a configuration that says nothing keeps the clients that it has; a new one begins encrypted
	encrypted.E2EE = "required"
	d.Policies[DefaultPolicyName] = encrypted
	if !c.Policies[exampleGroup].Encrypted() {
		t.Error("the example's group is not encrypted end to end")
	}
	if got, want := marshal(t, c), marshal(t, d); got != want {
		t.Errorf("the example says\n%s\nthe defaults are\n%s", got, want)
	}
}

// keysOf lists every key of the schema; lists hold one item and the policies are one named default.
func keysOf(key string, t reflect.Type) []string {
	if t == reflect.TypeFor[Instant]() {
		return []string{key}
	}
	switch t.Kind() {
	case reflect.Struct:
		var all []string
		for name, field := range structFields(t) {
			all = append(all, keysOf(strings.TrimPrefix(key+"."+name, "."), field)...)
		}
		return all
	case reflect.Map:
		if t.Elem().Kind() == reflect.String {
			return []string{key} // a text for each language
		}
		return keysOf(key+"."+DefaultPolicyName, t.Elem())
	case reflect.Slice:
		if k := t.Elem().Kind(); k == reflect.String {
			return []string{key} // may be empty
		}
		return keysOf(key+"[0]", t.Elem())
	}
	return []string{key}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func configSeeds(t testing.TB) []string {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return []string{string(example), minimal, "", "---", "~", "a: &a [*a]", "policies: {default: ~}", "listen: !!binary AA==", "? [a]\n: b"}
}

func TestConfigSeeds(t *testing.T) {
	accepted := 0
	for _, s := range configSeeds(t) {
		if _, _, err := Parse("a.yaml", []byte(s)); err == nil {
			accepted++
		}
	}
	if accepted != 2 {
		t.Errorf("%d seeds are accepted, want 2", accepted)
	}
}

// FuzzParseConfig checks that an accepted configuration serves nothing unencrypted to the network, has the required keys, and can be
// written and read again, and that an error names a line.
func FuzzParseConfig(f *testing.F) {
	for _, s := range configSeeds(f) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := Parse("a.yaml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "a.yaml:") {
				t.Fatalf("%v names no line", err)
			}
			return
		}
		if !c.TLS.Enabled() && len(c.TrustedProxies) == 0 && !Loopback(c.Listen) {
			t.Fatalf("listens on %q without TLS", c.Listen)
		}
		if c.Auth.Issuer == "" || c.Auth.Audience == "" || time.Duration(c.Policies[DefaultPolicyName].ResumeWindow) < minResumeWindow {
			t.Fatalf("accepted %+v", c)
		}
		again, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Parse("a.yaml", again); err != nil {
			t.Fatalf("the effective configuration is refused: %v\n%s", err, again)
		}
	})
}
