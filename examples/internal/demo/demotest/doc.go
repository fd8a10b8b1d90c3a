// Package demotest has what the tests of the examples share: the program in a
// process that is killed, a small simulated shop, counters and readers of what
// was left behind.
package demotest
