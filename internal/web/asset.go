package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
)

// asset is a static file under a name that holds the digest of its content, so that it may be cached for ever.
type asset struct {
	kind        string
	plain, gzip []byte
}

// addAssets takes the files of static/. A module must not import another: their served names differ from the files'.
func (p *Pages) addAssets(files fs.FS) {
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		panic(fmt.Sprintf("web: static files: %v", err))
	}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			panic(fmt.Sprintf("web: %s: %v", name, err))
		}
		base := path.Base(name)
		digest := sha256.Sum256(content)
		extension := path.Ext(base)
		served := strings.TrimSuffix(base, extension) + "." + hex.EncodeToString(digest[:6]) + extension
		p.assets[served] = asset{kindOf(extension), content, compressed(content)}
		p.urls[base] = "/static/" + served
	}
}

// AssetURL is the address of a static file by its plain name, as in "site.css".
func (p *Pages) AssetURL(name string) string {
	address, ok := p.urls[name]
	if !ok {
		panic("web: no static file " + name)
	}
	return address
}

func (p *Pages) serveAsset(c *gin.Context) {
	file, ok := p.assets[c.Param("name")]
	if !ok {
		c.AbortWithStatus(http.StatusNotFound)
		return
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	c.Header("Vary", "Accept-Encoding")
	content := file.plain
	if takesGzip(c) {
		c.Header("Content-Encoding", "gzip")
		content = file.gzip
	}
	c.Data(http.StatusOK, file.kind, content)
}

func kindOf(extension string) string {
	switch extension {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".wasm":
		return "application/wasm"
	}
	return mime.TypeByExtension(extension)
}

func compressed(content []byte) []byte {
	var out bytes.Buffer
	compressor, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err)
	}
	if _, err := compressor.Write(content); err != nil {
		panic(err)
	}
	if err := compressor.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}
