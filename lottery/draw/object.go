package draw

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// object is a JSON object read strictly: names exact and each once, values only
// strings and whole numbers, nothing after it. encoding/json alone would fold
// case and let a second member of the same name win.
type object struct {
	members map[string]any // string or json.Number, taken out as they are read
	err     error
}

func parseObject(b []byte) (*object, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	o := &object{members: map[string]any{}}
	for d.More() {
		if err := o.readMember(d); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return o, nil
}

func (o *object) readMember(d *json.Decoder) error {
	key, err := d.Token()
	if err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	name, _ := key.(string)
	if _, twice := o.members[name]; twice {
		return fmt.Errorf("%q is here twice", name)
	}
	value, err := d.Token()
	if err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	switch value.(type) {
	case string, json.Number:
		o.members[name] = value
		return nil
	}
	return fmt.Errorf("%q is neither a string nor a number", name)
}

func (o *object) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf(format, args...)
	}
}

func (o *object) text(name string) string {
	s, ok := o.members[name].(string)
	if !ok {
		o.fail("%q is missing or not a string", name)
	}
	delete(o.members, name)
	return s
}

func (o *object) number(name string, limit int64) int64 {
	text, _ := o.members[name].(json.Number)
	n, ok := parseNumber(string(text))
	if !ok || n > limit {
		o.fail("%q is missing or not a whole number in range", name)
	}
	delete(o.members, name)
	return n
}

func (o *object) hex(name string, size int) []byte {
	b, err := parseHex(o.text(name), size)
	if err != nil {
		o.fail("%q is not %d bytes of lower-case hex", name, size)
	}
	return b
}

func (o *object) digest(name string) Digest {
	var d Digest
	copy(d[:], o.hex(name, len(d)))
	return d
}

// end returns the first error; a member that was not asked for is one.
func (o *object) end() error {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		o.fail("%q is unknown", name)
	}
	return o.err
}

// formatObject writes names and values in the order given, one to a line.
func formatObject(pairs ...any) []byte {
	var b bytes.Buffer
	b.WriteString("{\n")
	for i := 0; i < len(pairs); i += 2 {
		value, err := json.Marshal(pairs[i+1])
		if err != nil {
			panic(err) // only strings, whole numbers and digests are given
		}
		sep := ","
		if i+2 == len(pairs) {
			sep = ""
		}
		fmt.Fprintf(&b, "  %q: %s%s\n", pairs[i], value, sep)
	}
	b.WriteString("}\n")
	return b.Bytes()
}
