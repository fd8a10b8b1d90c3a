package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// receiptsDir is the folder with the receipts of what was carried out.
const receiptsDir = "receipts"

// WithProof returns the executor with one thing more that is done first: the
// receipt of what allowed the action, a person's decision or the policy's ruling,
// is kept in a file, and a metafield of the order points to it ([audit.Pointer]).
// place says which order, and the metafield's key in the app's own namespace.
func WithProof[A approval.Action, R any](s *Service, client *shopify.Client, place func(A) (order, key string), ex approval.Executor[A, R]) approval.Executor[A, R] {
	execute := ex.Execute
	ex.Execute = func(ctx context.Context, e approval.Execution, a A) (R, error) {
		order, key := place(a)
		if err := s.point(ctx, client, e.RequestID, order, key); err != nil {
			var none R
			return none, err
		}
		return execute(ctx, e, a)
	}
	return ex
}

// point writes the metafield. Writing it again changes nothing.
func (s *Service) point(ctx context.Context, client *shopify.Client, request, order, key string) error {
	p, err := s.prove(ctx, request)
	if err != nil {
		return err
	}
	value, err := json.Marshal(p)
	if err != nil {
		return approval.Permanent(err)
	}
	_, err = admin.MetafieldsSet(ctx, client, []admin.MetafieldsSetInput{{
		OwnerID: shopify.GID(order), Namespace: shopify.Some("$app"), Key: key, Type: shopify.Some("json"), Value: string(value),
	}})
	return Outcome(err)
}

// prove returns the pointer to what allowed the request. Its receipt is made once,
// so that the pointer stays the same.
func (s *Service) prove(ctx context.Context, request string) (audit.Pointer, error) {
	var allowed *audit.Record
	for r, err := range s.Queue.Trail(ctx, request) {
		if err != nil {
			return audit.Pointer{}, err
		}
		if r.Entry.Kind == audit.KindDecided || r.Entry.Kind == audit.KindRuled && (allowed == nil || allowed.Entry.Kind == audit.KindRuled) {
			allowed = &r
		}
	}
	if allowed == nil {
		return audit.Pointer{}, errors.New("nothing on record allows the request")
	}
	path := filepath.Join(s.Dir, receiptsDir, fmt.Sprintf("entry-%d.tlog-proof", allowed.Index))
	receipt, err := readReceipt(path)
	if errors.Is(err, fs.ErrNotExist) {
		if receipt, err = s.Log.Receipt(ctx, allowed.Index); err == nil {
			err = keepReceipt(path, receipt)
		}
	}
	if err != nil {
		return audit.Pointer{}, err
	}
	return receipt.Pointer(s.keys)
}

func readReceipt(path string) (*audit.Receipt, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r audit.Receipt
	return &r, r.UnmarshalText(text)
}

// keepReceipt writes the file, whole or not at all, whenever the process dies.
func keepReceipt(path string, r *audit.Receipt) error {
	text, err := r.MarshalText()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
