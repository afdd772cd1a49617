package app

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The alert rules and the dashboard ask only for metrics that there are.
func TestDeployedQueriesNameRealMetrics(t *testing.T) {
	known := map[string]bool{}
	for _, pattern := range []string{"../../*/*measure.go", "../../*/*/*measure.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range regexp.MustCompile(`Name: "(hongbao_\w+)"`).FindAllSubmatch(source, -1) {
				known[string(name[1])] = true
			}
		}
	}
	if len(known) < 20 {
		t.Fatalf("only %d metrics are declared", len(known))
	}
	for _, file := range []string{"../../deploy/alerts.yml", "../../deploy/grafana-dashboard.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`hongbao_\w+`).FindAllString(string(text), -1) {
			if base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, ""); !known[base] && !known[name] {
				t.Errorf("%s asks for %s, which nobody measures", file, name)
			}
		}
	}
}

// What the unit file, the image and the compose file set are settings that there are, and every secret is among them.
func TestDeployedSettingsExist(t *testing.T) {
	known := map[string]Setting{}
	for _, s := range settings {
		known[s.Variable()] = s
	}
	for _, file := range []string{"hongbao.service", "compose.yaml", "Dockerfile"} {
		text, err := os.ReadFile("../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, variable := range regexp.MustCompile(`HONGBAO_[A-Z_]+`).FindAllString(string(text), -1) {
			name := strings.TrimSuffix(variable, "_FILE")
			if _, ok := known[name]; !ok && variable != "HONGBAO_NAME" {
				t.Errorf("%s sets %s, which is no setting", file, variable)
			}
			named[name] = true
		}
		for name, s := range known {
			if s.Secret && s.Required && !named[name] && file != "Dockerfile" {
				t.Errorf("%s lacks the secret %s", file, name)
			}
		}
	}
}
