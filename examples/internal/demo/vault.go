package demo

import (
	"context"
	"net/url"
	"path/filepath"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/keystore"
)

// openVault opens what seals the audit log's parts about people, or returns nil.
// The keys are in a file of their own, so that a backup of the log holds none.
func (s *Service) openVault(ctx context.Context) (*audit.Vault, error) {
	if len(s.parts.Personal) == 0 {
		return nil, nil
	}
	path, err := filepath.Abs(filepath.Join(s.Dir, "people.db"))
	if err != nil {
		return nil, err
	}
	keys, err := keystore.Open(ctx, (&url.URL{Scheme: "sqlite", Path: filepath.ToSlash(path)}).String())
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func(context.Context) error { return keys.Close() })
	var master *audit.LocalKey
	if s.parts.MasterKey != "" {
		master, err = audit.ParseLocalKey(s.parts.MasterKey)
	} else {
		master, err = audit.OpenLocalKey(filepath.Join(s.Dir, "master.key"))
	}
	if err != nil {
		return nil, err
	}
	return audit.NewVault(keys, master, &audit.VaultOptions{Personal: s.parts.Personal})
}
