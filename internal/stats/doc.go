// Package stats has the statistics that several packages share: intervals of
// proportions, tests of two of them, of pairs, and of signs, the guard against
// findings by chance, intervals by resampling, and the figures of a classifier.
// They are plain formulas, checked against published values.
package stats
