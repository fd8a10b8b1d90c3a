package crm

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxKey is how long a key may be, in bytes: what an external id of Salesforce holds.
const MaxKey = 255

var (
	errNoKey      = errors.New("empty")
	errLongKey    = errors.New("longer than 255 bytes")
	errStrangeKey = errors.New("spaces, control characters or no UTF-8")
)

// CheckKey says what keeps a key from being the external id of a record: it is 1 to 255
// bytes of UTF-8 without spaces and control characters, and a formula to no spreadsheet.
// The error does not hold the key.
func CheckKey(key string) error {
	switch {
	case key == "":
		return errNoKey
	case len(key) > MaxKey:
		return errLongKey
	case !utf8.ValidString(key), strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }),
		strings.ContainsRune("=+-@", rune(key[0])):
		return errStrangeKey
	}
	return nil
}

// Text is a text as a CRM can keep it: UTF-8, lines that end in LF, no NUL and no other
// control character but TAB, no space around it.
func Text(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// OneLine is Text on one line, for names and the like.
func OneLine(s string) string {
	return strings.Join(strings.FieldsFunc(Text(s), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}
