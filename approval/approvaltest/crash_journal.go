package approvaltest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
)

// journal is a store of an audit log that outlives its process, though not the
// machine: a file of batches, one JSON text per line, read whole when opened.
type journal struct {
	*audittest.Memory

	file string
	keys journalKeys
}

// journalKeys are a key pair in the form of [note.GenerateKey].
type journalKeys struct{ Signer, Verifier string }

// openJournal opens or creates the journal in a folder.
func openJournal(ctx context.Context, t testing.TB, dir string) (audit.Store, error) {
	t.Helper()
	j := &journal{file: filepath.Join(dir, "batches"), Memory: audittest.NewMemory(t)}
	if err := j.loadKeys(filepath.Join(dir, "keys")); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(j.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	if len(whole) < len(data) { // its writer died in the middle
		if err := os.Truncate(j.file, int64(len(whole))); err != nil {
			return nil, err
		}
	}
	for line := range bytes.Lines(whole) {
		var b audit.Batch
		if err := json.Unmarshal(line, &b); err != nil {
			return nil, fmt.Errorf("approvaltest: a batch of the audit log cannot be read: %w", err)
		}
		if err := j.Memory.Append(ctx, b); err != nil {
			return nil, err
		}
	}
	return j, nil
}

func (j *journal) loadKeys(file string) error {
	data, err := os.ReadFile(file)
	if err == nil {
		return json.Unmarshal(data, &j.keys)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if j.keys.Signer, j.keys.Verifier, err = note.GenerateKey(rand.Reader, "example.com/crash"); err != nil {
		return err
	}
	if data, err = json.Marshal(j.keys); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// Signer implements [audit.Signing].
func (j *journal) Signer() (note.Signer, error) { return note.NewSigner(j.keys.Signer) }

// Verifiers implements [audit.Keyed].
func (j *journal) Verifiers() (note.Verifiers, error) {
	v, err := note.NewVerifier(j.keys.Verifier)
	return note.VerifierList(v), err
}

// Append implements [audit.Store].
func (j *journal) Append(ctx context.Context, b audit.Batch) error {
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := appendFile(j.file, append(data, '\n')); err != nil {
		return err
	}
	return j.Memory.Append(ctx, b)
}
