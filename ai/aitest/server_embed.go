package aitest

// embeddingFormat is the JSON of OpenAI's embeddings.
// https://platform.openai.com/docs/api-reference/embeddings
type embeddingFormat struct{}

func (embeddingFormat) whole(r Reply, _, model string) any {
	data := []object{}
	for i, v := range r.Vectors {
		data = append(data, object{"object": "embedding", "index": i, "embedding": v})
	}
	out := object{"object": "list", "model": model, "data": data}
	if !r.Wire.NoUsage {
		out["usage"] = object{"prompt_tokens": r.usage().InputTokens, "total_tokens": r.usage().InputTokens}
	}
	return out
}

func (embeddingFormat) events(Reply, string, string) []wireEvent { return nil }
func (embeddingFormat) errorEvent(string) wireEvent              { return wireEvent{} }
