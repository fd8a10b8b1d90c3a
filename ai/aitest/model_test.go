package aitest_test

import (
	"testing"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func TestScriptedModelConforms(t *testing.T) {
	aitest.TestModel(t, aitest.Suite{
		New: func(t *testing.T, replies ...aitest.Reply) ai.Model { return aitest.NewModel(t, replies...) },
	})
}
