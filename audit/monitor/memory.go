package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/audit"
)

// errChanged means that another monitor has used the same memory.
var errChanged = errors.New("monitor: the remembered checkpoint has changed meanwhile")

// File is a [Memory] in the file with that name, which it replaces whole, so that
// a crash leaves the old checkpoint or the new one. One monitor at a time uses it.
func File(name string) Memory { return file(name) }

type file string

func (f file) Load(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in, err := os.Open(filepath.Clean(string(f)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	defer in.Close()
	msg, err := io.ReadAll(io.LimitReader(in, audit.MaxCosignedSize+1))
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	if len(msg) == 0 {
		// Nothing that File has written: whoever emptied it would have us trust
		// whatever comes next.
		return nil, fmt.Errorf("%w: the file %s is empty", audit.ErrCheckpoint, filepath.Base(string(f)))
	}
	return msg, nil
}

func (f file) Save(ctx context.Context, last, next []byte) (err error) {
	now, err := f.Load(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, last) {
		return errChanged
	}
	dir := filepath.Dir(string(f))
	out, err := os.CreateTemp(dir, filepath.Base(string(f))+".*.tmp")
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("monitor: %w", errors.Join(err, os.Remove(out.Name())))
		}
	}()
	_, err = out.Write(next)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err = os.Rename(out.Name(), string(f)); err != nil {
		return err
	}
	// Best effort: not every system can sync a directory, and an older
	// checkpoint is a weaker memory, not a wrong one.
	if d, err := os.Open(filepath.Clean(dir)); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}
