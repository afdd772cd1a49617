#!/usr/bin/env bash
# Builds dist/: static binaries for linux on amd64 and arm64, their bill of materials (CycloneDX), and SHA256SUMS.
# The same commit gives the same bytes on any machine: no paths, no times, no C. Run it twice and compare, or compare SHA256SUMS
# with those of the release.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: deploy/release.sh VERSION}
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
CYCLONEDX=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

rm -rf dist && mkdir dist
make --no-print-directory wasm
for arch in amd64 arm64; do
	GOOS=linux GOARCH=$arch go build -trimpath -ldflags "-s -w -buildid= -X hongbao/internal/app.version=$version" -o "dist/hongbao-linux-$arch" .
done
# What is in the binary, not in go.mod: modules that only tests use are left out. Without a serial number, and with the commit's
# time instead of now, the list is reproducible too.
go run "$CYCLONEDX" app -json -licenses -noserial -output dist/hongbao.cdx.json -main . .
committed=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)
sed -i "s/\"timestamp\": \"[^\"]*\"/\"timestamp\": \"$committed\"/" dist/hongbao.cdx.json
cp LICENSE dist/
(cd dist && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
