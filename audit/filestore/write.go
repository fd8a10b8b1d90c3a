package filestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/audit/filestore/internal/disk"
)

// writeFile makes a durable file, whole or not at all.
func writeFile(files disk.FS, path string, content []byte) error {
	if err := placeFile(files, path, content); err != nil {
		return err
	}
	if err := files.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	return nil
}

// placeFile is writeFile for a file whose name the caller makes durable, by a sync
// of the directory.
func placeFile(files disk.FS, path string, content []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("filestore: %w", err)
		}
	}()
	f, err := files.OpenFile(path+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	if len(content) > 0 {
		_, err = f.WriteAt(content, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return files.Rename(path+".tmp", path)
}
