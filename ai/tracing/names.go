package tracing

// The names of the GenAI conventions. The semconv package for Go has dropped them,
// so this file is the one place for them.
// https://github.com/open-telemetry/semantic-conventions-genai
const (
	operationName    = "gen_ai.operation.name"
	providerName     = "gen_ai.provider.name"
	requestModel     = "gen_ai.request.model"
	requestMaxTokens = "gen_ai.request.max_tokens"
	requestTemp      = "gen_ai.request.temperature"
	requestTopP      = "gen_ai.request.top_p"
	responseModel    = "gen_ai.response.model"
	responseID       = "gen_ai.response.id"
	finishReasons    = "gen_ai.response.finish_reasons"
	inputTokens      = "gen_ai.usage.input_tokens"
	outputTokens     = "gen_ai.usage.output_tokens"
	cacheReadTokens  = "gen_ai.usage.cache_read.input_tokens"
	cacheWriteTokens = "gen_ai.usage.cache_write.input_tokens"
	tokenType        = "gen_ai.token.type"
	toolName         = "gen_ai.tool.name"
	toolType         = "gen_ai.tool.type"
	toolCallID       = "gen_ai.tool.call.id"
	errorType        = "error.type"

	// With Options.Content alone.
	systemInstructions = "gen_ai.system_instructions"
	inputMessages      = "gen_ai.input.messages"
	outputMessages     = "gen_ai.output.messages"
	toolArguments      = "gen_ai.tool.call.arguments"
	toolResult         = "gen_ai.tool.call.result"

	inferenceDuration = "gen_ai.client.inference.duration"
	tokenUsage        = "gen_ai.client.token.usage"
	toolDuration      = "gen_ai.execute_tool.duration"

	operationChat  = "chat"
	operationEmbed = "embeddings"
	operationTool  = "execute_tool"

	// This module's own.
	feature    = "posai.feature"
	toolEffect = "posai.tool.effect"
	cached     = "posai.cached"
	streamLeft = "posai.stream.left"
)

// providers has the conventions' names where they differ from [ai.Info]'s.
var providers = map[string]string{
	"gemini": "gcp.gen_ai", // of the Gemini API and of Vertex AI alike
}

// Buckets that the conventions advise.
var (
	durationBuckets = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	tokenBuckets    = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
)
