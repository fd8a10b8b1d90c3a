package audittest

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Tampering edits a file behind the back of whoever wrote it. Every edit starts
// from the file's original content.
type Tampering struct {
	t        testing.TB
	path     string
	original []byte
}

// Tamper begins to tamper with the file.
func Tamper(t testing.TB, path string) *Tampering {
	t.Helper()
	original, err := os.ReadFile(path)
	require.NoError(t, err)
	return &Tampering{t: t, path: path, original: original}
}

// Size returns the size of the original, in bytes.
func (f *Tampering) Size() int { return len(f.original) }

// Original returns a copy of the original content.
func (f *Tampering) Original() []byte { return bytes.Clone(f.original) }

// Restore writes the original content back.
func (f *Tampering) Restore() { f.write(f.original) }

// Flip inverts the bits of mask in the byte at offset.
func (f *Tampering) Flip(offset int, mask byte) {
	b := f.Original()
	b[offset] ^= mask
	f.write(b)
}

// Cut keeps the first n bytes.
func (f *Tampering) Cut(n int) { f.write(f.original[:n]) }

// Remove takes out the bytes from start up to, not including, end.
func (f *Tampering) Remove(start, end int) {
	f.write(append(f.Original()[:start], f.original[end:]...))
}

// Insert puts data in at offset.
func (f *Tampering) Insert(offset int, data []byte) {
	f.write(append(append(f.Original()[:offset], data...), f.original[offset:]...))
}

// Replace exchanges the whole content.
func (f *Tampering) Replace(data []byte) { f.write(data) }

func (f *Tampering) write(b []byte) {
	f.t.Helper()
	// In place, as a program that has the file open must see it too, and
	// without cutting it to nothing first, which some file systems take for a
	// reason to write to the disk at once.
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE, 0o600)
	require.NoError(f.t, err)
	_, err = file.WriteAt(b, 0)
	require.NoError(f.t, errors.Join(err, file.Truncate(int64(len(b))), file.Close()))
}
