// Package fetch reads what the client book keeps of a shop: one order or customer by its
// id, everything by bulk operations, and what a webhook delivers. Whichever way it came,
// the same state of an order becomes the same [store.Order].
package fetch

//go:generate go run github.com/posai-go/posai/shopify/cmd/shopifygen
