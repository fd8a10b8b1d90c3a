package ai

// Usage counts the tokens of a request and its reply, in the same way for every
// provider:
//
//	InputTokens  = UncachedTokens() + CacheReadTokens + CacheWriteTokens
//	OutputTokens = TextTokens()     + ReasoningTokens
//
// All counts are at least zero. The zero value is no usage at all.
type Usage struct {
	// InputTokens is the whole input, cached or not.
	InputTokens int64

	// CacheReadTokens is the part of InputTokens that the provider had in its
	// cache; usually cheaper.
	CacheReadTokens int64

	// CacheWriteTokens is the part of InputTokens that the provider has put into
	// its cache; with some providers dearer.
	CacheWriteTokens int64

	// OutputTokens is the whole output, reasoning included.
	OutputTokens int64

	// ReasoningTokens is the part of OutputTokens that was thought but not said.
	ReasoningTokens int64

	// Missing is true when the provider did not report usage, in whole or in
	// part. The counts are then too low: do not take them for a free call.
	Missing bool
}

// NewUsage returns the usage that a provider reported, forced into the rules of
// [Usage]: negative counts become zero, and a part is never larger than its
// whole. It is meant for adapters.
func NewUsage(input, cacheRead, cacheWrite, output, reasoning int64) Usage {
	u := Usage{InputTokens: max(input, 0), OutputTokens: max(output, 0)}
	u.CacheReadTokens = min(max(cacheRead, 0), u.InputTokens)
	u.CacheWriteTokens = min(max(cacheWrite, 0), u.InputTokens-u.CacheReadTokens)
	u.ReasoningTokens = min(max(reasoning, 0), u.OutputTokens)
	return u
}

// UncachedTokens is the part of the input that was neither read from nor
// written to the provider's cache.
func (u Usage) UncachedTokens() int64 {
	return u.InputTokens - u.CacheReadTokens - u.CacheWriteTokens
}

// TextTokens is the part of the output that was said: text, tool calls, JSON.
func (u Usage) TextTokens() int64 { return u.OutputTokens - u.ReasoningTokens }

// Total is InputTokens plus OutputTokens.
func (u Usage) Total() int64 { return u.InputTokens + u.OutputTokens }

// Add returns the sum of u and v.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		InputTokens:      u.InputTokens + v.InputTokens,
		CacheReadTokens:  u.CacheReadTokens + v.CacheReadTokens,
		CacheWriteTokens: u.CacheWriteTokens + v.CacheWriteTokens,
		OutputTokens:     u.OutputTokens + v.OutputTokens,
		ReasoningTokens:  u.ReasoningTokens + v.ReasoningTokens,
		Missing:          u.Missing || v.Missing,
	}
}
