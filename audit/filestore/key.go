package filestore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// maxKey bounds the files of keys, in bytes.
const maxKey = 4096

// Signer implements [audit.Signing]: the Ed25519 key in the file key, or in
// [Options].KeyFile, which is made when a log that has no entries yet needs one.
func (s *Store) Signer() (note.Signer, error) {
	skey, err := s.readKey()
	if errors.Is(err, fs.ErrNotExist) {
		s.mu.RLock()
		empty := s.tree.Size == 0
		s.mu.RUnlock()
		if !empty {
			return nil, fmt.Errorf("filestore: a log with entries needs its own key or the caller's: %w", err)
		}
		skey, err = s.makeKey()
	}
	if err != nil {
		return nil, err
	}
	// The package's errors do not repeat the key.
	signer, err := note.NewSigner(strings.TrimSpace(string(skey)))
	if err != nil {
		return nil, fmt.Errorf("filestore: the key's file: %w", err)
	}
	return signer, nil
}

// keyPath returns where the private key is.
func (s *Store) keyPath() string {
	if s.opts.KeyFile != "" {
		return s.opts.KeyFile
	}
	return s.path(keyFile)
}

func (s *Store) readKey() ([]byte, error) {
	path := s.keyPath()
	other := archive{dir: filepath.Dir(path), disk: s.disk}
	return other.read(filepath.Base(path), maxKey)
}

func (s *Store) makeKey() ([]byte, error) {
	origin := s.opts.Origin
	if origin == "" {
		origin = "audit.local/" + strings.ToLower(rand.Text())
	}
	if len(origin) > 200 {
		return nil, errors.New("filestore: the origin is longer than 200 bytes")
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, fmt.Errorf("filestore: make key: %w", err)
	}
	if _, err := note.NewVerifier(vkey); err != nil {
		return nil, fmt.Errorf("filestore: origin: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(s.keyPath()), dirMode); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	// The public key first: where the private key is, its twin is too.
	if err := writeFile(s.disk, s.path(verifierFile), []byte(vkey+"\n")); err != nil {
		return nil, err
	}
	return []byte(skey + "\n"), writeFile(s.disk, s.keyPath(), []byte(skey+"\n"))
}
