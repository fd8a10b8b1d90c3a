//go:build race

package inbox_test

// underRace says that the tests run under the race detector, which slows
// SQLite in pure Go tenfold.
const underRace = true
