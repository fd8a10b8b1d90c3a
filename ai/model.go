package ai

import (
	"context"
	"iter"
)

// A Model is a language model at some provider.
//
// An implementation must be safe for concurrent use, must not change or keep
// the request after the call, and must make no network call but to its
// provider. Errors are of type [*Error] or wrap one, so that callers can
// branch on the sentinels of this package; a canceled context is reported as
// an error that matches [context.Canceled] or [context.DeadlineExceeded].
//
// A setting of the request that the provider does not know must not be dropped
// in silence: it becomes a [Warning] of the response. Content that the provider
// cannot take (a PDF, an image) is an [ErrInvalidRequest]. The suite in package
// aitest checks these rules.
type Model interface {
	// Info says who answers. It does no I/O and always returns the same value.
	Info() Info

	// Generate sends the request and waits for the whole reply. A reply that was
	// cut off or refused is not an error here; see [Response.StopReason].
	Generate(ctx context.Context, req *Request) (*Response, error)

	// Stream sends the request when the returned sequence is ranged over and
	// yields the reply as it arrives. The last event of a reply that arrived
	// whole is [Done]. An error is yielded once and is the last value; after the
	// first event it is a [*PartialError]. Leaving the loop early frees the
	// connection and everything else. Ranging again sends the request again.
	Stream(ctx context.Context, req *Request) iter.Seq2[Event, error]
}

// Info describes a [Model].
type Info struct {
	// Provider is the lower-case name of the service, such as "openai".
	Provider string

	// Model is the name that the provider was asked for. The name that answered
	// is in [Response.Model].
	Model string

	// Capabilities says what the model can be asked to do.
	Capabilities Capabilities
}

// Capabilities are the abilities of a model that [Extract] and others choose
// by. The zero value is a model that takes and returns text and nothing else.
type Capabilities struct {
	// StructuredOutput: the provider makes the reply conform to
	// [Request.Output].
	StructuredOutput bool

	// Tools: the model can call the tools in [Request.Tools].
	Tools bool
}
