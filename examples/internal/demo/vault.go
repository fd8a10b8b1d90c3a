package demo

import (
	"context"
	"errors"
	"flag"
	"net/url"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/keystore"
	"github.com/posai-go/posai/audit/sqlstore"
)

// auditDir is the folder of the audit log in that of the service.
const auditDir = "audit"

// logStore is what a service needs of the store of its audit log.
type logStore interface {
	audit.Store
	Verifiers() (note.Verifiers, error)
	Close() error
}

// openLog opens the audit log: in the folder of the service, or in PostgreSQL if the
// service is there, where all of its processes append to one log.
func (s *Service) openLog(ctx context.Context) error {
	vault, err := s.openVault(ctx)
	if err != nil {
		return err
	}
	store, err := s.openLogStore(ctx)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error { return store.Close() })
	s.Log, err = audit.Open(ctx, store, &audit.Options{Vault: vault})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error { return s.Log.Close() })
	s.keys, err = store.Verifiers() // made by now
	return err
}

func (s *Service) openLogStore(ctx context.Context) (logStore, error) {
	if s.cfg.shared() {
		return sqlstore.Open(ctx, s.cfg.Database, &sqlstore.Options{Log: s.cfg.Name})
	}
	return filestore.Open(filepath.Join(s.Dir, auditDir), nil)
}

// openVault opens what seals the audit log's parts about people, or returns nil.
// The keys are in a file of their own, so that a backup of the log holds none; or in
// PostgreSQL, where every process destroys the same ones.
func (s *Service) openVault(ctx context.Context) (*audit.Vault, error) {
	if len(s.parts.Personal) == 0 {
		return nil, nil
	}
	master, err := s.masterKey()
	if err != nil {
		return nil, err
	}
	database := s.cfg.Database
	if !s.cfg.shared() {
		path, err := filepath.Abs(filepath.Join(s.Dir, "people.db"))
		if err != nil {
			return nil, err
		}
		database = SQLiteURL(path)
	}
	keys, err := keystore.Open(ctx, database)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func(context.Context) error { return keys.Close() })
	return audit.NewVault(keys, master, &audit.VaultOptions{Personal: s.parts.Personal})
}

// MasterKeyFlag adds -master-key, for a service whose [Parts] have Personal.
func (c *Config) MasterKeyFlag(fs *flag.FlagSet) {
	fs.StringVar(&c.MasterKey, "master-key", "", "base64 `key` of 32 bytes that wraps the keys of people in the audit log; needed with PostgreSQL (default: the file master.key in -data, beside what it protects)")
}

func (s *Service) masterKey() (*audit.LocalKey, error) {
	switch {
	case s.cfg.MasterKey != "":
		return audit.ParseLocalKey(s.cfg.MasterKey)
	case s.cfg.shared(): // a file of each process's own would be another key for each
		return nil, errors.New("a database in PostgreSQL needs -master-key, the same for every process")
	}
	return audit.OpenLocalKey(filepath.Join(s.Dir, "master.key"))
}

// shared is whether several processes may be one service: on PostgreSQL.
func (c *Config) shared() bool {
	u, err := url.Parse(c.Database)
	return err == nil && strings.HasPrefix(u.Scheme, "postgres")
}
