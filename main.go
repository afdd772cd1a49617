// Hongbao runs a city's digital-yuan red-envelope campaign, from rule book to regulator's workbook.
package main

import (
	"os"

	"hongbao/internal/app"
)

func main() {
	os.Exit(app.Main(os.Args[1:], os.Stdout, os.Stderr))
}
