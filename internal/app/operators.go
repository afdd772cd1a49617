package app

import (
	"fmt"
	"os"
	"time"

	"github.com/goccy/go-yaml"

	"hongbao/disbursement"
	"hongbao/disbursement/gateway"
	"hongbao/internal/signing"
)

// operatorEntry is one operator in the operators file. Keys are PEM files or one-line public keys; while a key is being replaced both
// stand in the list, the one that sensitive fields are sealed to first.
type operatorEntry struct {
	Name    string        `yaml:"name"`
	Party   string        `yaml:"party,omitempty"` // who signs, where an access point stands for several banks
	URL     string        `yaml:"url"`
	Keys    []string      `yaml:"keys"`
	Rate    float64       `yaml:"rate,omitempty"` // calls a second
	Timeout time.Duration `yaml:"timeout,omitempty"`
	Batch   int           `yaml:"batch,omitempty"`
}

// loadOperators reads the operators file: a list under the key "operators".
func loadOperators(path string, signer signing.Signer, measures *gateway.Measures) (map[string]disbursement.Operator, *signing.Directory, error) {
	operators, directory := make(map[string]disbursement.Operator), &signing.Directory{}
	if path == "" {
		return operators, directory, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var file struct {
		Operators []operatorEntry `yaml:"operators"`
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, entry := range file.Operators {
		operator, err := entry.open(signer, directory, measures)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: operator %s: %w", path, entry.Name, err)
		}
		operators[entry.Name] = operator
	}
	return operators, directory, nil
}

func (e operatorEntry) open(signer signing.Signer, directory *signing.Directory, measures *gateway.Measures) (disbursement.Operator, error) {
	if e.Party == "" {
		e.Party = e.Name
	}
	profile := gateway.Profile{Name: e.Name, Party: e.Party, URL: e.URL, Signer: signer, Keys: directory, Rate: e.Rate, Timeout: e.Timeout, Batch: e.Batch, Measures: measures}
	for _, text := range e.Keys {
		if b, err := os.ReadFile(text); err == nil {
			text = string(b)
		}
		key, err := signing.ParsePublicKey(text)
		if err != nil {
			return nil, err
		}
		if err := directory.Add(e.Party, key); err != nil {
			return nil, err
		}
		if profile.SealKey == nil {
			profile.SealKey = key.Key
		}
	}
	return gateway.New(profile)
}
