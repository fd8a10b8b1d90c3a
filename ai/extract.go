package ai

import (
	"context"
)

// A Mode is the way in which [Extract] asks for JSON.
type Mode string

// The modes, from the firmest to the loosest.
const (
	// ModeAuto takes the firmest mode that the model's [Capabilities] allow, and
	// the next one when the provider does not support the schema.
	ModeAuto Mode = ""

	// ModeNative uses the provider's structured output, [Request.Output].
	ModeNative Mode = "native"

	// ModeTool makes the model call a tool whose arguments are the value.
	ModeTool Mode = "tool"

	// ModePrompt describes the schema in the system instruction. A code fence or
	// prose around the JSON is tolerated in this mode alone.
	ModePrompt Mode = "prompt"
)

// ExtractOptions are the options of [Extract]. The zero value is the default.
type ExtractOptions[T any] struct {
	// Name of the value, told to the model: 1 to 64 of a-z, A-Z, 0-9, "_", "-".
	// If empty, "answer".
	Name string

	// Description of the value, told to the model. Optional.
	Description string

	// Validate checks a decoded value, after the schema and after T's own method
	// Validate() error if it has one. The text of the error is sent to the model
	// with the demand for a better answer.
	Validate func(T) error

	// Mode is the way of asking for JSON. If empty, ModeAuto.
	Mode Mode

	// Repairs is how often the model may correct a reply that is empty, not JSON,
	// or invalid. If zero, 1; if negative, never.
	Repairs int

	// MaxBytes is the largest JSON text that is accepted. If zero, 1 MiB.
	MaxBytes int
}

// Extract asks the model for a value of type T and returns it complete and
// valid, or the zero value and an error.
func Extract[T any](ctx context.Context, m Model, req *Request, opts *ExtractOptions[T]) (T, *Response, error) {
	var zero T
	return zero, nil, nil
}
