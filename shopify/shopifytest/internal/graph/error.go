package graph

import (
	"errors"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// An Error is one entry of the "errors" list of a response.
type Error struct {
	Message    string         `json:"message"`
	Locations  []Location     `json:"locations,omitempty"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// A Location is a place in the query text, both numbers from 1.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// NewError returns an error with the message and extensions.code, such as
// "BAD_REQUEST" or "RESOURCE_NOT_FOUND".
func NewError(code, message string) *Error {
	return &Error{Message: message, Extensions: map[string]any{"code": code}}
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Code returns extensions.code, or "".
func (e *Error) Code() string {
	code, _ := e.Extensions["code"].(string)
	return code
}

func location(p *ast.Position) Location {
	if p == nil {
		return Location{Line: 1, Column: 1}
	}
	return Location{Line: p.Line, Column: p.Column}
}

// syntaxError is the answer to a document that does not parse.
func syntaxError(err error) *Error {
	out := &Error{Message: "syntax error"}
	if ge, ok := errors.AsType[*gqlerror.Error](err); ok {
		out.Message = "syntax error, " + ge.Message
		for _, l := range ge.Locations {
			out.Message += fmt.Sprintf(" at [%d, %d]", l.Line, l.Column)
			out.Locations = append(out.Locations, Location{Line: l.Line, Column: l.Column})
		}
	}
	return out
}
