// Package export writes the records of an audit log in the formats of other
// systems: OCSF for security lakes and SIEMs, CloudEvents for event buses, CSV
// for spreadsheets, and JSON with the content of sealed parts for those whose data
// it is. Text and JSON lines are in package audit ([audit.WriteText],
// [audit.WriteJSONL]).
//
//	err := export.OCSF(w, log.Trail(ctx, audit.Query{Since: yesterday}), &export.Options{Log: log.Origin()})
//
// What is signed is the entry's own JSON. OCSF and CloudEvents carry it whole,
// with the leaf's hash, so that an exported event can still be proven by a
// receipt; CSV is for reading.
//
// Each function writes as it reads, and ends with the first error, of the records
// or of the writer.
package export
