package shopify

import (
	"context"
	"errors"
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
//
// A page that came with a [ResponseError] may lack some fields, those that the
// app may not read for instance ([ErrAccessDenied]). Its error is yielded before
// its nodes, so that nobody takes what is missing for what is empty. A loop that
// goes on gets the nodes, and then the next page:
//
//	for order, err := range orders {
//		if errors.Is(err, shopify.ErrAccessDenied) {
//			continue // names and addresses are not for this app
//		}
//		…
//	}
//
// What a search filter found that was not understood ([SearchError]) is not
// yielded.
func Nodes[T any](ctx context.Context, fetch func(ctx context.Context, after Optional[string]) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		var after Optional[string]
		for {
			page, err := fetch(ctx, after)
			if err != nil && (!yield(zero, err) || !inPart(err)) {
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

// inPart reports whether the page that came with an error is worth having.
func inPart(err error) bool {
	_, answered := errors.AsType[*ResponseError](err)
	_, search := errors.AsType[*SearchError](err)
	return answered && !search
}
