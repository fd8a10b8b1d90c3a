// Package bench compares the log with Tessera
// (https://github.com/transparency-dev/tessera), the reference implementation of
// tile-based logs, in one run on one disk:
//
//	go test -bench .
package bench
