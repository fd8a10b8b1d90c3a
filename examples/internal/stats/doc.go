// Package stats has the statistics of the examples: intervals of proportions, a
// test of two of them, the guard against findings by chance, and the figures of a
// classifier. They are plain formulas, checked against published values.
package stats
