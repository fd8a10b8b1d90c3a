package rag

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

// A Page is a page of a shop, such as its return policy.
type Page struct {
	// ID names it for good, such as "policy:returns".
	ID        string
	Title     string
	URL       string
	Language  string
	UpdatedAt time.Time

	// Body is HTML, or plain text with Markdown's headings (# …).
	Body string
}

// sectionSize is the number of bytes from which on a section is divided, between
// paragraphs.
const sectionSize = 2000

// Sections divides a page by its headings, for [PutPage]. A section's ID is the page's,
// "#" and the headings above it, such as "policy:returns#refunds/damaged-goods": it does
// not change when something is added elsewhere. A heading that comes twice has a number
// behind it, as has each further part of a long section: "~2". The title holds the
// page's title and the headings, the body the text under the last of them.
func Sections(p Page) []Document {
	var list []Document
	seen := map[string]int{}
	add := func(path []string, paragraphs []string) {
		body := strings.TrimSpace(strings.Join(paragraphs, "\n"))
		if body == "" {
			return
		}
		slugs := make([]string, 0, len(path))
		for _, h := range path {
			if s := slug(h); s != "" {
				slugs = append(slugs, s)
			}
		}
		id := p.ID + "#" + limit(strings.Join(slugs, "/"), 160)
		if seen[id]++; seen[id] > 1 {
			id += "-" + strconv.Itoa(seen[id])
		}
		title := strings.Join(append([]string{p.Title}, path...), ": ")
		for i, part := range parts(body) {
			d := Document{
				ID: id, Kind: Policy, Title: title, Body: part, Language: p.Language, Page: p.ID, URL: p.URL, UpdatedAt: p.UpdatedAt,
			}
			if i > 0 {
				d.ID += "~" + strconv.Itoa(i+1)
			}
			list = append(list, d)
		}
	}

	var path []string // headings
	var levels []int  // of path
	var paragraphs []string
	for line := range strings.SplitSeq(blocks(p.Body), "\n") {
		level := heading(line)
		if level == 0 {
			paragraphs = append(paragraphs, line)
			continue
		}
		add(path, paragraphs)
		paragraphs = nil
		for len(levels) > 0 && levels[len(levels)-1] >= level {
			path, levels = path[:len(path)-1], levels[:len(levels)-1]
		}
		path = append(path[:len(path):len(path)], limit(strings.TrimSpace(line[level:]), 200))
		levels = append(levels, level)
	}
	add(path, paragraphs)
	return list
}

// heading returns the level of a heading, or 0.
func heading(line string) int {
	level := 0
	for level < len(line) && line[level] == '#' {
		level++
	}
	if level > 6 || level == len(line) || line[level] != ' ' {
		return 0
	}
	return level
}

// parts divides a long text between lines, or else between words.
func parts(body string) []string {
	var list []string
	for len(body) > sectionSize {
		head := limit(body, sectionSize)
		at := strings.LastIndexByte(head, '\n')
		if at < sectionSize/4 {
			at = strings.LastIndexByte(head, ' ')
		}
		if at < sectionSize/4 {
			at = len(head)
		}
		list = append(list, strings.TrimSpace(body[:at]))
		body = strings.TrimSpace(body[at:])
	}
	return append(list, body)
}

func limit(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// slug makes a part of an ID of a heading.
func slug(s string) string {
	var b strings.Builder
	for _, r := range text.Fold(s) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return limit(strings.TrimSuffix(b.String(), "-"), 60)
}

// Text returns the text of HTML: a line for each paragraph, list item or row, without
// scripts and styles. What is no HTML comes back as it is, but for white space.
func Text(s string) string {
	lines := strings.Split(blocks(s), "\n")
	for i, line := range lines {
		if n := heading(line); n > 0 {
			lines[i] = line[n+1:]
		}
	}
	return strings.Join(lines, "\n")
}

// blocks returns the text of HTML line by line, with headings marked as in Markdown.
func blocks(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	z.SetMaxBuf(maxText)
	markup := strings.ContainsRune(s, '<')
	hidden := 0
	line := func() {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
	}
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken: // the end, or a tag of more than maxText bytes
			return tidy(b.String())
		case html.TextToken:
			if hidden > 0 {
				continue
			}
			t := string(z.Text())
			if markup {
				t = strings.Map(func(r rune) rune {
					if r == '\n' || r == '\r' {
						return ' '
					}
					return r
				}, t)
			}
			b.WriteString(t)
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch a := atom.Lookup(name); a {
			case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Iframe:
				if kind == html.StartTagToken {
					hidden++
				} else if hidden > 0 && kind == html.EndTagToken {
					hidden--
				}
			case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
				line()
				if kind == html.StartTagToken && hidden == 0 {
					b.WriteString("######"[:int(name[1]-'0')] + " ")
				}
			case atom.P, atom.Div, atom.Br, atom.Li, atom.Ul, atom.Ol, atom.Tr, atom.Table, atom.Section, atom.Article, atom.Blockquote, atom.Dt, atom.Dd, atom.Hr:
				line()
			case atom.Td, atom.Th:
				b.WriteByte(' ')
			}
		}
	}
}

// tidy leaves single spaces within lines, and no empty lines.
func tidy(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for line := range strings.SplitSeq(strings.ToValidUTF8(s, "\ufffd"), "\n") {
		n := 0
		for word := range strings.FieldsSeq(line) {
			switch {
			case n > 0:
				b.WriteByte(' ')
			case b.Len() > 0:
				b.WriteByte('\n')
			}
			b.WriteString(word)
			n++
		}
	}
	return b.String()
}
