package ai

import (
	"context"
	"fmt"
	"slices"
)

// An Embedder turns texts into vectors of a fixed length, such that texts of
// similar meaning are close to one another.
//
// An implementation must be safe for concurrent use, must not change or keep the
// request after the call, and must make no network call but to its provider.
// Errors are as those of a [Model].
type Embedder interface {
	// Info says who answers. It does no I/O and always returns the same value.
	Info() EmbedderInfo

	// Embed returns one vector for each text, in the order of the texts. It fails
	// as a whole: there is never a vector too few.
	Embed(ctx context.Context, req *EmbedRequest) (*EmbedResponse, error)
}

// EmbedderInfo describes an [Embedder].
type EmbedderInfo struct {
	// Provider is the lower-case name of the service, such as "openai".
	Provider string

	// Model is the name that the provider was asked for. Vectors of different
	// models cannot be compared: store the name beside them.
	Model string

	// Dimensions is the length of the vectors when a request does not say; zero
	// if it is known only after the first reply.
	Dimensions int

	// MaxTexts is the largest number of texts of one request; zero if there is no
	// such limit. [EmbedAll] splits by it.
	MaxTexts int
}

// An EmbedRequest is what an [Embedder] is asked.
type EmbedRequest struct {
	// Texts to embed, none of them empty. At least one is required.
	Texts []string

	// Purpose of the vectors. Some models make better ones when they know it;
	// others ignore it, without a warning.
	Purpose EmbedPurpose

	// Dimensions is the length of the vectors, for models that can shorten them.
	// If zero, the model's own. A model that cannot is an [ErrInvalidRequest].
	Dimensions int
}

// An EmbedPurpose says what vectors are for.
type EmbedPurpose string

// The purposes.
const (
	EmbedAny      EmbedPurpose = ""         // clustering, comparing like with like
	EmbedDocument EmbedPurpose = "document" // texts that will be searched
	EmbedQuery    EmbedPurpose = "query"    // texts that are searched for
)

// An EmbedResponse is the reply of an [Embedder].
type EmbedResponse struct {
	// Vectors are as many as the texts and all of one length. They need not be of
	// unit length.
	Vectors [][]float32

	// Usage counts the tokens, all of them input.
	Usage Usage

	// Model is the name of the model that answered, as the provider reports it.
	Model string

	// Warnings name what the request asked for and the provider cannot do.
	Warnings []Warning
}

// Validate checks what no provider could accept. Its error matches
// [ErrInvalidRequest]. Adapters call it first.
func (r *EmbedRequest) Validate() error {
	switch {
	case r == nil:
		return invalid("request is nil")
	case len(r.Texts) == 0:
		return invalid("no texts")
	case r.Dimensions < 0:
		return invalid("negative Dimensions")
	case !slices.Contains([]EmbedPurpose{EmbedAny, EmbedDocument, EmbedQuery}, r.Purpose):
		return invalid("unknown Purpose")
	}
	if i := slices.Index(r.Texts, ""); i >= 0 {
		return invalid(fmt.Sprintf("Texts[%d] is empty", i))
	}
	return nil
}

// Check returns an [ErrMalformedReply] unless the response has the vectors that
// the request asked for. It is meant for adapters.
func (r *EmbedResponse) Check(provider string, req *EmbedRequest) error {
	malformed := func(detail string) error {
		return &Error{Class: ErrMalformedReply, Provider: provider, Detail: detail}
	}
	if len(r.Vectors) != len(req.Texts) {
		return malformed(fmt.Sprintf("%d vectors for %d texts", len(r.Vectors), len(req.Texts)))
	}
	for _, v := range r.Vectors {
		switch {
		case len(v) == 0 || len(v) != len(r.Vectors[0]):
			return malformed("vectors of different lengths")
		case req.Dimensions > 0 && len(v) != req.Dimensions:
			return malformed(fmt.Sprintf("vectors of length %d, asked for %d", len(v), req.Dimensions))
		}
	}
	return nil
}

// EmbedAll embeds any number of texts, in requests of at most
// [EmbedderInfo.MaxTexts], one after the other. The first error ends it, and
// nothing is returned beside it.
func EmbedAll(ctx context.Context, e Embedder, req *EmbedRequest) (*EmbedResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	size := e.Info().MaxTexts
	if size <= 0 {
		size = len(req.Texts)
	}
	all := &EmbedResponse{Vectors: make([][]float32, 0, len(req.Texts))}
	for texts := range slices.Chunk(req.Texts, size) {
		part := *req
		part.Texts = texts
		resp, err := e.Embed(ctx, &part)
		if err != nil {
			return nil, err
		}
		if err := resp.Check(e.Info().Provider, &part); err != nil {
			return nil, err
		}
		all.Vectors = append(all.Vectors, resp.Vectors...)
		all.Usage = all.Usage.Add(resp.Usage)
		all.Model = resp.Model
		all.Warnings = mergeWarnings(all.Warnings, resp.Warnings)
	}
	if len(all.Vectors[0]) != len(all.Vectors[len(all.Vectors)-1]) {
		return nil, &Error{Class: ErrMalformedReply, Provider: e.Info().Provider, Detail: "vectors of different lengths"}
	}
	return all, nil
}
