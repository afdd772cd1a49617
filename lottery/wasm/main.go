//go:build js && wasm

// Command wasm is the beacon check of a draw for browsers: the Go verifier as WebAssembly, since nobody should write BLS12-381 by hand
// for a page. `make wasm` builds it into lottery/static; a build without it leaves this one check to `hongbao verify`.
package main

import (
	"encoding/hex"
	"syscall/js"

	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// main gives the page the function verifyBeacon(chain.json, round, signature in hex), which returns "" or what is wrong, and stays.
func main() {
	js.Global().Set("verifyBeacon", js.FuncOf(func(_ js.Value, arguments []js.Value) any {
		if err := verify(arguments[0].String(), uint64(arguments[1].Int()), arguments[2].String()); err != nil {
			return err.Error()
		}
		return ""
	}))
	select {}
}

func verify(chain string, round uint64, signature string) error {
	c, err := draw.ParseChain([]byte(chain))
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(signature)
	if err != nil {
		return err
	}
	return beacon.Verify(c, round, raw)
}
