// Package shelf holds the operations of checkoutupsell that package shopify/admin does
// not have: they ask for what a register waits for, and for no more.
//
// It is generated from the *.graphql files of this folder; docs/operations.md says how.
package shelf

//go:generate go run github.com/posai-go/posai/shopify/cmd/shopifygen
