// Package tracing records calls of models and tools as OpenTelemetry spans and
// metrics, under the GenAI names.
//
//	tracer, err := tracing.New(&tracing.Options{TracerProvider: tp, MeterProvider: mp})
//	if err != nil {
//		return err
//	}
//	model := ai.Wrap(adapter, ai.Redact(nil), ai.Retry(nil), tracer.Middleware)
//	loop, err := ai.NewLoop(model, tools, &ai.LoopOptions{Around: tracer.Around})
//
// Prompts, replies and the arguments and results of tools are not recorded unless
// [Options.Content] says so; inside of [ai.Redact], what is recorded then holds
// placeholders. Nothing is taken from OpenTelemetry's globals.
//
// The GenAI conventions are in development, so names may change with a minor version
// of this module: https://github.com/open-telemetry/semantic-conventions-genai
package tracing
