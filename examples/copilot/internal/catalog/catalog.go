// Package catalog holds the copilot's own operations on the Admin API: what its index
// is made of, and what is looked up again before it is shown.
package catalog

//go:generate go run github.com/posai-go/posai/shopify/cmd/shopifygen
