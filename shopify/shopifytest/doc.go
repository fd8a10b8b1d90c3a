// Package shopifytest is a simulated shop.
package shopifytest
