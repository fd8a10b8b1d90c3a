package shopify_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages is a connection of n nodes, two a page, that fails at a page.
func pages(n, failAt int, fetched *[]string) func(context.Context, shopify.Optional[string]) (shopify.Page[int], error) {
	return func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[int], error) {
		cursor := after.Or("0")
		*fetched = append(*fetched, cursor)
		if len(*fetched) == failAt {
			return shopify.Page[int]{}, errors.New("broken")
		}
		var start int
		if _, err := fmt.Sscan(cursor, &start); err != nil {
			return shopify.Page[int]{}, err
		}
		p := shopify.Page[int]{HasNextPage: start+2 < n, EndCursor: strconv.Itoa(start + 2)}
		for i := start; i < min(n, start+2); i++ {
			p.Nodes = append(p.Nodes, i)
		}
		return p, ctx.Err()
	}
}

func TestNodes(t *testing.T) {
	t.Run("all, and again", func(t *testing.T) {
		var fetched []string
		seq := shopify.Nodes(t.Context(), pages(5, 0, &fetched))
		for range 2 {
			var got []int
			for n, err := range seq {
				require.NoError(t, err)
				got = append(got, n)
			}
			assert.Equal(t, []int{0, 1, 2, 3, 4}, got)
		}
		assert.Equal(t, []string{"0", "2", "4", "0", "2", "4"}, fetched)
	})
	t.Run("leaving fetches no more", func(t *testing.T) {
		var fetched []string
		for n, err := range shopify.Nodes(t.Context(), pages(100, 0, &fetched)) {
			require.NoError(t, err)
			if n == 2 {
				break
			}
		}
		assert.Equal(t, []string{"0", "2"}, fetched)
	})
	t.Run("error once", func(t *testing.T) {
		var fetched []string
		var got []int
		var errs []error
		for n, err := range shopify.Nodes(t.Context(), pages(100, 2, &fetched)) {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			got = append(got, n)
		}
		assert.Equal(t, []int{0, 1}, got)
		assert.Len(t, errs, 1)
	})
	t.Run("pages in part", func(t *testing.T) {
		denied := &shopify.ResponseError{Status: 200, Errors: []shopify.GraphQLError{{Code: "ACCESS_DENIED"}}}
		seq := func(err error) []string {
			var fetched, got []string
			all := pages(5, 0, &fetched)
			for n, err := range shopify.Nodes(t.Context(), func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[int], error) {
				p, _ := all(ctx, after)
				return p, err
			}) {
				if err != nil {
					assert.Zero(t, n)
					got = append(got, "error")
					continue
				}
				got = append(got, strconv.Itoa(n))
			}
			return got
		}
		assert.Equal(t, []string{"error", "0", "1", "error", "2", "3", "error", "4"}, seq(denied))
		assert.Equal(t, []string{"error"}, seq(errors.Join(denied, &shopify.SearchError{})), "what was not asked for")
		assert.Equal(t, []string{"error"}, seq(errors.New("broken")))
	})
	t.Run("connection that does not advance", func(t *testing.T) {
		n := 0
		for _, err := range shopify.Nodes(t.Context(), func(context.Context, shopify.Optional[string]) (shopify.Page[int], error) {
			n++
			return shopify.Page[int]{Nodes: []int{1}, HasNextPage: true, EndCursor: "same"}, nil
		}) {
			if err != nil {
				assert.ErrorIs(t, err, shopify.ErrInvalid)
			}
		}
		assert.Equal(t, 2, n)
	})
	t.Run("empty", func(t *testing.T) {
		var fetched []string
		for _, err := range shopify.Nodes(t.Context(), pages(0, 0, &fetched)) {
			require.NoError(t, err)
			t.Fatal("no nodes expected")
		}
	})
}
