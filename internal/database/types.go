package database

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Millis is a moment as stored: milliseconds since 1970-01-01T00:00:00Z. Zero means never, or not yet.
type Millis int64

// At is t as stored; the zero time is zero.
func At(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time is the moment in UTC; zero gives the zero time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// Bytes32 is a column of 32 bytes: a hash, an entry, an index. A column that may be NULL is a *Bytes32.
type Bytes32 [32]byte

// Value gives the bytes to the driver.
func (b Bytes32) Value() (driver.Value, error) { return b[:], nil }

// Scan takes exactly 32 bytes from the driver.
func (b *Bytes32) Scan(value any) error {
	bytes, ok := value.([]byte)
	if !ok || len(bytes) != len(b) {
		return fmt.Errorf("database: a column of 32 bytes holds %T of %d", value, len(bytes))
	}
	copy(b[:], bytes)
	return nil
}
