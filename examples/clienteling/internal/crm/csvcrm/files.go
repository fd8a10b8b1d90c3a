package csvcrm

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Flush returns when the files say what was saved before.
func (s *Sink) Flush(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	// One snapshot for both files; writers do not wait for it.
	tx, err := s.db.Reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var saved, written int64
	if err := tx.QueryRowContext(ctx, `SELECT saved, written FROM csvcrm_state`).Scan(&saved, &written); err != nil {
		return err
	}
	if saved == written {
		return nil
	}
	// Contacts first: a new purchase's contact is there before it.
	if err := replace(ctx, tx, s.dir, Contacts, contactColumns, `SELECT cells FROM csvcrm_contacts ORDER BY id`); err != nil {
		return err
	}
	if err := replace(ctx, tx, s.dir, Purchases, purchaseColumns, `SELECT cells FROM csvcrm_purchases ORDER BY id`); err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil { // before writing: SQLite's journal cannot be emptied below a reader
		return err
	}
	_, err = s.db.ExecContext(ctx, `UPDATE csvcrm_state SET written = ?`, saved)
	return err
}

const temporary = ".tmp-"

// replace writes a file anew beside the old one, and puts it in its place once it is on
// the disk.
func replace(ctx context.Context, tx *sql.Tx, dir, name string, header []string, query string) error {
	f, err := os.CreateTemp(dir, temporary+name+"-*") // mode 0600
	if err != nil {
		return err
	}
	err = errors.Join(fill(ctx, tx, f, header, query), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// fill writes a file, and returns once it is on the disk.
func fill(ctx context.Context, tx *sql.Tx, f *os.File, header []string, query string) error {
	buffered := bufio.NewWriterSize(f, 1<<18)
	if err := write(ctx, tx, csv.NewWriter(buffered), header, query); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

func write(ctx context.Context, tx *sql.Tx, w *csv.Writer, header []string, query string) error {
	if err := w.Write(header); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var encoded string
		if err := rows.Scan(&encoded); err != nil {
			return err
		}
		cells, err := decode(encoded)
		if err != nil {
			return err
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// syncDir makes a rename durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // Windows cannot
	return d.Close()
}

// removeTemporary removes what a killed process left behind.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary) && e.Type().IsRegular() {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// ErrForeign reports a contacts.csv or purchases.csv that this package did not write, or
// that was changed beyond reading.
var ErrForeign = errors.New("csvcrm: not a file of this sink")

// adopt reads the files of a folder that lost its database.
func (s *Sink) adopt(ctx context.Context) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := adoptFile(ctx, s.dir, Contacts, contactColumns, func(c []string) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO csvcrm_contacts (id, cells) VALUES (?, ?)`, c[0], encode(c))
			return err
		}); err != nil {
			return err
		}
		if err := adoptFile(ctx, s.dir, Purchases, purchaseColumns, func(c []string) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO csvcrm_purchases (id, customer, cells) VALUES (?, ?, ?)`, c[0], c[1], encode(c))
			return err
		}); err != nil {
			return err
		}
		// With the rows: whoever starts after a break must not read the files again.
		_, err := tx.ExecContext(ctx, `UPDATE csvcrm_state SET saved = 1, written = 0`)
		return err
	})
}

func adoptFile(ctx context.Context, dir, name string, header []string, row func([]string) error) error {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := read(ctx, f, header, row); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
