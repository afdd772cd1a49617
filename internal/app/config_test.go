package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestLoadReportsEveryMistakeAtOnce(t *testing.T) {
	secret := strings.Repeat("5e", 31) // two digits short
	_, err := Load(Source{Environment: []string{
		"HONGBAO_DATABASE=postgres://db", "HONGBAO_LISTEN=8080", "HONGBAO_LOG_LEVEL=loud", "HONGBAO_MASTER_KEY=" + secret, "HONGBAO_DATABSE=x",
		"HONGBAO_CITIZEN_SECRET=a", "HONGBAO_CITIZEN_SECRET_FILE=b", "HONGBAO_TEST_MYSQL=ignored",
	}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"HONGBAO_DATABASE)", "HONGBAO_LISTEN)", "HONGBAO_LOG_LEVEL)", "HONGBAO_MASTER_KEY)", "HONGBAO_DATABSE: no such setting",
		"both set", "HONGBAO_LOG_KEY): is required"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Error("the error shows a secret")
	}
}

func TestLoadPrecedence(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	bindFlags(flags, databaseOnly...)
	path := filepath.Join(t.TempDir(), "level")
	if err := os.WriteFile(path, []byte("warn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := Source{Flags: flags, Environment: []string{"HONGBAO_DATABASE=sqlite:env.db", "HONGBAO_LOG_LEVEL_FILE=" + path}}
	config, err := Load(src, databaseOnly...)
	if err != nil {
		t.Fatal(err)
	}
	if config.Database != "sqlite:env.db" || config.LogLevel != "warn" {
		t.Errorf("environment: %+v", config)
	}
	flags.Set("database", "sqlite:flag.db")
	if config, err = Load(src, databaseOnly...); err != nil || config.Database != "sqlite:flag.db" {
		t.Errorf("flag: %+v %v", config, err)
	}
}

func TestDemoKeysStayOnLoopback(t *testing.T) {
	dir := t.TempDir()
	keys, err := demoKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	load := func(listen string) error {
		_, err := Load(Source{Environment: []string{"HONGBAO_LISTEN=" + listen}, Fallback: keys})
		return err
	}
	for _, listen := range []string{"127.0.0.1:8080", "[::1]:8080", "localhost:8080"} {
		if err := load(listen); err != nil {
			t.Errorf("%s: %v", listen, err)
		}
	}
	for _, listen := range []string{"0.0.0.0:8080", ":8080", "192.0.2.1:80"} {
		if err := load(listen); err == nil || !strings.Contains(err.Error(), "demo keys") {
			t.Errorf("%s: %v", listen, err)
		}
	}
	// The same keys, handed over as an operator's own files, are still known for what they are.
	environment := []string{"HONGBAO_LISTEN=0.0.0.0:80"}
	for _, s := range settings {
		if s.Secret && !s.Passing {
			environment = append(environment, s.Variable()+"_FILE="+filepath.Join(dir, s.Name))
		}
	}
	if _, err := Load(Source{Environment: environment}); err == nil || !strings.Contains(err.Error(), "demo keys") {
		t.Errorf("files: %v", err)
	}
	again, err := demoKeys(dir)
	if err != nil || again["log-key"] != keys["log-key"] {
		t.Error("a second start makes other keys")
	}
}
