package csvcrm

import (
	"context"
	"errors"
	"io"
)

// Read reads a file of contacts back, for the fuzz target.
func Read(from io.Reader, row func([]string) error) error {
	return read(context.Background(), from, contactColumns, row)
}

// Columns are those of contacts.
func Columns() []string { return contactColumns }

// Defuse is defuse.
func Defuse(s string) string { return defuse(s) }

// Adopt does what Open does with files that lost their database, and ends there, as a
// process does that is killed.
func Adopt(ctx context.Context, dir string) error {
	db, err := openDB(ctx, dir)
	if err != nil {
		return err
	}
	s := &Sink{dir: dir, db: db}
	return errors.Join(s.db.Migrate(ctx, "csvcrm", migrations), s.adopt(ctx), db.Close())
}
