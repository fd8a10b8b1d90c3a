package shopifytest_test

import (
	"testing"

	"github.com/posai-go/posai/shopify/shopifytest"
)

func BenchmarkNewShop(b *testing.B) {
	for b.Loop() {
		s, err := shopifytest.Start(&shopifytest.Options{Today: today})
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}
