package identity

import "strings"

// MaskName shows the first character of a name and a star for each of the others, two at most: 张**.
func MaskName(name string) string {
	runes := []rune(name)
	if len(runes) == 0 {
		return ""
	}
	return string(runes[0]) + strings.Repeat("*", max(1, min(len(runes)-1, 2)))
}

// MaskID shows the first three and the last two characters of a document number.
func MaskID(number string) string { return mask(number, 3, 2) }

// MaskPhone shows the first three and the last four digits of a phone number: 138****5678.
func MaskPhone(phone string) string { return mask(phone, 3, 4) }

// mask hides a whole text of which fewer than four characters would stay hidden.
func mask(text string, head, tail int) string {
	if len(text) < head+tail+4 {
		return strings.Repeat("*", len(text))
	}
	return text[:head] + strings.Repeat("*", len(text)-head-tail) + text[len(text)-tail:]
}

// NoticeName is a name as a winners' notice shows it: the first character, and two stars whatever the length, which would tell something.
func NoticeName(name string) string {
	runes := []rune(name)
	if len(runes) == 0 {
		return "**"
	}
	return string(runes[0]) + "**"
}

// NoticeTail is the end of a document number as a winners' notice shows it: its last two characters, the check digit among them.
func NoticeTail(number string) string {
	return number[max(0, len(number)-2):]
}
