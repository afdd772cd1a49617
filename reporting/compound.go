package reporting

import (
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf16"
)

// stream is a named part of a compound file.
type stream struct {
	name string
	data []byte
}

// A compound file ([MS-CFB], version 3) is a small file system of 512-byte sectors: the container of encrypted workbooks. Streams
// below 4,096 bytes would have to stand in a second, smaller allocation; short ones are filled up with spaces instead, which
// is why only XML may be short.
const (
	sectorSize = 512
	shortest   = 4096
	free       = 0xffffffff
	endOfChain = 0xfffffffe
	fatSector  = 0xfffffffd
	difSector  = 0xfffffffc
	inHeader   = 109                // entries of the FAT's list in the header
	perSector  = sectorSize / 4     // entries of a FAT sector
	perDIF     = sectorSize/4 - 1   // entries of a sector that continues the list; its last entry is the next such sector
	dirEntries = sectorSize / 128   // of one directory sector
	maxStream  = int64(1<<31 - 512) // what version 3 can hold
)

// writeCompound writes a compound file of one storage with up to three streams.
func writeCompound(w io.Writer, streams ...stream) error {
	c := compound{}
	for i, s := range streams {
		for len(s.data) < shortest {
			s.data = append(s.data, ' ')
		}
		if int64(len(s.data)) > maxStream {
			return fmt.Errorf("stream %s has %d bytes, more than a compound file holds", s.name, len(s.data))
		}
		streams[i] = s
	}
	c.layOut(streams)
	for _, part := range [][]byte{c.header(), c.listSectors(), c.table(), c.directory(streams)} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	for _, s := range streams {
		if _, err := w.Write(s.data); err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, sectors(len(s.data))*sectorSize-len(s.data))); err != nil {
			return err
		}
	}
	return nil
}

func sectors(size int) int { return (size + sectorSize - 1) / sectorSize }

// compound is the layout: sectors that continue the list of FAT sectors, FAT sectors, one directory sector, the streams.
type compound struct {
	lists, fats int
	starts      []int // first sector of each stream
	lengths     []int // in sectors
	total       int
}

func (c *compound) layOut(streams []stream) {
	data := 1 // the directory
	for _, s := range streams {
		data += sectors(len(s.data))
	}
	for {
		fats := (data + c.fats + c.lists + perSector - 1) / perSector
		lists := (max(0, fats-inHeader) + perDIF - 1) / perDIF
		if fats == c.fats && lists == c.lists {
			break
		}
		c.fats, c.lists = fats, lists
	}
	at := c.lists + c.fats + 1
	for _, s := range streams {
		c.starts, c.lengths = append(c.starts, at), append(c.lengths, sectors(len(s.data)))
		at += sectors(len(s.data))
	}
	c.total = at
}

func (c *compound) header() []byte {
	h := make([]byte, 0, sectorSize)
	h = append(h, 0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1)
	h = append(h, make([]byte, 16)...)
	for _, v := range []uint16{0x3e, 3, 0xfffe, 9, 6, 0, 0, 0} { // version 3, little-endian, sectors of 2^9, short sectors of 2^6
		h = binary.LittleEndian.AppendUint16(h, v)
	}
	firstList := uint32(endOfChain)
	if c.lists > 0 {
		firstList = 0
	}
	for _, v := range []uint32{0, uint32(c.fats), uint32(c.lists + c.fats), 0, shortest, endOfChain, 0, firstList, uint32(c.lists)} {
		h = binary.LittleEndian.AppendUint32(h, v)
	}
	for i := range inHeader {
		h = binary.LittleEndian.AppendUint32(h, c.fatAt(i))
	}
	return h
}

// fatAt is the sector of the i-th part of the FAT.
func (c *compound) fatAt(i int) uint32 {
	if i >= c.fats {
		return free
	}
	return uint32(c.lists + i)
}

func (c *compound) listSectors() (b []byte) {
	for list := range c.lists {
		for i := range perDIF {
			b = binary.LittleEndian.AppendUint32(b, c.fatAt(inHeader+list*perDIF+i))
		}
		next := uint32(endOfChain)
		if list+1 < c.lists {
			next = uint32(list + 1)
		}
		b = binary.LittleEndian.AppendUint32(b, next)
	}
	return b
}

// table is the FAT: for each sector the one that follows it.
func (c *compound) table() []byte {
	fat := make([]uint32, 0, c.fats*perSector)
	for range c.lists {
		fat = append(fat, difSector)
	}
	for range c.fats {
		fat = append(fat, fatSector)
	}
	fat = append(fat, endOfChain) // the directory
	for _, length := range c.lengths {
		for range length - 1 {
			fat = append(fat, uint32(len(fat)+1))
		}
		fat = append(fat, endOfChain)
	}
	b := make([]byte, 0, c.fats*sectorSize)
	for _, next := range fat {
		b = binary.LittleEndian.AppendUint32(b, next)
	}
	for len(b) < c.fats*sectorSize {
		b = binary.LittleEndian.AppendUint32(b, free)
	}
	return b
}

// directory holds the root and its streams, which form a chain of right-hand neighbours; shorter names come first.
func (c *compound) directory(streams []stream) (b []byte) {
	const root, file = 5, 2
	b = append(b, entry("Root Entry", root, free, 1, endOfChain, 0)...)
	for i, s := range streams {
		right := uint32(free)
		if i+1 < len(streams) {
			right = uint32(i + 2)
		}
		b = append(b, entry(s.name, file, right, free, uint32(c.starts[i]), len(s.data))...)
	}
	for i := len(streams) + 1; i < dirEntries; i++ {
		b = append(b, entry("", 0, free, free, 0, 0)...)
	}
	return b
}

func entry(name string, kind byte, right, child, start uint32, size int) []byte {
	e := make([]byte, 128)
	units := utf16.Encode([]rune(name))
	for i, unit := range units {
		binary.LittleEndian.PutUint16(e[2*i:], unit)
	}
	if name != "" {
		binary.LittleEndian.PutUint16(e[64:], uint16(2*len(units)+2))
	}
	e[66], e[67] = kind, 1 // a black node
	binary.LittleEndian.PutUint32(e[68:], free)
	binary.LittleEndian.PutUint32(e[72:], right)
	binary.LittleEndian.PutUint32(e[76:], child)
	binary.LittleEndian.PutUint32(e[116:], start)
	binary.LittleEndian.PutUint64(e[120:], uint64(size))
	return e
}
