package demo

import (
	"context"
	"errors"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/open"
)

// OpenModel returns the configured model, or nil: then the baseline judges.
func (c *Config) OpenModel() (ai.Model, error) {
	if c.Model == "" {
		return nil, nil
	}
	model, err := open.Model(c.Model, c.ModelKey, &open.Options{BaseURL: c.ModelURL})
	if err != nil {
		return nil, err
	}
	return ai.Wrap(model, ai.Retry(nil)), nil
}

// FallbackReason is a fixed sentence for a class of a model's errors: the
// model's own words do not go into the audit log.
func FallbackReason(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, ai.ErrTimeout):
		return "the model was late"
	case errors.Is(err, ai.ErrRefused), errors.Is(err, ai.ErrContentFiltered):
		return "the model refused"
	case errors.Is(err, ai.ErrTruncated):
		return "the model's answer was cut off"
	case errors.Is(err, ai.ErrEmptyReply):
		return "the model's answer was empty"
	case errors.Is(err, ai.ErrMalformedReply):
		return "the model's answer could not be read"
	case errors.Is(err, ai.ErrInvalidOutput):
		return "the model's answer broke a rule"
	case errors.Is(err, ai.ErrRateLimited), errors.Is(err, ai.ErrQuota), errors.Is(err, ai.ErrOverloaded):
		return "the model's provider had no capacity"
	}
	return "the model could not be reached"
}
