package audit

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// personal matches what looks like a resident identity number, an old foreign permanent resident card or a mobile number
// and is not part of a longer word. Staff type free text (reasons) and this record can never be corrected.
var personal = regexp.MustCompile(`(^|[^0-9A-Za-z])([1-9]\d{16}[\dXx]|[A-Za-z]{3}\d{12}|1[3-9]\d{9})($|[^0-9A-Za-z])`)

func redact(text string) string {
	for personal.MatchString(text) { // two numbers may share the character between them
		text = personal.ReplaceAllString(text, "${1}***${3}")
	}
	return text
}

// redactJSON hides personal numbers in all strings of a JSON text and leaves its numbers as they are written.
func redactJSON(text []byte) (string, error) {
	if !personal.Match(text) {
		return strings.TrimSuffix(string(text), "\n"), nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", err
	}
	var hidden bytes.Buffer
	encoder := json.NewEncoder(&hidden)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(redactValue(value))
	return strings.TrimSuffix(hidden.String(), "\n"), err
}

func redactValue(value any) any {
	switch v := value.(type) {
	case string:
		return redact(v)
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
	case map[string]any:
		hidden := make(map[string]any, len(v))
		for key, item := range v {
			hidden[redact(key)] = redactValue(item)
		}
		return hidden
	}
	return value
}
