package openai

import (
	"github.com/posai-go/posai/ai"
)

// strict is what OpenAI's strict mode enforces: closed objects, every property
// required. Constraints on values are told to the model in the description; some
// of them could be enforced, but models and compatible servers differ in which.
// https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
var strict = ai.Dialect{Recursion: true, MaxDepth: 10, MaxProperties: 5000, MaxEnumValues: 1000}

// strictSchema returns the schema for strict mode, or as it is for a model that
// is merely told about it, with a warning about the setting.
func strictSchema(s *ai.Schema, setting string) (schema *ai.Schema, isStrict bool, warnings []ai.Warning) {
	adapted, err := s.Adapt(strict)
	if err == nil {
		return adapted, true, nil
	}
	return s, false, []ai.Warning{{Setting: setting, Detail: "the schema cannot be enforced in strict mode: " + err.Error()}}
}
