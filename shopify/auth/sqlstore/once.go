package sqlstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/posai-go/posai/internal/sqldb"
	"github.com/posai-go/posai/shopify/auth"
)

const (
	// keepLonger is for how long something is remembered after it has expired: by so
	// much may the clocks of the processes be apart that judge whether it has.
	keepLonger = 10 * time.Minute
	// maxKept bounds what anybody may ask to be remembered.
	maxKept = 30 * 24 * time.Hour
	// purgeSize is how many rows a Use deletes at most.
	purgeSize = 100
)

// Once sees to it that what may be used once is: it is an [auth.StateStore] and an
// [auth.ReplayGuard], for all processes that share the database. Of several that use the
// same at once, one is told that it is the first.
//
// The database holds hashes (SHA-256) and when they may be forgotten, by its own clock, which
// is ten minutes after they expired: the clocks of the processes may be apart by that.
// Each use deletes up to 100 rows whose time has come. Safe for concurrent use.
type Once struct {
	store *Store
	kind  string
}

var (
	_ auth.StateStore  = (*Once)(nil)
	_ auth.ReplayGuard = (*Once)(nil)
)

// States keeps which states of installations were used, for
// [auth.InstallOptions.States]. It lives as long as the store.
func (s *Store) States() *Once { return &Once{s, "state"} }

// ReplayGuard keeps which session tokens were used, for [auth.SessionOptions.Replays]. It
// lives as long as the store.
func (s *Store) ReplayGuard() *Once { return &Once{s, "session token"} }

func onceTable(bytes string) string {
	return `
CREATE TABLE shopify_auth_once (
	hash ` + bytes + ` PRIMARY KEY,
	ends_us BIGINT NOT NULL
);
CREATE INDEX shopify_auth_once_ends ON shopify_auth_once (ends_us);
`
}

// now is the database's time in microseconds since 1970.
func (o *Once) now() string {
	if o.store.db.Dialect == sqldb.SQLite {
		return `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
	}
	return `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`
}

// Use records that something was used and reports whether that is the first time. An
// error means that it is not known, and not to be done.
func (o *Once) Use(ctx context.Context, what string, expires time.Time) (bool, error) {
	timed, cancel := context.WithTimeout(ctx, o.store.timeout)
	defer cancel()
	hash := sha256.Sum256([]byte(o.kind + "\x00" + what))
	keep := min(max(0, time.Until(expires)), maxKept) + keepLonger
	res, err := o.store.db.ExecContext(timed, o.store.db.Rebind(
		`INSERT INTO shopify_auth_once (hash, ends_us) VALUES (?, `+o.now()+` + ?) ON CONFLICT (hash) DO NOTHING`), hash[:], keep.Microseconds())
	if err != nil {
		return false, wrap(ctx, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("sqlstore: %w", err)
	}
	// The verdict stands; what is not purged now is the next time.
	_ = o.purge(timed)
	return n == 1, nil
}

// purge deletes some of what may be forgotten.
func (o *Once) purge(ctx context.Context) error {
	locked := ""
	if o.store.db.Dialect == sqldb.PostgreSQL {
		locked = " FOR UPDATE SKIP LOCKED" // several purge at once, and none waits
	}
	_, err := o.store.db.ExecContext(ctx, o.store.db.Rebind(
		`DELETE FROM shopify_auth_once WHERE hash IN (SELECT hash FROM shopify_auth_once WHERE ends_us < `+o.now()+` ORDER BY ends_us LIMIT ?`+locked+`)`), purgeSize)
	return err
}
