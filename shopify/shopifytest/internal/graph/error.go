package graph

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

// Errorf would invite formatting of customers' data; NewError takes the final
// message and the value of extensions.code ("BAD_REQUEST", "ACCESS_DENIED", …).
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
