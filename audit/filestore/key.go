package filestore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Signer implements [audit.Signing]: the Ed25519 key in the file key, which is
// made when a log that has no entries yet needs one.
func (s *Store) Signer() (note.Signer, error) {
	skey, err := s.readSmall(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		s.mu.RLock()
		empty := len(s.spans) == 0
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
		return nil, fmt.Errorf("filestore: file %s: %w", keyFile, err)
	}
	return signer, nil
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
	// The public key first: where the private key is, its twin is too.
	if err := s.writeFile(s.dir, verifierFile, []byte(vkey+"\n")); err != nil {
		return nil, err
	}
	return []byte(skey + "\n"), s.writeFile(s.dir, keyFile, []byte(skey+"\n"))
}
