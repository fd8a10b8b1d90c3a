// Package gemini lets Google's Gemini models answer as an [ai.Model], through the
// Gemini API or Vertex AI, and embed texts as an [ai.Embedder]. It is an adapter
// over the official SDK, google.golang.org/genai.
//
//	model, err := gemini.New(apiKey, "gemini-3-flash", nil)
//	if err != nil {
//		return err
//	}
//	resp, err := model.Generate(ctx, &ai.Request{
//		Messages: []ai.Message{ai.User("Thank the customer in one sentence.")},
//	})
//
// For Vertex AI, the key is empty and [Options.Vertex] names project, location and
// credentials.
//
// # What is not the SDK's
//
// The SDK decodes the arguments of a tool call into a map of float64, which loses
// large integers and the order of keys; its reader of streams stops at a comment
// or at data on two lines; and it panics at a reply that is not in the form that it
// expects. So this package reads the replies itself, and puts the conversation and
// the schemas into the request itself, as JSON to the byte. The settings, the
// address, the credentials and the connection are the SDK's.
//
// # Signatures
//
// Gemini signs what it thought and wants the signature back with the part that
// bore it: it is in the Opaque field of [ai.ToolCall] and [ai.Reasoning]. A part
// of text that is signed is followed by a Reasoning without text.
//
// # Withheld replies
//
// A prompt or a reply that the safety filters withheld is a reply with the stop
// reason [ai.StopContentFilter]; ProviderStopReason says which filter. Gemini has
// no refusals besides.
//
// # What the package does not do
//
// It takes no setting from environment variables, does not retry and sets no
// timeout: see [ai.Retry], [ai.Timeout] and the context. A wait that the server
// asks for, which Google puts into the body of the error, is in
// [ai.Error.RetryAfter].
//
// API reference: https://ai.google.dev/api/generate-content
package gemini
