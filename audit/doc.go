// Package audit is an append-only log that proves itself.
package audit
