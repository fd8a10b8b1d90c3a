package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/compliance"
	"github.com/posai-go/posai/audit/export"
	"github.com/posai-go/posai/webhook"
)

// comply answers what a customer or the shop may ask for. Shopify registers these
// topics from the app's own settings, so they are not subscribed to.
func (s *service) comply() error {
	c, err := compliance.New(s.Log, s.export, nil)
	if err != nil {
		return err
	}
	return webhook.OnCompliance(s.Topics, c.Webhooks())
}

// export writes what the log has about a customer to a file, for whoever runs the
// service to hand on.
func (s *service) export(_ context.Context, ev webhook.Event[webhook.DataRequest], records iter.Seq2[audit.Record, error]) (err error) {
	dir := filepath.Join(s.Dir, "exports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "*.tmp") // for its owner alone
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(export.Unsealed(f, records), f.Close())
	if err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("data-request-%d.jsonl", ev.Payload.DataRequest.ID))
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	s.guard.logger.Warn("a customer asked for their data: send the file to the merchant, then remove it", "file", name, "shop", ev.Shop)
	return nil
}
