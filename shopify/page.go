package shopify

import (
	"context"
	"fmt"
	"iter"
)

// Page is one page of a connection.
type Page[T any] struct {
	Nodes       []T
	HasNextPage bool
	EndCursor   string
}

// Nodes returns the nodes of all pages of a connection. The function fetches
// the page behind a cursor, which is unset for the first page:
//
//	orders := shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Order], error) {
//		resp, err := ListOrders(ctx, client, 50, after)
//		…
//	})
//
// Pages are fetched as the loop asks for them; leaving it fetches no more, and
// ranging again starts again. An error is yielded once, with a zero node, and
// ends the loop. It matches [ErrInvalid] if the connection does not advance.
func Nodes[T any](ctx context.Context, fetch func(ctx context.Context, after Optional[string]) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		var after Optional[string]
		for {
			page, err := fetch(ctx, after)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, node := range page.Nodes {
				if !yield(node, nil) {
					return
				}
			}
			if !page.HasNextPage {
				return
			}
			if last, _ := after.Get(); page.EndCursor == last {
				yield(zero, fmt.Errorf("shopify: %w: the connection says there is more but does not advance", ErrInvalid))
				return
			}
			after = Some(page.EndCursor)
		}
	}
}
