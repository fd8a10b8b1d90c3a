package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

const (
	maxResponse = 64 << 10 // bytes of a witness's answer
	maxProof    = 63       // hashes of a consistency proof, by the protocol
	sizeType    = "text/x.tlog.size"
)

// What a witness may answer, to be tested with errors.Is.
var (
	// ErrInconsistent: the witness says that the checkpoint does not continue
	// what it has cosigned before. Unless the witness is broken, somebody has
	// rewritten the log.
	ErrInconsistent = errors.New("witness: not consistent with what the witness has cosigned")

	// ErrAhead: the witness has cosigned a larger tree of the log than the one
	// that it was shown. Unless another process was quicker, the log was put
	// back to an earlier state.
	ErrAhead = errors.New("witness: the witness has cosigned a larger tree")

	// ErrRefused: the witness does not know the log or its key.
	ErrRefused = errors.New("witness: the witness does not know the log")

	// ErrUnreachable: the witness did not answer, or not as the protocol says.
	ErrUnreachable = errors.New("witness: no valid answer")
)

// SizeError says that the witness last cosigned a tree of another size than the
// client believed.
type SizeError struct {
	Size int64 // what the witness has cosigned last, in entries
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("witness: the witness has cosigned %d entries", e.Size)
}

// Client asks one witness for cosignatures (https://c2sp.org/tlog-witness). It
// is safe for concurrent use.
type Client struct {
	witness Witness
	http    *http.Client
}

// NewClient returns a client of the witness, which needs a verifier and a URL.
// If client is nil, one with a time-out of 10 s is used.
func NewClient(w Witness, client *http.Client) (*Client, error) {
	if w.Verifier == nil {
		return nil, fmt.Errorf("%w: missing", ErrKey)
	}
	u, err := prefix([]string{w.URL})
	if err != nil {
		return nil, fmt.Errorf("witness: %s: %w", w.Name, err)
	}
	w.URL = u
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	return &Client{witness: w, http: client}, nil
}

// AddCheckpoint shows the witness a signed checkpoint, together with the proof
// that it continues the tree of the size old that the witness has cosigned last
// (0 and no proof: none). It returns the witness's signature, verified.
//
// Where the witness has cosigned another size, the error is a [*SizeError].
// Otherwise it matches [ErrInconsistent], [ErrRefused] or [ErrUnreachable], or
// is that of ctx.
func (c *Client) AddCheckpoint(ctx context.Context, old int64, proof tlog.TreeProof, checkpoint []byte) (note.Signature, error) {
	if len(proof) > maxProof || len(checkpoint) > audit.MaxCosignedSize {
		return note.Signature{}, errors.New("witness: proof or checkpoint too large")
	}
	body := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		body = append(append(body, h.String()...), '\n')
	}
	body = append(append(body, '\n'), checkpoint...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.witness.URL+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return note.Signature{}, fmt.Errorf("witness: %w", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := c.http.Do(req)
	if err != nil {
		return note.Signature{}, unreachable(ctx, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return note.Signature{}, unreachable(ctx, err)
	}
	if len(answer) > maxResponse {
		return note.Signature{}, fmt.Errorf("%w: more than %d bytes", ErrUnreachable, maxResponse)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return c.signature(checkpoint, answer)
	case http.StatusConflict:
		return note.Signature{}, conflict(resp.Header.Get("Content-Type"), answer)
	case http.StatusUnprocessableEntity:
		return note.Signature{}, ErrInconsistent
	case http.StatusNotFound, http.StatusForbidden:
		return note.Signature{}, fmt.Errorf("%w: status %d", ErrRefused, resp.StatusCode)
	}
	return note.Signature{}, fmt.Errorf("%w: status %d", ErrUnreachable, resp.StatusCode)
}

func unreachable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// signature picks the witness's own signature from its answer.
func (c *Client) signature(checkpoint, answer []byte) (note.Signature, error) {
	text, _, ok := bytes.Cut(checkpoint, []byte("\n\n"))
	if !ok {
		return note.Signature{}, fmt.Errorf("%w: malformed note", audit.ErrCheckpoint)
	}
	// Signatures by other keys are none of our business, whatever they look like.
	v := c.witness.Verifier
	for line := range bytes.Lines(answer) {
		msg := append(append(append([]byte(nil), text...), "\n\n"...), line...)
		n, err := note.Open(msg, note.VerifierList(v))
		if err == nil {
			return n.Sigs[0], nil
		}
	}
	return note.Signature{}, fmt.Errorf("%w: no cosignature by the witness's key", ErrUnreachable)
}

// conflict reads an answer with status 409.
func conflict(contentType string, answer []byte) error {
	number := strings.TrimSuffix(string(answer), "\n")
	size, err := strconv.ParseInt(number, 10, 64)
	if contentType != sizeType && err != nil {
		return ErrInconsistent // the same size, but another root
	}
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != number {
		return fmt.Errorf("%w: malformed size", ErrUnreachable)
	}
	return &SizeError{Size: size}
}
