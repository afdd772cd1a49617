package app

import (
	"os"
	"path/filepath"
	"regexp"
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
