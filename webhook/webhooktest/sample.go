package webhooktest

import (
	"embed"
	"io/fs"
	"iter"
	"strings"
)

//go:embed samples
var samples embed.FS

// Sample returns a body of a topic about invented people, in the form that
// Shopify documents for API version 2026-10, with a few fields of earlier
// versions. ok is false for topics without a typed payload in package webhook.
func Sample(topic string) (body []byte, ok bool) {
	body, err := samples.ReadFile("samples/" + topic + ".json")
	return body, err == nil
}

// Samples yields the topics that there are samples of, and a body of each.
func Samples() iter.Seq2[string, []byte] {
	return func(yield func(topic string, body []byte) bool) {
		_ = fs.WalkDir(samples, "samples", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			body, err := samples.ReadFile(path)
			if err != nil {
				return err
			}
			if !yield(strings.TrimSuffix(strings.TrimPrefix(path, "samples/"), ".json"), body) {
				return fs.SkipAll
			}
			return nil
		})
	}
}
