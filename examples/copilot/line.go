package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// A line is what a model writes, one in each line of its answer:
//
//	{"product":"p1","why":"Soft, and warm enough for winter."}
//	{"product":"p2","instead_of":"p1"}
//	{"policy":"s1"}
//
// It names sources that the model was given for this question, and nothing else:
// figures, titles and texts are put in from the shop's data. A line with any other
// field, such as a price, is not let through.
type line struct {
	Product   string `json:"product,omitempty"`
	InsteadOf string `json:"instead_of,omitempty"`
	Why       string `json:"why,omitempty"`
	Policy    string `json:"policy,omitempty"`
}

var errLine = errors.New("not a line of an answer")

// maxLine bounds a line, in bytes.
const maxLine = 2048

// parseLine reads a line. Errors do not quote it.
func parseLine(text []byte) (line, error) {
	var l line
	if len(text) > maxLine {
		return l, errLine
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return line{}, errLine
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return line{}, errLine
	}
	if (l.Product == "") == (l.Policy == "") || l.Policy != "" && (l.InsteadOf != "" || l.Why != "") {
		return line{}, errLine
	}
	return l, nil
}

// lineReader puts lines together from the pieces of a stream. What is longer than a
// line may be is dropped to its end, so that memory is bounded.
type lineReader struct {
	pending []byte
	over    bool // the line is too long already
}

// add returns the lines that a piece completes. A line that was too long is "", which
// parses as none.
func (r *lineReader) add(piece string) [][]byte {
	var lines [][]byte
	for {
		at := strings.IndexByte(piece, '\n')
		end := at
		if at < 0 {
			end = len(piece)
		}
		if !r.over {
			r.pending = append(r.pending, piece[:end]...)
			r.over = len(r.pending) > maxLine
		}
		if at < 0 {
			if r.over {
				r.pending = nil
			}
			return lines
		}
		lines = append(lines, r.take())
		piece = piece[at+1:]
	}
}

// take returns what is pending, as the last line of a reply.
func (r *lineReader) take() []byte {
	l := r.pending
	if r.over {
		l = nil
	}
	r.pending, r.over = nil, false
	return bytes.TrimSpace(l)
}
