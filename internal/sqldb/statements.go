package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"reflect"
	"strings"
)

// maxStatements bounds the statements that a connection keeps prepared.
const maxStatements = 128

// connector opens SQLite connections that keep what they prepared: reading a
// statement's text costs as much as running it. pgx does so by itself.
type connector struct {
	driver driver.Driver
	dsn    string
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	able, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errDriver, conn.Close())
	}
	return &cachingConn{sqliteConn: able, idle: make(map[string]sqliteStmt)}, nil
}

// errDriver: a driver of another version.
var errDriver = errors.New("sqldb: the SQLite driver lacks a method")

// What the driver's connections, statements and rows can do.
type (
	sqliteConn interface {
		driver.Conn
		driver.ConnBeginTx
		driver.ConnPrepareContext
		driver.ExecerContext
		driver.QueryerContext
		driver.Pinger
		driver.SessionResetter
		driver.Validator
	}
	sqliteStmt interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
	sqliteRows interface {
		driver.Rows
		driver.RowsColumnTypeDatabaseTypeName
		driver.RowsColumnTypeLength
		driver.RowsColumnTypeNullable
		driver.RowsColumnTypePrecisionScale
		ColumnTypeScanType(index int) reflect.Type
	}
)

// cachingConn is a connection with the statements that are not in use at the
// moment. Package database/sql uses a connection from one goroutine at a time.
type cachingConn struct {
	sqliteConn
	idle map[string]sqliteStmt // by their text
}

// take returns a statement for the exclusive use of the caller.
func (c *cachingConn) take(ctx context.Context, query string) (sqliteStmt, error) {
	if stmt, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return stmt, nil
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	able, ok := stmt.(sqliteStmt)
	if !ok {
		return nil, errors.Join(errDriver, stmt.Close())
	}
	return able, nil
}

// give takes a statement back. One that failed is not used again.
func (c *cachingConn) give(query string, stmt sqliteStmt, err error) error {
	if _, twice := c.idle[query]; twice || err != nil {
		return stmt.Close()
	}
	for other, old := range c.idle {
		if len(c.idle) < maxStatements {
			break
		}
		delete(c.idle, other) // whichever
		if err := old.Close(); err != nil {
			return err
		}
	}
	c.idle[query] = stmt
	return nil
}

// script reports whether query may be several statements, which are run one
// after the other and not kept.
func script(query string) bool { return strings.Contains(query, ";") }

func (c *cachingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if script(query) {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	stmt, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := stmt.ExecContext(ctx, args)
	if closeErr := c.give(query, stmt, err); err == nil {
		err = closeErr
	}
	return result, err
}

func (c *cachingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if script(query) {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	stmt, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args)
	if err != nil {
		_ = stmt.Close()
		return nil, err
	}
	able, ok := rows.(sqliteRows)
	if !ok {
		return nil, errors.Join(errDriver, rows.Close(), stmt.Close())
	}
	return &cachingRows{sqliteRows: able, conn: c, stmt: stmt, query: query}, nil
}

func (c *cachingConn) Close() error {
	for _, stmt := range c.idle {
		_ = stmt.Close()
	}
	clear(c.idle)
	return c.sqliteConn.Close()
}

// cachingRows gives its statement back when it is closed.
type cachingRows struct {
	sqliteRows
	conn  *cachingConn
	stmt  sqliteStmt
	query string
}

func (r *cachingRows) Close() error {
	err := r.sqliteRows.Close()
	if closeErr := r.conn.give(r.query, r.stmt, err); err == nil {
		err = closeErr
	}
	return err
}
