package sqldb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const defaultMaxConns = 16

func openPostgres(ctx context.Context, url string) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The parser's message quotes the URL; what it could not parse it
		// cannot redact for certain.
		return nil, errors.Join(ErrURL, errors.New("sqldb: the PostgreSQL URL does not parse"))
	}
	if !strings.Contains(url, "pool_max_conns=") {
		config.MaxConns = defaultMaxConns
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("sqldb: connect: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("sqldb: connect: %w", withoutConfig(err))
	}
	db := stdlib.OpenDBFromPool(pool)
	return &DB{DB: db, Reads: db, Dialect: PostgreSQL, Pool: pool, core: newCore(), close: sync.OnceValue(func() error {
		err := db.Close()
		pool.Close()
		return err
	})}, nil
}

// withoutConfig drops pgx's ConnectError, which carries the whole
// configuration, password included, for anyone who prints it with %+v.
func withoutConfig(err error) error {
	if ce, ok := errors.AsType[*pgconn.ConnectError](err); ok && ce.Unwrap() != nil {
		return ce.Unwrap()
	}
	return err
}
