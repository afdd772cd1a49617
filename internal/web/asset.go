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
	"regexp"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// asset is a static file under a name that holds the digest of its content, so that it may be cached for ever.
type asset struct {
	kind  string
	plain []byte
	gzip  func() []byte // packed when it is first asked for
}

// folder is the static folder of one room while its files are taken.
type folder struct {
	*Pages
	files  fs.FS
	served map[string]string // by file name; "" while the file is being taken
}

// addAssets takes the files of static/. A script may name another file of its folder as "./name", to import it or to fetch
// it: it is served with the other's served name in that place.
func (p *Pages) addAssets(files fs.FS) {
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		panic(fmt.Sprintf("web: static files: %v", err))
	}
	room := folder{p, files, map[string]string{}}
	for _, name := range names {
		room.add(path.Base(name))
	}
}

// add takes a file after those that it names, since its digest is of the text that is served, and returns its served name.
func (f folder) add(base string) string {
	if served, known := f.served[base]; known {
		if served == "" {
			panic("web: static files that name each other: " + base)
		}
		return served
	}
	f.served[base] = ""
	content, err := fs.ReadFile(f.files, "static/"+base)
	if err != nil {
		panic(fmt.Sprintf("web: %v", err))
	}
	extension := path.Ext(base)
	if extension == ".js" {
		content = sibling.ReplaceAllFunc(content, f.rename)
	}
	digest := sha256.Sum256(content)
	served := strings.TrimSuffix(base, extension) + "." + hex.EncodeToString(digest[:6]) + extension
	f.assets[served] = asset{kindOf(extension), content, sync.OnceValue(func() []byte { return compressed(content) })}
	f.urls[base] = "/static/" + served
	f.served[base] = served
	return served
}

// sibling is how a script names a file of its own folder.
var sibling = regexp.MustCompile(`"\./[0-9A-Za-z_.-]+"`)

func (f folder) rename(quoted []byte) []byte {
	base := string(quoted[3 : len(quoted)-1])
	if _, err := fs.Stat(f.files, "static/"+base); err != nil {
		return quoted
	}
	return []byte(`"./` + f.add(base) + `"`)
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
		content = file.gzip()
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
