package reporting

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/xuri/excelize/v2"
)

// What encrypt writes, excelize opens as agile encryption with the password alone, from one sector of FAT to a list of FAT
// sectors that does not fit the header.
func TestEncryptedWorkbookOpensWithItsPassword(t *testing.T) {
	for _, size := range []int{4095, 4096, 4097, 70_000, 8 << 20} {
		plain := make([]byte, size)
		rand.Read(plain)
		var file bytes.Buffer
		if err := encrypt(&file, plain, "红包-K7QF"); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(file.Bytes(), plain[:min(size, 64)]) && size > 64 {
			t.Errorf("%d bytes stand in the file in clear", size)
		}
		opened, err := excelize.Decrypt(file.Bytes(), &excelize.Options{Password: "红包-K7QF"})
		if err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("%d bytes come back as %d: %v", size, len(opened), err)
		}
		if wrong, err := excelize.Decrypt(file.Bytes(), &excelize.Options{Password: "红包-K7QG"}); err == nil && bytes.Equal(wrong, plain) {
			t.Errorf("%d bytes open with another password", size)
		}
	}
}
