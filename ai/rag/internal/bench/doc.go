// Package bench compares the search with chromem-go
// (https://github.com/philippgille/chromem-go), a vector database in pure Go, in one run
// on the same vectors:
//
//	go test -bench .
package bench
