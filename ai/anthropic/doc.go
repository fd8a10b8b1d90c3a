// Package anthropic lets Anthropic's Claude models answer as an [ai.Model]. It is
// an adapter over the official SDK, github.com/anthropics/anthropic-sdk-go, and
// its Messages API.
//
//	model, err := anthropic.New(apiKey, "claude-haiku-4-5", nil)
//	if err != nil {
//		return err
//	}
//	resp, err := model.Generate(ctx, &ai.Request{
//		Messages:        []ai.Message{ai.User("Thank the customer in one sentence.")},
//		MaxOutputTokens: 200,
//	})
//
// # Amazon Bedrock and Google Vertex AI
//
// The same models are offered there, and the SDK has an option for each, which
// goes into [Options.SDK]; the key is empty then. Programs that do not import the
// SDK's packages bedrock and vertex do not link the clouds' libraries.
//
//	model, err := anthropic.New("", "eu.anthropic.claude-haiku-4-5-v1:0", &anthropic.Options{
//		SDK: []option.RequestOption{bedrock.WithConfig(awsConfig)},
//	})
//
// # Structured output
//
// The Messages API enforces a schema or refuses it. A schema that it cannot
// enforce (a type that refers to itself, a Go map) is an
// [ai.ErrUnsupportedSchema], upon which [ai.Extract] goes on in tool mode. Tools
// are strict where their schemas allow it; else a warning says so.
//
// # Reasoning
//
// With [ai.Request.Effort], the model thinks before it answers. What it thought
// comes as [ai.Reasoning] parts with a signature and must be sent back with the
// conversation while tools are being called. Thinking excludes a temperature, a
// demanded tool call and, on older models, adaptive effort; see
// [Options.ThinkingBudgets].
//
// # What the package does not do
//
// It reads no environment variable, does not retry and sets no timeout: see
// [ai.Retry], [ai.Timeout] and the context. The SDK's own traces, which can hold
// prompts, are off: see package ai/tracing.
//
// API reference: https://platform.claude.com/docs/en/api/messages
package anthropic
