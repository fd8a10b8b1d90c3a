package salesforce

import "io"

// For the fuzz targets.

// ParseProblems returns what is kept of the body of an error.
func ParseProblems(body []byte) (codes []string, fields [][]string, duplicates []string) {
	for _, p := range parseProblems(body) {
		codes, fields, duplicates = append(codes, p.code()), append(fields, p.fields()), append(duplicates, p.duplicates()...)
	}
	return codes, fields, duplicates
}

// ParseLimitInfo is parseLimitInfo.
func ParseLimitInfo(header string) (used, limit int, ok bool) { return parseLimitInfo(header) }

// ReadResults reads a job's result, and returns the ids and codes of its rows.
func ReadResults(from io.Reader) (ids, codes []string, err error) {
	err = readResults(from, func(r resultRow) error {
		res := r.result()
		ids, codes = append(ids, res.ID), append(codes, res.code())
		_ = r.fields(map[string]kind{"n": number, "f": flag})
		return nil
	})
	return ids, codes, err
}

// Literal is literal.
func Literal(s string) string { return literal(s) }

// Fit is fit.
func Fit(s string, n int) (string, bool) { return fit(s, n) }
