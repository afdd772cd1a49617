package app

import (
	"regexp"
	"strings"
	"testing"
)

func TestLoadRegistersAtARateAndReports(t *testing.T) {
	status, out := run("load", "--registrations", "150", "--rate", "300", "--lookups", "2", "--claims", "6")
	if status != 0 || !strings.Contains(out, "150 of 150 registered") || !strings.Contains(out, "look-up") || !strings.Contains(out, " 300 ") ||
		!regexp.MustCompile(`[1-9]\d* winners claimed`).MatchString(out) {
		t.Errorf("%d\n%s", status, out)
	}
}

func TestLoadStaysOnThisMachineAndWithinBounds(t *testing.T) {
	for _, arguments := range [][]string{
		{"--target", "http://192.0.2.1:80"}, {"--target", "https://hongbao.example"}, {"--target", "http://127.0.0.1.example.com"},
		{"--target", "http://127.0.0.1:1", "--sms", "http://198.51.100.7"},
		{"--target", "http://127.0.0.1:1", "--registrations", "2000000"}, {"--target", "http://127.0.0.1:1", "--rate", "1000000"},
		{"--target", "http://127.0.0.1:1", "--limit", "48h"}, {"--claims", "5001"}, {"--target", "http://127.0.0.1:1", "--claims", "1"},
	} {
		status, out := run(append([]string{"load"}, arguments...)...)
		if status == 0 || !strings.Contains(out, "loopback") && !strings.Contains(out, "want ") {
			t.Errorf("%v: %d %s", arguments, status, out)
		}
	}
}
