package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/sqlite"
)

// files holds the SQLite files that this process has open. It is process-wide
// because what it mirrors is: the lock on the file belongs to the process.
var files = struct {
	sync.Mutex
	open map[string]*file
}{open: make(map[string]*file)}

// file is one open SQLite file and the handles on it.
type file struct {
	core  *core
	db    *sql.DB
	reads *sql.DB
	lock  *os.File
	users int
}

// sqlitePath returns the path in what follows "sqlite:".
func sqlitePath(rest string) (string, bool) {
	rest, _, _ = strings.Cut(rest, "?")
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(after, "/") {
			return "", false // sqlite://host/path
		}
		rest = after
	}
	path, err := url.PathUnescape(rest)
	if err != nil || path == "" || strings.HasSuffix(path, "/") || strings.ContainsRune(path, 0) {
		return "", false
	}
	return filepath.FromSlash(path), true
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	path, err := canonical(path)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	files.Lock()
	defer files.Unlock()
	f := files.open[path]
	if f == nil {
		if f, err = openFile(ctx, path); err != nil {
			return nil, err
		}
		files.open[path] = f
	}
	f.users++
	return &DB{DB: f.db, Reads: f.reads, Dialect: SQLite, core: f.core, close: sync.OnceValue(func() error { return closeFile(path, f) })}, nil
}

// canonical gives one name to one file, whatever way leads to it.
func canonical(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

func openFile(ctx context.Context, path string) (_ *file, err error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	// SQLite gives its -wal and -shm files the mode of the database, so it is
	// enough to create that one ourselves.
	created, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	if err := created.Close(); err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	db := openConns(path, 1, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			busyTimeout,
			"journal_mode(WAL)",
			"synchronous(FULL)",
			"foreign_keys(1)",
			"secure_delete(1)",
		},
	})
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sqldb: open %s: %w", filepath.Base(path), err)
	}
	reads := openConns(path, maxReaders, url.Values{"_pragma": {busyTimeout, "query_only(1)"}})
	return &file{core: newCore(), db: db, reads: reads, lock: lock}, nil
}

const (
	// busyTimeout lets a connection wait for a backup program or sqlite3 shell
	// that holds the file.
	busyTimeout = "busy_timeout(10000)"

	maxReaders = 4
)

// openConns returns a pool of at most n connections, none of which is open yet.
func openConns(path string, n int, settings url.Values) *sql.DB {
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	db := sql.OpenDB(connector{&sqlite.Driver{}, dsn.String()})
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

func closeFile(path string, f *file) error {
	files.Lock()
	defer files.Unlock()
	if f.users--; f.users > 0 {
		return nil
	}
	delete(files.open, path)
	// The writer is the last: it puts the write-ahead log into the file.
	return errors.Join(f.reads.Close(), f.db.Close(), unlockFile(f.lock))
}

// ErrBusy reports that a reader was in the way of [DB.EmptyWAL].
var ErrBusy = errors.New("sqldb: somebody reads the write-ahead log, which still holds what was deleted")

// EmptyWAL moves SQLite's write-ahead log into the file, where zeros stand for what
// was deleted, and empties it. On PostgreSQL it does nothing. Where somebody reads for
// longer than 10 s it fails with [ErrBusy]: nothing else would empty the log for certain,
// so it is for the caller to try again.
func (db *DB) EmptyWAL(ctx context.Context) error {
	if db.Dialect != SQLite {
		return nil
	}
	var busy, pages, moved int
	if err := db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("sqldb: checkpoint: %w", err)
	}
	if busy != 0 {
		return ErrBusy
	}
	return nil
}

func newCore() *core {
	return &core{boot: rand.Text(), hooks: make(map[*sql.Tx][]func())}
}
