package shopify

import "strings"

// token is a token of a GraphQL document.
// Source: https://spec.graphql.org/October2021/#sec-Language.Source-Text
type token struct {
	kind tokenKind
	text string
	at   int // byte offset
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenBad
	tokenPunctuator
	tokenName
	tokenValue // string or number: skipped, never looked at
)

// lexer reads tokens. Each call makes progress, so reading ends.
type lexer struct {
	src string
	at  int
}

func (l *lexer) next() token {
	l.skipIgnored()
	start := l.at
	if start == len(l.src) {
		return token{tokenEnd, "", start}
	}
	kind := tokenPunctuator
	switch c := l.src[start]; {
	case strings.IndexByte("!$&()[]{}:=@|", c) >= 0:
		l.at++
	case strings.HasPrefix(l.src[start:], "..."):
		l.at += 3
	case nameStart(c):
		kind = tokenName
		for l.at < len(l.src) && (nameStart(l.src[l.at]) || digit(l.src[l.at])) {
			l.at++
		}
	case digit(c) || c == '-':
		kind = tokenValue
		for l.at++; l.at < len(l.src) && (digit(l.src[l.at]) || strings.IndexByte(".eE+-", l.src[l.at]) >= 0); {
			l.at++
		}
	case c == '"':
		kind = tokenValue
		if !l.str() {
			kind = tokenBad
		}
	default:
		kind, l.at = tokenBad, len(l.src)
	}
	return token{kind, l.src[start:l.at], start}
}

// str skips a string or a block string.
func (l *lexer) str() bool {
	if rest := l.src[l.at:]; strings.HasPrefix(rest, `"""`) {
		for i := 3; i < len(rest); i++ {
			switch {
			case strings.HasPrefix(rest[i:], `\"""`):
				i += 3
			case strings.HasPrefix(rest[i:], `"""`):
				l.at += i + 3
				return true
			}
		}
		l.at = len(l.src)
		return false
	}
	for l.at++; l.at < len(l.src); l.at++ {
		switch l.src[l.at] {
		case '\\':
			l.at++
		case '"':
			l.at++
			return true
		case '\n', '\r':
			l.at = len(l.src)
			return false
		}
	}
	l.at = len(l.src)
	return false
}

// skipIgnored skips white space, commas, comments and the byte order mark.
func (l *lexer) skipIgnored() {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',':
			l.at++
		case c == '#':
			for l.at < len(l.src) && l.src[l.at] != '\n' && l.src[l.at] != '\r' {
				l.at++
			}
		case strings.HasPrefix(l.src[l.at:], "\ufeff"):
			l.at += len("\ufeff")
		default:
			return
		}
	}
}

func nameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
