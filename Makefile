# Bare `make` prints this list: each target's comment after ## is its help.
.DEFAULT_GOAL := help
.PHONY: help run test long galera screenshots wasm build release ci

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

help: ## print the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start the service with demo campaigns on http://127.0.0.1:8080
	go run . serve --demo

test: ## run every test on the embedded database
	go test $(TESTFLAGS) ./...

long: ## run what is too long for CI: large rehearsals, on MariaDB too where HONGBAO_TEST_MYSQL names one
	HONGBAO_LONG=1 go test -timeout 60m ./campaign ./internal/app ./disbursement/... ./lottery/...
	go run . rehearse --registrations 20000 --faults normal --database sqlite:var/long.db --out var/long

galera: ## run the suite and a failing node on a Galera cluster of three nodes on this machine
	set -e; dir=$$(mktemp -d); trap 'deploy/galera.sh stop "$$dir"; rm -rf "$$dir"' EXIT; deploy/galera.sh start "$$dir"; \
	HONGBAO_TEST_MYSQL=mysql://root@127.0.0.1:23501/ go test -timeout 40m ./...
	HONGBAO_LONG=1 go test -count=1 -timeout 20m -run Galera ./internal/app

screenshots: ## write pictures of the main pages to var/screenshots
	HONGBAO_SCREENSHOTS=$(CURDIR)/var/screenshots go test -count=1 -run Screenshots ./internal/app

wasm: ## build the beacon check for browsers, which builds of the program made afterwards carry
	GOOS=js GOARCH=wasm go build -trimpath -ldflags "-s -w" -o lottery/static/beacon.wasm ./lottery/wasm
	install -m 644 "$$(go env GOROOT)/lib/wasm/wasm_exec.js" lottery/static/wasm_exec.js

build: wasm ## build the static binary ./hongbao
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X hongbao/internal/app.version=$(VERSION)" -o hongbao .

release: ## build the static binaries for linux in dist/, with the list of what is in them and their digests
	deploy/release.sh $(VERSION)

ci: ## run what CI runs
	.ci/run
