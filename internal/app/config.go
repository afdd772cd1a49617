package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"hongbao/internal/signing"
)

// Config is what the settings table yields. Secrets are in Keys and are never printed.
type Config struct {
	Database    string // sqlite:PATH or mysql://user:password@host[:port]/name
	Listen      string // host:port
	PublicURL   string // how citizens, operators and witnesses reach this service
	LogLevel    string
	Proxies     []string          // reverse proxies whose word on a caller's address is believed
	Metrics     string            // private address of metrics and profiles; empty is none
	Drain       time.Duration     // how long the service goes on after it has said that it is leaving
	LogName     string            // origin of the public log, without the city
	BeaconChain string            // path of a chain.json; empty is drand's quicknet
	BeaconURLs  []string          // drand relays; empty is the public ones
	Operators   string            // path of the operators' profiles (YAML)
	Door        string            // address on which operators are heard, with mutual TLS; empty is the service's own
	DoorTLS     signing.MutualTLS // of that address
	SMS         string            // base URL of the SMS gateway; empty writes messages to the outbox only
	Names       string            // base URL of the real-name check; empty checks no names
	Evidence    string            // base URL of the evidence register; empty knows the imported lists alone

	SMSToken, NamesToken, EvidenceToken string // what the three ask for

	KeeperURL string // base URL of the pseudonym keeper; empty keeps pseudonyms in this process
	Keys      Keys

	WebhookPrivate bool // webhooks may go to loopback and private addresses
}

// Setting is one row of the configuration table. Its name gives the flag (--name) and the environment variable (HONGBAO_NAME); a
// secret has no flag, since a process list shows arguments, and may be read from the file that HONGBAO_NAME_FILE names.
type Setting struct {
	Name     string
	Default  string
	Help     string
	Secret   bool
	Passing  bool // needed for a while only: no set of keys holds it
	Required bool
	Set      func(c *Config, value string) error // parses, checks and stores the value; its error names what is wanted, never the value of a secret
}

// Variable is the setting's environment variable.
func (s Setting) Variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

const (
	variablePrefix = "HONGBAO_"
	testPrefix     = "HONGBAO_TEST_" // read by tests only
)

// settings is the whole configuration of the program.
var settings = []Setting{
	{Name: "database", Default: "sqlite:var/hongbao.db", Help: "database: sqlite:PATH or mysql://user:password@host/name", Set: setDatabase},
	{Name: "listen", Default: "127.0.0.1:8080", Help: "address to serve on, host:port", Set: func(c *Config, v string) error { c.Listen = v; return hostPort(v) }},
	{Name: "public-url", Help: "address under which others reach this service (default http://LISTEN)", Set: setPublicURL},
	{Name: "proxies", Help: "addresses or networks of reverse proxies whose X-Forwarded-For is believed, comma separated (default: none)", Set: setProxies},
	{Name: "metrics-listen", Help: "private address for metrics and profiles, host:port (default: none)", Set: func(c *Config, v string) error { c.Metrics = v; return hostPort(v) }},
	{Name: "drain", Default: "3s", Help: "how long to go on serving, not ready, once told to stop", Set: setDrain},
	{Name: "log-level", Default: "info", Help: "debug, info, warn or error", Set: setLogLevel},
	{Name: "beacon-chain", Help: "chain.json of a drand chain (default: quicknet)", Set: func(c *Config, v string) error { c.BeaconChain = v; return fileExists(v) }},
	{Name: "beacon-urls", Help: "drand relays, comma separated (default: the public relays)", Set: setBeaconURLs},
	{Name: "operators", Help: "file with the operators' addresses and public keys (YAML)", Set: func(c *Config, v string) error { c.Operators = v; return fileExists(v) }},
	{Name: "operator-listen", Help: "address on which operators are heard with mutual TLS, host:port (default: where everybody is)", Set: func(c *Config, v string) error { c.Door = v; return hostPort(v) }},
	{Name: "operator-certificate", Help: "our certificate on operator-listen, PEM", Set: func(c *Config, v string) error { c.DoorTLS.Certificate = v; return fileExists(v) }},
	{Name: "operator-certificate-key", Help: "file with the key of operator-certificate, PEM", Set: func(c *Config, v string) error { c.DoorTLS.Key = v; return fileExists(v) }},
	{Name: "operator-authorities", Help: "authorities of the operators' certificates, PEM; old and new ones while they change", Set: func(c *Config, v string) error { c.DoorTLS.Authorities = v; return fileExists(v) }},
	{Name: "sms-url", Help: "base URL of the SMS gateway (default: messages stay in the outbox)", Set: func(c *Config, v string) (err error) { c.SMS, err = webAddress(v); return }},
	{Name: "webhook-private", Default: "no", Help: "yes lets webhooks go to loopback and private addresses and to plain HTTP", Set: setWebhookPrivate},
	{Name: "sms-token", Secret: true, Help: "token that the SMS gateway asks for", Set: func(c *Config, v string) error { c.SMSToken = v; return nil }},
	{Name: "names-url", Help: "base URL of the real-name check (default: names are not checked)", Set: func(c *Config, v string) (err error) { c.Names, err = webAddress(v); return }},
	{Name: "names-token", Secret: true, Help: "token that the real-name check asks for", Set: func(c *Config, v string) error { c.NamesToken = v; return nil }},
	{Name: "evidence-url", Help: "base URL of the evidence register (default: imported lists alone)", Set: func(c *Config, v string) (err error) { c.Evidence, err = webAddress(v); return }},
	{Name: "evidence-token", Secret: true, Help: "token that the evidence register asks for", Set: func(c *Config, v string) error { c.EvidenceToken = v; return nil }},
	{Name: "master-key", Secret: true, Required: true, Help: "key that wraps the campaigns' keys, 64 hex digits", Set: func(c *Config, v string) error { return c.Keys.setMaster(v) }},
	{Name: "previous-master-key", Secret: true, Passing: true, Help: "the master key before this one, until `hongbao keys rotate` has wrapped everything anew, 64 hex digits", Set: func(c *Config, v string) error { return c.Keys.setPrevious(v) }},
	{Name: "citizen-secret", Secret: true, Required: true, Help: "key of the citizens' tokens and SMS codes, 64 hex digits", Set: func(c *Config, v string) error { return c.Keys.setCitizen(v) }},
	{Name: "keeper-url", Help: "base URL of the pseudonym keeper (hongbao keeper); only demo keys do without", Set: func(c *Config, v string) (err error) { c.KeeperURL, err = webAddress(v); return }},
	{Name: "keeper-token", Secret: true, Help: "key that seals what passes between this service and the keeper, 64 hex digits", Set: func(c *Config, v string) error { return c.Keys.setKeeperToken(v) }},
	{Name: "keeper-key", Secret: true, Help: "the pseudonym keeper's own key where it runs within the service, which only demo keys may, 64 hex digits", Set: func(c *Config, v string) error { return c.Keys.setKeeper(v) }},
	{Name: "log-name", Default: "log.hongbao.example", Help: "name of the public log, a host name; each city's log is name/city", Set: setLogName},
	{Name: "log-key", Secret: true, Required: true, Help: "key from which the cities' log keys derive, 64 hex digits", Set: func(c *Config, v string) error { return c.Keys.setLog(v) }},
	{Name: "operator-key", Secret: true, Required: true, Help: "SM2 key that signs messages to operators, 64 hex digits", Set: func(c *Config, v string) error { return c.Keys.setOperator(v) }},
}

// databaseOnly are the settings of commands that work on the database alone.
var databaseOnly = []string{"database", "log-level"}

// bindFlags declares the flags of the named settings (all when none is named), with their defaults in the help.
func bindFlags(flags *pflag.FlagSet, names ...string) {
	for _, s := range settings {
		if !s.Secret && (len(names) == 0 || slices.Contains(names, s.Name)) {
			flags.String(s.Name, s.Default, s.Help+" ["+s.Variable()+"]")
		}
	}
}

// Source is where settings come from: changed flags first, then the environment, then files named there, then defaults.
type Source struct {
	Flags       *pflag.FlagSet
	Environment []string          // as os.Environ
	Fallback    map[string]string // by setting name; the demo keys
}

// Load reads the named settings (all when none is named) and reports every mistake at once.
func Load(src Source, names ...string) (*Config, error) {
	env := environment(src.Environment)
	config := &Config{}
	mistakes := unknownVariables(env)
	for _, s := range settings {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		if err := s.load(config, src, env); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s (--%s, %s): %w", s.Help, s.Name, s.Variable(), err))
		}
	}
	if len(names) == 0 && len(mistakes) == 0 {
		mistakes = config.crossCheck()
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("configuration has %d mistake(s):\n%w", len(mistakes), errors.Join(mistakes...))
	}
	return config, nil
}

func (s Setting) load(c *Config, src Source, env map[string]string) error {
	value, err := s.value(src, env)
	switch {
	case err != nil:
		return err
	case value != "":
		return s.Set(c, value)
	case s.Required:
		return fmt.Errorf("is required: set %s or %s_FILE", s.Variable(), s.Variable())
	}
	return nil
}

func (s Setting) value(src Source, env map[string]string) (string, error) {
	if src.Flags != nil {
		if f := src.Flags.Lookup(s.Name); f != nil && f.Changed {
			return f.Value.String(), nil
		}
	}
	value, isSet := env[s.Variable()]
	path, isFile := env[s.Variable()+"_FILE"]
	switch {
	case isSet && isFile:
		return "", fmt.Errorf("%s and %s_FILE are both set", s.Variable(), s.Variable())
	case isFile:
		b, err := os.ReadFile(path)
		return strings.TrimSpace(string(b)), err
	case isSet && value != "":
		return value, nil
	}
	if value, ok := src.Fallback[s.Name]; ok {
		return value, nil
	}
	return s.Default, nil
}

// crossCheck holds the rules that need more than one setting.
func (c *Config) crossCheck() (mistakes []error) {
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
	}
	if c.Keys.Demo && !isLoopback(c.Listen) {
		mistakes = append(mistakes, fmt.Errorf("listen %s: demo keys are refused outside the loopback address, since anyone can make the same; make keys of your own", c.Listen))
	}
	mistakes = append(mistakes, c.crossCheckOffices()...)
	return append(append(mistakes, c.crossCheckDoor()...), c.crossCheckKeeper()...)
}

// crossCheckOffices: identity is sent to nobody in the clear, nor to whoever asks for no token.
func (c *Config) crossCheckOffices() (mistakes []error) {
	for _, o := range []struct{ name, url, token string }{{"sms", c.SMS, "asked for where the gateway does"}, {"names", c.Names, c.NamesToken}, {"evidence", c.Evidence, c.EvidenceToken}} {
		if u, err := url.Parse(o.url); err == nil && u.Scheme == "http" && !isLoopback(net.JoinHostPort(u.Hostname(), "0")) {
			mistakes = append(mistakes, fmt.Errorf("%s-url: want https outside the loopback address: identity travels there", o.name))
		}
		if o.url != "" && o.token == "" {
			mistakes = append(mistakes, fmt.Errorf("%s-url: needs HONGBAO_%s_TOKEN: identity is sent to nobody without one", o.name, strings.ToUpper(o.name)))
		}
	}
	return mistakes
}

// crossCheckKeeper: whoever holds the register of people must not hold the keeper's key as well.
func (c *Config) crossCheckKeeper() (mistakes []error) {
	switch {
	case c.KeeperURL != "" && c.Keys.KeeperToken == nil:
		mistakes = append(mistakes, errors.New("keeper-url: needs HONGBAO_KEEPER_TOKEN, the key shared with the keeper"))
	case c.KeeperURL == "" && !c.Keys.Demo:
		mistakes = append(mistakes, errors.New("keeper-url is required: start `hongbao keeper` under its own user, or elsewhere; a keeper within the service is for rehearsals"))
	case c.KeeperURL == "" && c.Keys.Keeper == nil:
		mistakes = append(mistakes, errors.New("keeper-key or keeper-url is required"))
	}
	return mistakes
}

// secure says whether people reach the service over HTTPS.
func (c *Config) secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func environment(entries []string) map[string]string {
	env := make(map[string]string)
	for _, e := range entries {
		if name, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, variablePrefix) && !strings.HasPrefix(name, testPrefix) {
			env[name] = value
		}
	}
	return env
}

// unknownVariables finds misspelt names, which would otherwise be ignored in silence.
func unknownVariables(env map[string]string) (mistakes []error) {
	known := map[string]bool{"HONGBAO_LONG": true, "HONGBAO_SCREENSHOTS": true} // read by tests
	for _, s := range settings {
		known[s.Variable()] = true
		known[s.Variable()+"_FILE"] = true
	}
	for name := range env {
		if !known[name] {
			mistakes = append(mistakes, fmt.Errorf("%s: no such setting", name))
		}
	}
	slices.SortFunc(mistakes, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return mistakes
}

func setDatabase(c *Config, v string) error {
	c.Database = v
	if path, ok := strings.CutPrefix(v, "sqlite:"); ok && path != "" {
		return nil
	}
	if u, err := url.Parse(v); err == nil && u.Scheme == "mysql" && u.Host != "" && strings.Trim(u.Path, "/") != "" {
		return nil
	}
	return errors.New("want sqlite:PATH or mysql://user:password@host[:port]/name")
}

func hostPort(v string) error {
	if _, _, err := net.SplitHostPort(v); err != nil {
		return errors.New("want host:port")
	}
	return nil
}

func setProxies(c *Config, v string) error {
	for _, part := range strings.Split(v, ",") {
		part = strings.TrimSpace(part)
		_, network, err := net.ParseCIDR(part)
		switch {
		case net.ParseIP(part) == nil && err != nil:
			return fmt.Errorf("want addresses or networks, not %q", part)
		case network != nil && network.String() != part:
			return fmt.Errorf("%s is no network; %s is", part, network)
		}
		c.Proxies = append(c.Proxies, part)
	}
	return nil
}

func setDrain(c *Config, v string) (err error) {
	if c.Drain, err = time.ParseDuration(v); err != nil || c.Drain < 0 || c.Drain > time.Minute {
		return errors.New("want a length of time up to 1m, such as 3s")
	}
	return nil
}

func setPublicURL(c *Config, v string) (err error) {
	c.PublicURL, err = webAddress(v)
	return err
}

func setLogLevel(c *Config, v string) error {
	c.LogLevel = v
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, v) {
		return fmt.Errorf("want debug, info, warn or error, not %q", v)
	}
	return nil
}

func setLogName(c *Config, v string) error {
	c.LogName = v
	if strings.ContainsAny(v, "+/ \t") {
		return errors.New("want a host name")
	}
	return nil
}

func setBeaconURLs(c *Config, v string) error {
	for _, part := range strings.Split(v, ",") {
		address, err := webAddress(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		c.BeaconURLs = append(c.BeaconURLs, address)
	}
	return nil
}

func webAddress(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errors.New("want http://host or https://host")
	}
	return strings.TrimSuffix(v, "/"), nil
}

func fileExists(path string) error {
	_, err := os.Stat(path)
	return err
}

func setWebhookPrivate(c *Config, v string) error {
	if v != "yes" && v != "no" {
		return errors.New("want yes or no")
	}
	c.WebhookPrivate = v == "yes"
	return nil
}
