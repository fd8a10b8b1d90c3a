// Package ai talks to language models of any provider through one small
// interface, [Model], and gets typed values out of them with [Extract].
//
// Start with an adapter, such as package openai below this one, and a struct that
// says what you want to know:
//
//	type Judgment struct {
//		Occasion string `json:"occasion" jsonschema:"enum=gift|replenishment|discovery|unknown"`
//		Message  string `json:"message" description:"a thank-you note" jsonschema:"maxLength=280"`
//	}
//
//	model, err := openai.New(apiKey, "gpt-5-mini", nil)
//	if err != nil {
//		return err
//	}
//	judgment, resp, err := ai.Extract[Judgment](ctx, model, &ai.Request{
//		System:   "You write for a small home and apparel shop.",
//		Messages: []ai.Message{ai.User(orderAsText)},
//	}, nil)
//
// The value is complete and valid, or there is an error. [Model.Generate] and
// [Model.Stream] are below that: text, images, files, tool calls.
//
// # Tools
//
// [NewTool] binds a Go function, with a declared [Effect], to a name that a model may
// call; a [Loop] runs the calls within limits, and its [Gate] stands before those that
// change something. Mark what somebody outside wrote as Untrusted: it may be an
// instruction that is not yours.
//
// # Middleware
//
// [Wrap] puts middleware around a model, in the order that it describes: [Access],
// [Guard], [Redact], [Cache], [Fallback], [Hedge], [Retry], [RateLimiter], [Timeout],
// [Budget]. Each is useful alone. [OrBaseline] takes the answer of a deterministic
// function where the model has none in time.
//
// # Failure
//
// Models are slow, refuse, cut off and invent. So every call needs a deadline, by
// the context or [Timeout], and a plan for its error: the classes of errors are
// sentinels such as [ErrRateLimited] and [ErrTruncated] for [errors.Is], the facts
// are in [*Error], and [Retry] tries again where that can help. What is well
// formed may still be wrong: a Validate method on the type is the place to check
// it against what the program knows.
//
// No error, and nothing that this package writes, holds texts of prompts or
// replies. [Request.Digest] and [Response.Digest] name them in an audit log.
//
// # Concurrency
//
// A [Model] is safe for concurrent use. Requests and responses are plain values
// that nobody changes after the call. No call leaves a goroutine behind.
package ai
