// Package sqlstore keeps the requests of an approval queue in SQLite or
// PostgreSQL, by one URL and with the same code.
package sqlstore
