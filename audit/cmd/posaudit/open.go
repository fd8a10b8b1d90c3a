package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/keystore"
	"github.com/posai-go/posai/audit/sqlstore"
	"github.com/posai-go/posai/audit/tiles"
	"github.com/posai-go/posai/audit/witness"
)

// masterVariable holds the master key where no file is named.
const masterVariable = "POSAUDIT_MASTER_KEY"

// reader is a log's place, opened for reading.
type reader interface {
	audit.Searcher
	audit.Keyed
	io.Closer
	VerifierKey() (string, error)
}

func isURL(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

func (c *cmd) openReader(ctx context.Context) (reader, error) {
	place := c.args[0]
	switch {
	case isURL(place):
		return sqlstore.Open(ctx, place, &sqlstore.Options{Log: c.log, ReadOnly: true})
	case strings.HasPrefix(place, "https://"), strings.HasPrefix(place, "http://"):
		return c.openPublished(place)
	case c.log != "":
		return nil, usageError{errors.New("-log is for a database")}
	}
	return filestore.OpenReader(place)
}

// published is a log that is published as tiles.
type published struct{ *tiles.Reader }

func (published) Close() error { return nil }

func (published) VerifierKey() (string, error) {
	return "", errors.New("a published log does not tell its own key")
}

func (c *cmd) openPublished(prefix string) (reader, error) {
	verifiers, err := c.verifiers()
	if err != nil {
		return nil, err
	}
	if verifiers == nil {
		return nil, usageError{errors.New("-key is missing: a published log cannot vouch for itself")}
	}
	r, err := tiles.NewReader(tiles.HTTP(prefix, nil), verifiers)
	return published{r}, err
}

// openLog opens the log for reading. The caller calls done.
func (c *cmd) openLog(ctx context.Context) (r reader, log *audit.Log, done func(), err error) {
	verifiers, err := c.verifiers()
	if err != nil {
		return nil, nil, nil, err
	}
	vault, closeVault, err := c.vault(ctx, false)
	if err != nil {
		return nil, nil, nil, err
	}
	if r, err = c.openReader(ctx); err != nil {
		closeVault()
		return nil, nil, nil, err
	}
	done = func() {
		_ = r.Close() // nothing was written
		closeVault()
	}
	log, err = audit.OpenReader(ctx, r, &audit.Options{Verifiers: verifiers, Vault: vault})
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	return r, log, done, nil
}

// openWriter opens the log to append to it. The caller calls done and heeds its
// error.
func (c *cmd) openWriter(ctx context.Context) (log *audit.Log, done func() error, err error) {
	vault, closeVault, err := c.vault(ctx, true)
	if err != nil {
		return nil, nil, err
	}
	var store interface {
		audit.Store
		io.Closer
	}
	if place := c.args[0]; isURL(place) {
		store, err = sqlstore.Open(ctx, place, &sqlstore.Options{Log: c.log})
	} else if _, err = os.Stat(place); err == nil { // it must not make one
		store, err = filestore.Open(place, nil)
	}
	if err != nil {
		closeVault()
		return nil, nil, err
	}
	log, err = audit.Open(ctx, store, &audit.Options{Vault: vault})
	if err != nil {
		closeVault()
		return nil, nil, errors.Join(err, store.Close())
	}
	return log, func() error {
		defer closeVault()
		return errors.Join(log.Close(), store.Close())
	}, nil
}

// vault opens the key store, if one is named. Where it is required and none is
// named, that is a wrong command line.
func (c *cmd) vault(ctx context.Context, required bool) (vault *audit.Vault, done func(), err error) {
	done = func() {}
	if c.keys == "" {
		if required || c.master != "" {
			return nil, done, usageError{errors.New("-keys is missing")}
		}
		return nil, done, nil
	}
	var master *audit.LocalKey
	switch env := os.Getenv(masterVariable); {
	case c.master != "":
		if _, err = os.Stat(c.master); err == nil { // OpenLocalKey would make one
			master, err = audit.OpenLocalKey(c.master)
		}
	case env != "":
		master, err = audit.ParseLocalKey(env)
	default:
		err = usageError{fmt.Errorf("neither -master nor %s is set", masterVariable)}
	}
	if err != nil {
		return nil, done, err
	}
	keys, err := keystore.Open(ctx, c.keys)
	if err != nil {
		return nil, done, err
	}
	done = func() { _ = keys.Close() }
	vault, err = audit.NewVault(keys, master, nil)
	if err != nil {
		done()
		return nil, func() {}, err
	}
	return vault, done, nil
}

// verifiers returns the key that was given, or nil.
func (c *cmd) verifiers() (note.Verifiers, error) {
	v, err := c.verifier()
	if v == nil || err != nil {
		return nil, err
	}
	return note.VerifierList(v), nil
}

func (c *cmd) verifier() (note.Verifier, error) {
	if c.key == "" {
		return nil, nil
	}
	vkey := c.key
	if !strings.Contains(vkey, "+") {
		b, err := readFile(vkey)
		if err != nil {
			return nil, err
		}
		vkey = strings.TrimSpace(string(b))
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, usageError{fmt.Errorf("-key: %w", err)}
	}
	return verifier, nil
}

// readPolicy reads a policy file. A key that was given, or else the log's own, is
// a log of it where the file names none.
func (c *cmd) readPolicy(name string, own reader) (*witness.Policy, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, err
	}
	policy, err := witness.ParsePolicy(text)
	if err != nil {
		return nil, err
	}
	if len(policy.Logs) > 0 {
		return policy, nil
	}
	v, err := c.verifier()
	if err == nil && v == nil && own != nil {
		var vkey string
		if vkey, err = own.VerifierKey(); err == nil {
			v, err = note.NewVerifier(vkey)
		}
	}
	if err == nil && v == nil {
		err = usageError{errors.New("the policy names no log, and there is no -key")}
	}
	if err != nil {
		return nil, err
	}
	policy.Logs = []witness.Log{{Verifier: v}}
	return policy, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s: larger than %d bytes", name, maxFile)
	}
	return b, err
}

// writeFile puts a file in place whole, or not at all.
func writeFile(name string, content []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = cmp.Or(err, f.Chmod(0o644), f.Sync()); err != nil { //nolint:gosec // a checkpoint is public
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err = f.Close(); err == nil {
		err = os.Rename(f.Name(), name)
	}
	return err
}
