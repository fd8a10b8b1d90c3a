package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
)

// Variant is what the store keeps of the goods: orders name variants, and deliveries say
// neither what kind of goods they are nor in which sizes they come.
type Variant struct {
	ID, Product int64
	Category    string
	Options     []book.Option
	UpdatedAt   time.Time // of the product
}

// PutVariants keeps what variants are. A later state of the product stays.
func (s *Store) PutVariants(ctx context.Context, variants []Variant) error {
	return s.tx(ctx, func(t *tx) error {
		for _, v := range variants {
			options := v.Options
			if options == nil {
				options = []book.Option{}
			}
			_, err := t.exec(ctx, `INSERT INTO clienteling_variant (id, product, version, category, options) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET product = excluded.product, version = excluded.version, category = excluded.category, options = excluded.options
				WHERE clienteling_variant.version <= excluded.version`, v.ID, v.Product, version(v.UpdatedAt), v.Category, bodyOf(options))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// PutCategory gives all known variants of a product their category.
func (s *Store) PutCategory(ctx context.Context, product int64, category string, updatedAt time.Time) error {
	return s.tx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE clienteling_variant SET category = ?, version = ? WHERE product = ? AND version <= ?`, category, version(updatedAt), product, version(updatedAt))
		return err
	})
}

// Unknown returns those of the variants that the store does not have.
func (s *Store) Unknown(ctx context.Context, variants []int64) (out []int64, err error) {
	err = s.read(ctx, func(t *tx) error {
		have, err := t.variants(ctx, variants)
		if err != nil {
			return err
		}
		out = nil
		for _, id := range distinct(variants) {
			if _, ok := have[id]; !ok {
				out = append(out, id)
			}
		}
		return nil
	})
	return out, err
}

// many is how many values a statement takes at most.
const many = 500

func (t *tx) variants(ctx context.Context, ids []int64) (map[int64]Variant, error) {
	out := map[int64]Variant{}
	for ids = distinct(ids); len(ids) > 0; {
		part := ids[:min(len(ids), many)]
		ids = ids[len(part):]
		err := t.s.each(ctx, t.Tx, func(r *sql.Rows) error {
			var v Variant
			var options string
			if err := r.Scan(&v.ID, &v.Product, &v.Category, &options); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(options), &v.Options); err != nil {
				return err
			}
			out[v.ID] = v
			return nil
		}, `SELECT id, product, category, options FROM clienteling_variant WHERE id IN (`+marks(len(part))+`)`, list(part)...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutLocation keeps a location's name, and reports whether it had another one.
func (s *Store) PutLocation(ctx context.Context, id int64, name string) (renamed bool, err error) {
	err = s.tx(ctx, func(t *tx) error {
		have := ""
		known, err := t.row(ctx, `SELECT name FROM clienteling_location WHERE id = ?`, []any{id}, &have)
		if err != nil || known && have == name {
			return err
		}
		renamed = known
		_, err = t.exec(ctx, `INSERT INTO clienteling_location (id, name) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name`, id, name)
		return err
	})
	return renamed, err
}

func (t *tx) locations(ctx context.Context, ids []int64) (map[int64]string, error) {
	out := map[int64]string{}
	ids = distinct(ids)
	if len(ids) == 0 {
		return out, nil
	}
	err := t.s.each(ctx, t.Tx, func(r *sql.Rows) error {
		var id int64
		var name string
		if err := r.Scan(&id, &name); err != nil {
			return err
		}
		out[id] = name
		return nil
	}, `SELECT id, name FROM clienteling_location`)
	return out, err
}

// KnowsLocation reports whether a location has a name; 0 is none and needs none.
func (s *Store) KnowsLocation(ctx context.Context, id int64) (known bool, err error) {
	err = s.read(ctx, func(t *tx) error {
		names, err := t.locations(ctx, []int64{id})
		_, known = names[id]
		return err
	})
	return known || id == 0, err
}
