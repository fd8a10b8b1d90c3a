// Package goclients holds the simulated shop against a Go client that we did not write:
// go-shopify, unchanged, over real HTTP. It is a module of its own so that none of this
// weighs on posai's.
package goclients
