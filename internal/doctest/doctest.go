// Package doctest takes the Go programs out of Markdown files, so that a test
// can compile what the documentation shows.
package doctest

import (
	"fmt"
	"strings"
)

// Block is one fenced block of a Markdown file.
type Block struct {
	Lang string // the word after the opening fence
	Line int    // of the opening fence, from 1
	Text string
}

// Blocks returns the fenced code blocks of a Markdown text in order. A fence
// that is never closed is an error.
func Blocks(markdown string) ([]Block, error) {
	var blocks []Block
	var open *Block
	var fence string
	for i, line := range strings.SplitAfter(markdown, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case open == nil && strings.HasPrefix(trimmed, "```"):
			lang := strings.TrimLeft(trimmed, "`")
			fence = trimmed[:len(trimmed)-len(lang)]
			open = &Block{Lang: lang, Line: i + 1}
		case open != nil && trimmed == fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += line
		}
	}
	if open != nil {
		return nil, fmt.Errorf("doctest: the fence of line %d is not closed", open.Line)
	}
	return blocks, nil
}
