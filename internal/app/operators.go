package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/goccy/go-yaml"

	"hongbao/disbursement"
	"hongbao/disbursement/gateway"
	"hongbao/internal/allowance"
	"hongbao/internal/database"
	"hongbao/internal/signing"
)

// operatorEntry is one operator in the operators file, or an access point with the banks behind it. Keys are PEM files or
// one-line public keys; while a key is being replaced both stand in the list, the one that sensitive fields are sealed to first.
type operatorEntry struct {
	Name    string        `yaml:"name"`
	Party   string        `yaml:"party,omitempty"` // who signs, where an access point stands for several banks
	URL     string        `yaml:"url"`
	Keys    []string      `yaml:"keys"`
	Rate    float64       `yaml:"rate,omitempty"` // calls a second, of all replicas together
	Timeout time.Duration `yaml:"timeout,omitempty"`
	Batch   int           `yaml:"batch,omitempty"`
	TLS     *tlsEntry     `yaml:"tls,omitempty"`
	Members []memberEntry `yaml:"members,omitempty"` // then this entry is the access point and no operator itself
}

// tlsEntry names the PEM files of mutual TLS. The operator's authorities are the only ones that are believed; while they are
// replaced the file holds the old ones and the new.
type tlsEntry struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	Authorities string `yaml:"authorities"`
}

func (e tlsEntry) files() signing.MutualTLS {
	return signing.MutualTLS{Certificate: e.Certificate, Key: e.Key, Authorities: e.Authorities}
}

// memberEntry is a bank behind an access point, with the code that its calls carry.
type memberEntry struct {
	Name string `yaml:"name"`
	Bank string `yaml:"bank"`
}

// operatorSet are the operators that a file describes: how each is reached, whose keys are believed, who signs for whom, and
// to which keys the files for an operator are sealed.
type operatorSet struct {
	operators map[string]disbursement.Operator
	directory *signing.Directory
	parties   map[string]string
	seals     map[string]signing.PublicKey
}

func newOperatorSet() operatorSet {
	return operatorSet{operators: map[string]disbursement.Operator{}, directory: &signing.Directory{}, parties: map[string]string{}, seals: map[string]signing.PublicKey{}}
}

// caller is who calls the operators: this process.
type caller struct {
	signer   signing.Signer
	measures *gateway.Measures
	db       *database.DB // in which it takes turns with other replicas; nil: it is alone
}

// loadOperators reads the operators file: a list under the key "operators".
func loadOperators(path string, by caller) (operatorSet, error) {
	set := newOperatorSet()
	if path == "" {
		return set, nil
	}
	entries, err := readOperators(path)
	if err != nil {
		return set, err
	}
	for _, entry := range entries {
		if err := set.add(entry, by); err != nil {
			return set, fmt.Errorf("%s: operator %s: %w", path, entry.Name, err)
		}
	}
	return set, nil
}

func readOperators(path string) ([]operatorEntry, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Operators []operatorEntry `yaml:"operators"`
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file.Operators, nil
}

var errNameTwice = errors.New("another operator has this name")

// add opens an entry and puts it, or the banks behind it, into the set.
func (set operatorSet) add(e operatorEntry, by caller) error {
	opened, seal, err := e.open(by, set.directory)
	if err != nil {
		return err
	}
	put := func(name string, g *gateway.Gateway) error {
		if set.operators[name] != nil {
			return fmt.Errorf("%s: %w", name, errNameTwice)
		}
		set.operators[name], set.parties[name], set.seals[name] = g, e.party(), seal
		return nil
	}
	if len(e.Members) == 0 {
		return put(e.Name, opened)
	}
	codes := map[string]bool{}
	for _, m := range e.Members {
		member, err := opened.Member(m.Name, m.Bank)
		if err == nil {
			err = put(m.Name, member)
		}
		if err == nil && codes[m.Bank] {
			err = fmt.Errorf("bank code %s stands there twice", m.Bank)
		}
		if err != nil {
			return err
		}
		codes[m.Bank] = true
	}
	return nil
}

func (e operatorEntry) party() string { return cmp.Or(e.Party, e.Name) }

// open makes the gateway of an entry, and gives the key that fields and files for it are sealed to.
func (e operatorEntry) open(by caller, directory *signing.Directory) (*gateway.Gateway, signing.PublicKey, error) {
	profile := gateway.Profile{Name: e.Name, Party: e.party(), URL: e.URL, Signer: by.signer, Keys: directory, Rate: e.Rate, Timeout: e.Timeout, Batch: e.Batch, Measures: by.measures}
	if e.Rate > 0 && by.db != nil && by.db.Dialect() == database.MySQL { // SQLite serves one process
		profile.Pacer = &allowance.Pace{DB: by.db, Now: time.Now, Name: "operator " + e.Name, PerSecond: e.Rate}
	}
	var seal signing.PublicKey
	for _, text := range e.Keys {
		if b, err := os.ReadFile(text); err == nil {
			text = string(b)
		}
		key, err := signing.ParsePublicKey(text)
		if err != nil {
			return nil, seal, err
		}
		if err := directory.Add(e.party(), key); err != nil {
			return nil, seal, err
		}
		if seal.Key == nil {
			seal, profile.SealKey = key, key.Key
		}
	}
	if e.TLS != nil {
		secure, err := e.TLS.files().Client()
		if err != nil {
			return nil, seal, err
		}
		profile.TLS = secure
	}
	opened, err := gateway.New(profile)
	return opened, seal, err
}
