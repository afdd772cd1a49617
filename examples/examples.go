// Package examples carries the example rule books inside the program, so that a rehearsal and the demo run from any directory.
package examples

import "embed"

// Files are the rule books, by file name.
//
//go:embed *.yaml
var Files embed.FS
