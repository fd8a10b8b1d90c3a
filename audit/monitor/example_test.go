package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/filestore"
	"github.com/posai-go/posai/audit/monitor"
)

// A log is put back to an earlier state, with its key and all. Whoever has kept a
// checkpoint notices.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	now, yesterday := filepath.Join(dir, "log"), filepath.Join(dir, "backup")

	grow := func(entries ...int) error {
		store, err := filestore.Open(now, &filestore.Options{Origin: "example.com/audit"})
		if err != nil {
			return err
		}
		defer store.Close()
		log, err := audit.Open(ctx, store, nil)
		if err != nil {
			return err
		}
		defer log.Close()
		for _, i := range entries {
			if _, err := log.Append(ctx, audittest.Entry(i)); err != nil {
				return err
			}
		}
		return nil
	}
	check := func(place string) error {
		r, err := filestore.OpenReader(place)
		if err != nil {
			return err
		}
		defer r.Close()
		known, err := r.Verifiers() // better: the key that you were given
		if err != nil {
			return err
		}
		log, err := audit.OpenReader(ctx, r, nil)
		if err != nil {
			return err
		}
		seen, err := monitor.New(known, monitor.File(filepath.Join(dir, "remembered"))).Check(ctx, log)
		if err == nil {
			fmt.Printf("%d entries, %d remembered\n", seen.Size, seen.Before)
		}
		return err
	}

	err = errors.Join(grow(0, 1, 2), os.CopyFS(yesterday, os.DirFS(now)), grow(3, 4), check(now))
	fmt.Println(err)
	err = check(yesterday)
	fmt.Println(errors.Is(err, monitor.ErrRollback))
	// Output:
	// 5 entries, 0 remembered
	// <nil>
	// true
}
