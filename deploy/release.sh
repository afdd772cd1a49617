#!/usr/bin/env bash
# Builds dist/: static binaries for linux, on amd64 and arm64 unless told otherwise, their bill of materials (CycloneDX), and SHA256SUMS.
# The same commit under the same VERSION gives the same bytes on any machine: no paths, no times, no C, no settings of who builds, and
# the toolchain that go.mod names, which go fetches where another is installed. Compare SHA256SUMS with those of the release.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: deploy/release.sh VERSION [ARCH...]}
shift
toolchain=$(sed -n 's/^toolchain //p' go.mod)
export GOPROXY GOSUMDB GOTOOLCHAIN=$toolchain
GOPROXY=$(go env GOPROXY) GOSUMDB=$(go env GOSUMDB)
export GOENV=off GOWORK=off CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOAMD64=v1 GOARM64=v8.0 LC_ALL=C
unset GOEXPERIMENT GOFIPS140 GOWASM GODEBUG
CYCLONEDX=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

rm -rf dist && mkdir dist
make --no-print-directory wasm
[ $# -gt 0 ] || set -- amd64 arm64
for arch; do
	GOOS=linux GOARCH=$arch go build -trimpath -ldflags "-s -w -buildid= -X hongbao/internal/app.version=$version" -o "dist/hongbao-linux-$arch" .
done
# What is in the binary, not in go.mod: modules that only tests use are left out. Without a serial number, and with the commit's
# time instead of now, the list is reproducible too.
go run "$CYCLONEDX" app -json -licenses -noserial -output dist/hongbao.cdx.json -main . .
committed=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)
sed -i "s/\"timestamp\": \"[^\"]*\"/\"timestamp\": \"$committed\"/" dist/hongbao.cdx.json
cp LICENSE dist/
(cd dist && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
