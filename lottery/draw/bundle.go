package draw

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Bundle is the public bundle of a draw: a directory, or the same paths under a
// URL (section The public bundle). Open's error is fs.ErrNotExist, possibly
// wrapped, when there is no such file. Files that the specification does not
// name are never opened.
type Bundle interface {
	Open(name string) (io.ReadCloser, error)
}

// FS reads a bundle from a file system, for example os.DirFS.
func FS(fsys fs.FS) Bundle { return directory{fsys} }

type directory struct{ fs.FS }

func (d directory) Open(name string) (io.ReadCloser, error) { return d.FS.Open(name) }

// PoolFile is the path of a pool's entries.
func PoolFile(pool string) string { return "pools/" + pool }

// CheckpointFile is the path of the cosigned checkpoint of the log's first n
// lines.
func CheckpointFile(n int64) string { return fmt.Sprintf("checkpoints/%d", n) }

// The file log has no kind, since nothing logs it.
const logFile = "log"

const (
	maxTextFile = 1 << 28 // bytes of a text file that are read into memory
	maxPool     = 1 << 27 // entries of a pool: 4 GiB
)

// readText reads a small file whole.
func readText(b Bundle, name string) ([]byte, error) {
	f, err := b.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTextFile+1))
	if err == nil && len(text) > maxTextFile {
		err = fmt.Errorf("longer than %d bytes", maxTextFile)
	}
	return text, err
}

// readPool reads a pool whose size the plan gives; a file of any other length
// is an error.
func readPool(b Bundle, pool Pool) (Entries, error) {
	if pool.Size > maxPool {
		return nil, fmt.Errorf("has more than %d entries", maxPool)
	}
	f, err := b.Open(PoolFile(pool.Name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e := make(Entries, pool.Size*entrySize)
	if n, err := io.ReadFull(f, e); err != nil {
		return nil, fmt.Errorf("has %d bytes where the plan says %d entries: %w", n, pool.Size, err)
	}
	if _, err := io.ReadFull(f, make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("is longer than the plan's %d entries", pool.Size)
	}
	return e, nil
}
