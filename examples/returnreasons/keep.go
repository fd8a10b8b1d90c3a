package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/posai-go/posai/examples/returnreasons/weekly"
)

// lookAgain is how often the service looks whether a week has ended.
const lookAgain = time.Hour

// keep writes the summary of each week to a folder once the week is over, as
// "summary-2026-W47.html", until ctx ends. A file that is there stays as it is: it
// is what people read then. What fails is tried again an hour later.
func (r *reporter) keep(ctx context.Context, folder string, logger *slog.Logger) {
	for {
		if err := r.keepLast(ctx, folder); err != nil && ctx.Err() == nil {
			logger.Warn("the weekly summary could not be written", "error", err)
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return
		}
	}
}

func (r *reporter) keepLast(ctx context.Context, folder string) error {
	week := weekly.StartOfWeek(time.Now(), r.shop.zone).AddDate(0, 0, -7)
	file := filepath.Join(folder, "summary-"+weekly.WeekName(week)+".html")
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s, err := r.summary(ctx, week)
	if err != nil {
		return err
	}
	// Under another name first: who looks in between sees no half of it.
	f, err := os.CreateTemp(folder, "summary-*.part")
	if err != nil {
		return err
	}
	err = errors.Join(s.WriteHTML(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
