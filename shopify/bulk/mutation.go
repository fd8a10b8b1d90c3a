package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
)

// MutationOptions are the optional settings of [Mutate]. Zero fields are the
// defaults.
type MutationOptions struct {
	// ClientIdentifier is a name of your own for the operation, of at least
	// ten characters. If empty, there is none.
	ClientIdentifier string
	// NoWait fails with [ErrBusy] where as many operations run as the shop
	// allows, instead of waiting for one to end.
	NoWait bool
}

// MaxUpload is how long the variables of a bulk mutation may be, in bytes of
// JSONL.
// Source: https://shopify.dev/docs/api/usage/bulk-operations/imports
const MaxUpload = 100 << 20

// Mutate runs a mutation once for each of the variables that rows yields,
// structs or maps as the mutation's variables are in JSON:
//
//	op, err := bulk.Mutate(ctx, runner, `mutation($input: ProductInput!) {
//		productUpdate(input: $input) { product { id } userErrors { field message } }
//	}`, rows, nil)
//
// It writes them as JSONL to a temporary file, or to memory if they are few,
// uploads that, and starts the operation, waiting for room as [Runner.Query]
// does. An error that rows yields ends it before anything has been sent. More
// than [MaxUpload] bytes match [ErrTooLarge]: split the rows.
//
// Shopify runs the rows in no promised order and each on its own: see [Results]
// for what came of them. A mutation that demands an idempotency key takes it
// from a variable, so that each row has its own. After an error that matches
// [shopify.ErrOutcomeUnknown] the operation may have been started, which
// [admin.RecentBulkOperations] tells.
func Mutate[V any](ctx context.Context, r *Runner, mutation string, rows iter.Seq2[V, error], opts *MutationOptions) (*Operation, error) {
	var o MutationOptions
	if opts != nil {
		o = *opts
	}
	file := spool{dir: r.opts.Dir, memory: r.opts.Memory}
	defer file.close()
	enc := json.NewEncoder(&file)
	enc.SetEscapeHTML(false)
	n := int64(0)
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("bulk: %w", context.Cause(ctx))
		}
		if err := enc.Encode(row); err != nil {
			return nil, fmt.Errorf("bulk: row %d: %w", n, err)
		}
		if file.size > MaxUpload {
			return nil, fmt.Errorf("bulk: %w: with row %d the upload has more than %d bytes", ErrTooLarge, n, MaxUpload)
		}
		n++
	}
	if n == 0 {
		return nil, fmt.Errorf("bulk: %w: no rows", shopify.ErrInvalid)
	}
	key, err := r.upload(ctx, &file)
	if err != nil {
		return nil, err
	}
	s := start{kind: admin.BulkOperationTypeMutation, noWait: o.NoWait}
	text := s.mark(mutation, maxQuery)
	identifier := shopify.Optional[string]{}
	if o.ClientIdentifier != "" {
		identifier = shopify.Some(o.ClientIdentifier)
	}
	id, err := r.start(ctx, s, func(ctx context.Context) (*admin.BulkOperation, error) {
		resp, err := admin.BulkOperationRunMutation(ctx, r.client, text, key, identifier)
		if resp == nil || resp.BulkOperationRunMutation == nil {
			return nil, err
		}
		return resp.BulkOperationRunMutation.BulkOperation, err
	})
	if err != nil {
		return nil, err
	}
	return &Operation{runner: r, id: id, rows: n}, nil
}

// spool collects an upload, in memory at first.
type spool struct {
	dir    string
	memory int
	buf    bytes.Buffer
	spill  *spill
	size   int64
}

func (s *spool) Write(b []byte) (int, error) {
	s.size += int64(len(b))
	_, _ = s.buf.Write(b) // never fails
	if s.buf.Len() < s.memory {
		return len(b), nil
	}
	if s.spill == nil {
		s.spill = &spill{dir: s.dir}
	}
	_, _, err := s.spill.write(s.buf.Bytes())
	s.buf.Reset()
	return len(b), err
}

// reader reads what was written, from its start.
func (s *spool) reader() io.Reader {
	if s.spill == nil {
		return bytes.NewReader(s.buf.Bytes())
	}
	return io.MultiReader(io.NewSectionReader(s.spill.file, 0, s.spill.size), bytes.NewReader(s.buf.Bytes()))
}

func (s *spool) close() {
	if s.spill != nil {
		_ = s.spill.close() // the operation does not depend on it any more
	}
}

// mimeType of JSONL, as Shopify names it.
const mimeType = "text/jsonl"

// upload sends a file to where Shopify wants it and returns its path there.
func (r *Runner) upload(ctx context.Context, file *spool) (key string, err error) {
	resp, err := admin.StagedUploadsCreate(ctx, r.client, []admin.StagedUploadInput{{
		Filename: "variables.jsonl", MimeType: mimeType, Resource: admin.StagedUploadTargetGenerateUploadResourceBulkMutationVariables,
		HttpMethod: shopify.Some(admin.StagedUploadHttpMethodTypePost), FileSize: shopify.Some(shopify.Uint64(file.size)),
	}})
	if err != nil {
		return "", err
	}
	if resp.StagedUploadsCreate == nil || len(resp.StagedUploadsCreate.StagedTargets) != 1 {
		return "", errors.New("bulk: Shopify answered without a place to upload to")
	}
	target := resp.StagedUploadsCreate.StagedTargets[0]
	for _, p := range target.Parameters {
		if p.Name == "key" {
			key = p.Value
		}
	}
	if key == "" {
		return "", errors.New("bulk: Shopify answered without the key of the upload")
	}
	if err := r.trusted(target.URL); err != nil {
		return "", err
	}
	for attempt := range maxAttempts {
		if attempt > 0 {
			if err := pause(ctx, r.backoff(attempt-1), nil); err != nil {
				return "", fmt.Errorf("bulk: upload: %w", err)
			}
		}
		if err = r.post(ctx, target, file); err == nil {
			return key, nil
		}
		// The same file at the same key: sending it again changes nothing.
		if se, ok := errors.AsType[*StorageError](err); ok && se.Status < 500 && se.Status != http.StatusTooManyRequests && se.Status != http.StatusRequestTimeout {
			return "", se
		}
	}
	return "", err
}

// post sends the form: the parameters in their order, then the file, which has
// to be last. Storage hosts want to know the length beforehand.
func (r *Runner) post(ctx context.Context, target admin.StagedTarget, file *spool) error {
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	for _, p := range target.Parameters {
		if err := form.WriteField(p.Name, p.Value); err != nil {
			return err
		}
	}
	if _, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="variables.jsonl"`}, "Content-Type": {mimeType},
	}); err != nil {
		return err
	}
	tail := "\r\n--" + form.Boundary() + "--\r\n"
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(r.opts.StallTimeout, func() { cancel(errStalled) })
	defer stall.Stop()
	body := io.MultiReader(&head, &ticking{r: file.reader(), tick: func() { stall.Reset(r.opts.StallTimeout) }}, bytes.NewReader([]byte(tail)))
	length := int64(head.Len()) + file.size + int64(len(tail))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, body)
	if err != nil {
		return fmt.Errorf("bulk: upload: %w", withoutURL(err))
	}
	req.ContentLength = length
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := r.http.Do(req)
	if err != nil {
		return fmt.Errorf("bulk: upload: %w: %w", ErrStorage, withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return storageError(resp)
	}
	return nil
}

// ticking tells of each read.
type ticking struct {
	r    io.Reader
	tick func()
}

func (t *ticking) Read(b []byte) (int, error) {
	t.tick()
	return t.r.Read(b)
}
