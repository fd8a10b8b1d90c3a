package ai

import (
	"context"
	"encoding/json"
	"reflect"
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

// Extract asks the model for a value of type T and returns it, complete and
// valid, with the reply that it comes from; or the zero value and an error,
// never something half filled.
//
// The shape comes from T, see [Schema]; if it is not an object, it travels inside
// one. A reply is accepted if it is JSON without unknown or repeated properties,
// meets the schema and its constraints, decodes into T without loss, and passes
// T's method Validate() error, if it has one, and opts.Validate. A reply that
// does not is sent back to the model with what is wrong, opts.Repairs times.
//
// Errors: [ErrTruncated] for a reply that was cut off, [ErrRefused] and
// [ErrContentFiltered] for none, [ErrEmptyReply], [ErrMalformedReply] for one
// that is not JSON, [ErrInvalidOutput] for one that breaks the schema or fails
// validation (the validation's own error is wrapped, but its text is not part of
// the error's), [ErrUnsupportedSchema] when no mode will do, and what
// [Model.Generate] returns.
//
// The response is not nil whenever the model answered, also beside an error. Its
// Usage and Warnings are those of all rounds together. The request must have
// neither Output nor Tools; it is not changed. Nil options are the defaults.
func Extract[T any](ctx context.Context, m Model, req *Request, opts *ExtractOptions[T]) (T, *Response, error) {
	var zero T
	if opts == nil {
		opts = new(ExtractOptions[T])
	}
	schema, err := SchemaFor[T]()
	if err != nil {
		return zero, nil, &Error{Class: ErrUnsupportedSchema, Detail: "of the Go type", Err: err}
	}
	x, err := newExtraction(m, req, schema, settings{
		name: opts.Name, description: opts.Description,
		mode: opts.Mode, repairs: opts.Repairs, maxBytes: opts.MaxBytes,
	})
	if err != nil {
		return zero, nil, err
	}
	var value T
	resp, err := x.run(ctx, func(data []byte) *rejection {
		decoded, rejected := decodeValid(data, x.wrapped, opts.Validate)
		if rejected == nil {
			value = decoded
		}
		return rejected
	})
	if err != nil {
		return zero, resp, err
	}
	return value, resp, nil
}

// decodeValid turns JSON that meets the schema into a T and validates it.
func decodeValid[T any](data []byte, wrapped bool, validate func(T) error) (T, *rejection) {
	var value T
	var err error
	if wrapped {
		var outer struct {
			Value T `json:"value"`
		}
		err = json.Unmarshal(data, &outer)
		value = outer.Value
	} else {
		err = json.Unmarshal(data, &value)
	}
	if err != nil {
		return value, rejectDecoding(err)
	}
	if v := reflect.ValueOf(&value).Elem(); v.Kind() != reflect.Pointer || !v.IsNil() {
		own, ok := any(value).(interface{ Validate() error })
		if !ok {
			own, ok = any(&value).(interface{ Validate() error })
		}
		if ok {
			if err := own.Validate(); err != nil {
				return value, rejectValidation(err)
			}
		}
	}
	if validate != nil {
		if err := validate(value); err != nil {
			return value, rejectValidation(err)
		}
	}
	return value, nil
}
