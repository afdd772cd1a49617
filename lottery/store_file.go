package lottery

import (
	"bytes"
	"io"
	"io/fs"

	"gorm.io/gorm"
)

// filePart is the greatest part of a public file in one row, in bytes: below every packet limit, and a multiple of an entry's 32.
const filePart = 1 << 20

// fileWriter stores one public file in parts. Close stores the last part, so that an empty file has one too.
type fileWriter struct {
	tx     *gorm.DB
	drawID int64
	name   string
	part   int
	buffer []byte
}

func newFile(tx *gorm.DB, drawID int64, name string) *fileWriter {
	return &fileWriter{tx: tx, drawID: drawID, name: name, buffer: make([]byte, 0, filePart)}
}

// Write buffers p and stores each full part.
func (f *fileWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), filePart-len(f.buffer))
		f.buffer = append(f.buffer, rest[:n]...)
		rest = rest[n:]
		if len(f.buffer) == filePart {
			if err := f.store(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (f *fileWriter) store() error {
	err := f.tx.Exec("INSERT INTO draw_files (draw_id, name, part, data) VALUES (?, ?, ?, ?)", f.drawID, f.name, f.part, f.buffer).Error
	f.part++
	f.buffer = f.buffer[:0]
	return err
}

// Close stores what is left.
func (f *fileWriter) Close() error {
	if len(f.buffer) == 0 && f.part > 0 {
		return nil
	}
	return f.store()
}

func writeFile(tx *gorm.DB, drawID int64, name string, data []byte) error {
	f := newFile(tx, drawID, name)
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Close()
}

// replaceFile is for drafts only; a published file never changes.
func replaceFile(tx *gorm.DB, drawID int64, name string, data []byte) error {
	if err := tx.Exec("DELETE FROM draw_files WHERE draw_id = ? AND name = ?", drawID, name).Error; err != nil {
		return err
	}
	return writeFile(tx, drawID, name, data)
}

// fileReader reads a stored file part by part.
type fileReader struct {
	db     *gorm.DB
	drawID int64
	name   string
	part   int
	rest   bytes.Reader
}

// openFile opens a stored file; fs.ErrNotExist when there is none.
func openFile(db *gorm.DB, drawID int64, name string) (io.ReadCloser, error) {
	f := &fileReader{db: db, drawID: drawID, name: name}
	more, err := f.next()
	if err == nil && !more {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(f), nil
}

func (f *fileReader) next() (bool, error) {
	var data []byte
	row := f.db.Raw("SELECT data FROM draw_files WHERE draw_id = ? AND name = ? AND part = ?", f.drawID, f.name, f.part).Row()
	switch err := row.Scan(&data); {
	case isNoRows(err):
		return false, nil
	case err != nil:
		return false, err
	}
	f.part++
	f.rest.Reset(data)
	return true, nil
}

// Read gives the bytes of one part after the other.
func (f *fileReader) Read(p []byte) (int, error) {
	for f.rest.Len() == 0 {
		more, err := f.next()
		if err != nil {
			return 0, err
		}
		if !more {
			return 0, io.EOF
		}
		if f.rest.Len() == 0 {
			return 0, io.EOF // the only part of an empty file
		}
	}
	return f.rest.Read(p)
}

func readFile(db *gorm.DB, drawID int64, name string) ([]byte, error) {
	file, err := openFile(db, drawID, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

func fileNames(db *gorm.DB, drawID int64) (names []string, err error) {
	err = db.Raw("SELECT name FROM draw_files WHERE draw_id = ? AND part = 0 ORDER BY name", drawID).Scan(&names).Error
	return names, err
}
