package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// Source is a log whose checkpoints are to be cosigned. [*audit.Log] is one.
type Source interface {
	// Checkpoint returns the latest signed checkpoint.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Consistency returns the proof that the tree of the newer size continues
	// that of the older size, 1 ≤ older ≤ newer.
	Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error)
}

// Options are the optional settings of a [Cosigner].
type Options struct {
	// HTTP is the client that talks to the witnesses. If nil, a new one.
	HTTP *http.Client

	// Timeout is the longest that a witness may take to answer. If zero, 10 s.
	Timeout time.Duration
}

// Cosigner collects the cosignatures of a policy's witnesses. It remembers what
// each has cosigned, so a long-lived one needs one request each. It is safe for
// concurrent use.
type Cosigner struct {
	policy  *Policy
	clients []*Client
	timeout time.Duration

	mu   sync.Mutex
	last map[string]int64 // size that a witness has cosigned last, by name
}

// NewCosigner returns a cosigner for the witnesses of the policy, of which each
// needs a URL. opts may be nil.
func NewCosigner(policy *Policy, opts *Options) (*Cosigner, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{}
	}
	c := &Cosigner{policy: policy, timeout: o.Timeout, last: map[string]int64{}}
	for _, w := range policy.Witnesses {
		client, err := NewClient(w, o.HTTP)
		if err != nil {
			return nil, err
		}
		c.clients = append(c.clients, client)
	}
	return c, nil
}

// Outcome is what came of asking one witness.
type Outcome struct {
	Cosignature
	Err error // nil where it has cosigned
}

// Cosigned is a checkpoint with the cosignatures that were collected for it.
type Cosigned struct {
	audit.Checkpoint
	Note     []byte    // the signed and cosigned checkpoint
	Outcomes []Outcome // one for each witness of the policy, in its order
}

// Cosign shows the log's latest checkpoint to all witnesses at the same time and
// waits for their answers. Where they are a quorum, the error is nil. Otherwise
// it matches [ErrQuorum] and, through errors.Is, whatever the witnesses answered
// ([ErrInconsistent] and [ErrAhead] are alarms); what was collected is returned
// all the same. After any other error the result is nil.
func (c *Cosigner) Cosign(ctx context.Context, log Source) (*Cosigned, error) {
	msg, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	checkpoint, err := audit.ParseCheckpoint(msg, c.policy.logs())
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(c.clients))
	signatures := make([]note.Signature, len(c.clients))
	var wg sync.WaitGroup
	for i, client := range c.clients {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, c.timeout)
			defer cancel()
			signatures[i], outcomes[i] = c.ask(ctx, client, log, checkpoint.Size, msg)
		})
	}
	wg.Wait()
	var alarms []error
	for i, o := range outcomes {
		if o.Err == nil {
			msg = addSignature(msg, signatures[i])
		} else {
			alarms = append(alarms, fmt.Errorf("%s: %w", o.Witness, o.Err))
		}
	}
	result := &Cosigned{Checkpoint: checkpoint, Note: msg, Outcomes: outcomes}
	if _, _, err := c.policy.Check(msg); err != nil {
		return result, errors.Join(append([]error{err}, alarms...)...)
	}
	return result, nil
}

// ask gets the cosignature of one witness. Its record of the log may be another
// than we remember: it then says so, and is asked once more.
func (c *Cosigner) ask(ctx context.Context, client *Client, log Source, size int64, msg []byte) (note.Signature, Outcome) {
	out := Outcome{Cosignature: Cosignature{Witness: client.witness.Name}}
	c.mu.Lock()
	old := min(c.last[out.Witness], size)
	c.mu.Unlock()
	const tries = 3 // another process of ours may be cosigning too
	for range tries {
		var proof tlog.TreeProof
		if old > 0 {
			if proof, out.Err = log.Consistency(ctx, old, size); out.Err != nil {
				return note.Signature{}, out
			}
		}
		var sig note.Signature
		sig, out.Err = client.AddCheckpoint(ctx, old, proof, msg)
		if out.Err == nil {
			c.remember(out.Witness, size)
			out.Time, out.Err = Time(sig)
			return sig, out
		}
		other, ok := errors.AsType[*SizeError](out.Err)
		if !ok {
			return note.Signature{}, out
		}
		c.remember(out.Witness, other.Size)
		if other.Size > size {
			out.Err = fmt.Errorf("%w: %d entries, the log shows %d", ErrAhead, other.Size, size)
			return note.Signature{}, out
		}
		if other.Size == old {
			out.Err = fmt.Errorf("%w: it refuses the size that it names", ErrUnreachable)
			return note.Signature{}, out
		}
		old = other.Size
	}
	return note.Signature{}, out
}

func (c *Cosigner) remember(witness string, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last[witness] = size
}

// addSignature puts a signature to the end of the note, in the place of an
// earlier one by the same key.
func addSignature(msg []byte, sig note.Signature) []byte {
	text, signatures, _ := bytes.Cut(msg, []byte("\n\n"))
	out := append(slices.Clone(text), "\n\n"...)
	head := fmt.Appendf(nil, "— %s ", sig.Name)
	for line := range bytes.Lines(signatures) {
		if rest, ok := bytes.CutPrefix(line, head); ok && sameKey(rest, sig.Base64) {
			continue
		}
		out = append(out, line...)
	}
	return fmt.Appendf(out, "— %s %s\n", sig.Name, sig.Base64)
}

// sameKey reports whether two signatures in base64 begin with the same key ID.
func sameKey(a []byte, b string) bool {
	const digits = 8 // six bytes, of which four are the key ID
	if len(a) < digits || len(b) < digits {
		return false
	}
	one, err1 := base64.StdEncoding.DecodeString(string(a[:digits]))
	two, err2 := base64.StdEncoding.DecodeString(b[:digits])
	return err1 == nil && err2 == nil && bytes.Equal(one[:idSize], two[:idSize])
}

// Run cosigns the log's checkpoints until ctx ends: at once, and then every
// interval in which the log has grown. It hands each result of [Cosigner.Cosign]
// to publish, together with the error, and ends where publish fails. It returns
// that error, or the context's.
func (c *Cosigner) Run(ctx context.Context, log Source, interval time.Duration, publish func(context.Context, *Cosigned, error) error) error {
	if interval <= 0 {
		return errors.New("witness: the interval must be positive")
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	done := int64(-1) // size of the last checkpoint with a quorum
	for {
		if grown, err := larger(ctx, log, done); err != nil || grown {
			var result *Cosigned
			if err == nil {
				result, err = c.Cosign(ctx, log)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err == nil {
				done = result.Size
			}
			if err := publish(ctx, result, err); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func larger(ctx context.Context, log Source, than int64) (bool, error) {
	msg, err := log.Checkpoint(ctx)
	if err != nil {
		return false, err
	}
	c, err := audit.UnverifiedCheckpoint(msg)
	return c.Size > than, err
}
