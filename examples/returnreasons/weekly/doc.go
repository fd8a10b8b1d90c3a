// Package weekly makes the weekly summary of returns across channels, as values,
// as text and as one HTML page that needs nothing else.
//
// # What is counted
//
// Units that came back in the week, by reason and by the channel that sold them.
// Rates are the share of the units sold in the return window (so many days up to
// the end of the week) that came back in the week, with Wilson's 95 % interval:
// units from before the window are counted but are in no rate.
//
// # What is called a change
//
// Tests count orders, not units: somebody who returns three of a thing has one
// reason, not three. A change against the week before is Fisher's exact test of the
// orders that returned for a reason among the orders of the window. An emerging
// issue is a product and a reason that more of the orders with that product
// returned for than in the four weeks before, by the one-sided test. Both are
// guarded by the procedure of Benjamini and Hochberg over everything that was
// tested, so that a busy page does not find something every week.
//
// # What is not shown
//
// Figures of fewer than MinCount orders, which could be read as one person's, and
// those that could be computed from what is shown: in a table with sums, a single
// hidden cell is the difference. Quotes are shown for reasons with enough orders
// alone.
package weekly
