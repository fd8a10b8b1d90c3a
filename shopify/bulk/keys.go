package bulk

import (
	"bytes"
	"encoding/json"
	"errors"
)

// keys are the members of a line that decide where it belongs. The slices
// share the line's memory unless a value is written with escapes.
type keys struct {
	id, parent, typename []byte
	// has tells by bit which of the members that slots ask for are there.
	has uint64
}

var (
	errNotObject = errors.New("not a JSON object")
	errDeep      = errors.New("nested too deeply")
)

// maxNesting bounds brackets within brackets of one line.
const maxNesting = 512

// scanKeys finds the members by their names, without decoding the rest: this
// is done for each line before it is known where the line goes. What it takes
// for an object is looked at again when it is decoded. Of equal names the last
// counts, as in encoding/json. wanted are names whose presence is to be noted.
func scanKeys(line []byte, wanted []string) (k keys, err error) {
	i := skipSpace(line, 0)
	if i == len(line) || line[i] != '{' {
		return k, errNotObject
	}
	i = skipSpace(line, i+1)
	if i < len(line) && line[i] == '}' {
		return k, atEnd(line, i+1)
	}
	for {
		if i >= len(line) || line[i] != '"' {
			return k, errNotObject
		}
		end, escaped := skipString(line, i)
		if end < 0 {
			return k, errNotObject
		}
		name := line[i+1 : end-1]
		if escaped {
			name = unescape(line[i:end])
		}
		i = skipSpace(line, end)
		if i >= len(line) || line[i] != ':' {
			return k, errNotObject
		}
		i = skipSpace(line, i+1)
		start := i
		if i, err = skipValue(line, i); err != nil {
			return k, err
		}
		k.note(name, line[start:i], wanted)
		i = skipSpace(line, i)
		if i >= len(line) {
			return k, errNotObject
		}
		switch line[i] {
		case ',':
			i = skipSpace(line, i+1)
		case '}':
			return k, atEnd(line, i+1)
		default:
			return k, errNotObject
		}
	}
}

// note keeps a member that matters.
func (k *keys) note(name, value []byte, wanted []string) {
	switch string(name) {
	case "id":
		k.id = text(value)
	case "__parentId":
		k.parent = text(value)
	case "__typename":
		k.typename = text(value)
	}
	for bit, w := range wanted {
		if string(name) == w {
			k.has |= 1 << bit
		}
	}
}

// text is a string value without its quotes; nil for anything else.
func text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	if bytes.IndexByte(value, '\\') >= 0 {
		return unescape(value)
	}
	return value[1 : len(value)-1]
}

// unescape decodes a quoted string. What is no string is nil.
func unescape(quoted []byte) []byte {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil
	}
	return []byte(s)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

func atEnd(b []byte, i int) error {
	if skipSpace(b, i) != len(b) {
		return errNotObject
	}
	return nil
}

// skipString returns the place behind the string that starts at i, or -1.
func skipString(b []byte, i int) (end int, escaped bool) {
	for i++; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1, escaped
		}
		slash := bytes.IndexByte(b[i:i+n], '\\')
		if slash < 0 {
			return i + n + 1, escaped
		}
		escaped = true
		if i += slash + 2; i > len(b) {
			return -1, escaped
		}
	}
}

// skipValue returns the place behind the value that starts at i.
func skipValue(b []byte, i int) (int, error) {
	if i >= len(b) {
		return 0, errNotObject
	}
	switch b[i] {
	case '"':
		end, _ := skipString(b, i)
		if end < 0 {
			return 0, errNotObject
		}
		return end, nil
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ' ' && b[i] != '\t' && b[i] != '\r' && b[i] != '\n' {
		i++
	}
	if i == start {
		return 0, errNotObject
	}
	return i, nil
}

// skipNested returns the place behind the object or array that starts at i.
func skipNested(b []byte, i int) (int, error) {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			end, _ := skipString(b, i)
			if end < 0 {
				return 0, errNotObject
			}
			i = end
			continue
		case '{', '[':
			if depth++; depth > maxNesting {
				return 0, errDeep
			}
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
		i++
	}
	return 0, errNotObject
}

// gidType returns the type within a GID, "Product" of gid://shopify/Product/1.
func gidType(id []byte) []byte {
	rest, ok := bytes.CutPrefix(id, []byte("gid://"))
	if !ok {
		return nil
	}
	if _, rest, ok = bytes.Cut(rest, []byte("/")); !ok {
		return nil
	}
	typ, _, ok := bytes.Cut(rest, []byte("/"))
	if !ok {
		return nil
	}
	return typ
}

// kind is the type of a line's object: what it says, or what its id says.
func (k *keys) kind() []byte {
	if len(k.typename) > 0 {
		return k.typename
	}
	return gidType(k.id)
}
