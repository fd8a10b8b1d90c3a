package csvcrm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// save brings the database to the records' state, in one transaction. If it fails, none
// of them is saved and there are no outcomes.
func (s *Sink) save(ctx context.Context, records []crm.Record) ([]crm.Outcome, error) {
	if len(records) == 0 {
		return nil, nil
	}
	var out []crm.Outcome
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		out = make([]crm.Outcome, 0, len(records))
		any := false
		for _, r := range records {
			o := crm.Outcome{Key: r.Key, ID: r.Key}
			if err := r.CheckKeys(); err != nil { // they could not be told apart in a file
				o.State, o.ID, o.Err = crm.Invalid, "", fmt.Errorf("csvcrm: %w", err)
			} else {
				state, err := saveOne(ctx, tx, r)
				if err != nil {
					return err
				}
				o.State = state
				any = any || state != crm.Unchanged
			}
			out = append(out, o)
		}
		if !any {
			return nil
		}
		return bump(ctx, tx)
	})
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return out, nil
}

// bump notes that the files are behind.
func bump(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE csvcrm_state SET saved = saved + 1`)
	return err
}

func saveOne(ctx context.Context, tx *sql.Tx, r crm.Record) (crm.State, error) {
	cells := encode(contactCells(r))
	state := crm.Unchanged
	var was string
	switch err := tx.QueryRowContext(ctx, `SELECT cells FROM csvcrm_contacts WHERE id = ?`, r.Key).Scan(&was); {
	case errors.Is(err, sql.ErrNoRows):
		state = crm.Created
	case err != nil:
		return "", err
	case was != cells:
		state = crm.Updated
	}
	if state != crm.Unchanged {
		if _, err := tx.ExecContext(ctx, `INSERT INTO csvcrm_contacts (id, cells) VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET cells = excluded.cells`, r.Key, cells); err != nil {
			return "", err
		}
	}
	changed, err := savePurchases(ctx, tx, r)
	if err != nil {
		return "", err
	}
	if changed && state == crm.Unchanged {
		state = crm.Updated
	}
	return state, nil
}

// savePurchases makes a customer's purchases those of the record, and reports whether
// that changed anything.
func savePurchases(ctx context.Context, tx *sql.Tx, r crm.Record) (bool, error) {
	was, err := purchasesOf(ctx, tx, r.Key)
	if err != nil {
		return false, err
	}
	changed := false
	for _, p := range r.LastPurchases() {
		cells := encode(purchaseCells(r.Key, p))
		before, there := was[p.Key]
		delete(was, p.Key)
		if there && before == cells {
			continue
		}
		changed = true
		if _, err := tx.ExecContext(ctx, `INSERT INTO csvcrm_purchases (id, customer, cells) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, cells = excluded.cells`, p.Key, r.Key, cells); err != nil {
			return false, err
		}
	}
	for key := range was { // orders that the customer no longer has
		changed = true
		if _, err := tx.ExecContext(ctx, `DELETE FROM csvcrm_purchases WHERE id = ?`, key); err != nil {
			return false, err
		}
	}
	return changed, nil
}

func purchasesOf(ctx context.Context, tx *sql.Tx, customer string) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, cells FROM csvcrm_purchases WHERE customer = ?`, customer)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	was := make(map[string]string)
	for rows.Next() {
		var key, cells string
		if err := rows.Scan(&key, &cells); err != nil {
			return nil, err
		}
		was[key] = cells
	}
	return was, rows.Err()
}
