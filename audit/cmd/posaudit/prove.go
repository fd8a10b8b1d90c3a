package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/witness"
)

func checkpoint(ctx context.Context, c *cmd) error {
	r, log, done, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer done()
	msg, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	var failed error
	if c.cosign != "" {
		cosigner, err := c.cosigner(c.cosign, r)
		if err != nil {
			return err
		}
		cosigned, err := cosigner.Cosign(ctx, log)
		if cosigned == nil {
			return err
		}
		msg, failed = cosigned.Note, err // what was collected is of use all the same
	}
	if c.json {
		parsed, err := audit.UnverifiedCheckpoint(msg) // openLog has verified it
		if err != nil {
			return err
		}
		return errors.Join(printJSON(c.stdout, struct {
			audit.Checkpoint
			Note string `json:"note"`
		}{parsed, string(msg)}), failed)
	}
	_, err = c.stdout.Write(msg)
	return errors.Join(err, failed)
}

func (c *cmd) cosigner(policyFile string, own reader) (*witness.Cosigner, error) {
	policy, err := c.readPolicy(policyFile, own)
	if err != nil {
		return nil, err
	}
	return witness.NewCosigner(policy, nil)
}

func key(ctx context.Context, c *cmd) error {
	r, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	vkey, err := r.VerifierKey()
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(c.stdout, map[string]string{"key": vkey})
	}
	_, err = fmt.Fprintln(c.stdout, vkey)
	return err
}

func prove(ctx context.Context, c *cmd) error {
	if (len(c.args) == 2) == (c.dir != "") {
		return usageError{errors.New("prove takes either an entry or -dir")}
	}
	if len(c.checkpoints) > 1 {
		return usageError{errors.New("prove takes one -checkpoint")}
	}
	_, log, done, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer done()
	// All receipts are against one checkpoint.
	var msg []byte
	if len(c.checkpoints) == 1 {
		msg, err = readFile(c.checkpoints[0])
	} else {
		msg, err = log.Checkpoint(ctx)
	}
	if err != nil {
		return err
	}
	if c.dir != "" {
		return c.proveAll(ctx, log, msg)
	}
	record, err := find(ctx, log, c.args[1])
	if err != nil {
		return err
	}
	receipt, err := log.ReceiptFor(ctx, record.Index, msg)
	if err != nil {
		return err
	}
	text, err := receipt.MarshalText()
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(c.stdout, struct {
			Index   int64  `json:"index"`
			Digest  string `json:"digest"`
			Receipt string `json:"receipt"`
		}{record.Index, receipt.Digest(), string(text)})
	}
	_, err = c.stdout.Write(text)
	return err
}

// find returns the entry with the ID, or else with the index, that text is.
func find(ctx context.Context, log *audit.Log, text string) (audit.Record, error) {
	record, err := log.Get(ctx, text)
	if !errors.Is(err, audit.ErrNotFound) {
		return record, err
	}
	index, notIndex := strconv.ParseInt(text, 10, 64)
	if notIndex != nil {
		return record, err
	}
	return log.At(ctx, index)
}

// proveAll writes a receipt for each selected entry.
func (c *cmd) proveAll(ctx context.Context, log *audit.Log, msg []byte) error {
	covered, err := audit.UnverifiedCheckpoint(msg) // ReceiptFor verifies it
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil { //nolint:gosec // receipts are for others to read
		return err
	}
	query := c.query
	query.Before = covered.Size
	written := 0
	progress := c.bar("prove")
	defer progress.end()
	for r, err := range log.Trail(ctx, query) {
		if err != nil {
			return err
		}
		receipt, err := log.ReceiptFor(ctx, r.Index, msg)
		if err != nil {
			return err
		}
		text, err := receipt.MarshalText()
		if err != nil {
			return err
		}
		name := filepath.Join(c.dir, strconv.FormatInt(r.Index, 10)+".tlog-proof")
		if err := writeFile(name, text); err != nil {
			return err
		}
		written++
		progress.at(r.Index+1, covered.Size)
	}
	if c.json {
		return printJSON(c.stdout, struct {
			Receipts   int              `json:"receipts"`
			Checkpoint audit.Checkpoint `json:"checkpoint"`
		}{written, covered})
	}
	_, err = fmt.Fprintf(c.stdout, "%d receipts in %s, against the checkpoint over %d entries\n", written, c.dir, covered.Size)
	return err
}

// proof is the result of checking one receipt.
type proof struct {
	File       string               `json:"file"`
	Valid      bool                 `json:"valid"`
	Problem    string               `json:"problem,omitempty"`
	Digest     string               `json:"digest,omitempty"`
	Record     json.RawMessage      `json:"record,omitempty"`
	Checkpoint *audit.Checkpoint    `json:"checkpoint,omitempty"`
	Witnesses  []witnessCosignature `json:"witnesses,omitempty"`
}

type witnessCosignature = witness.Cosignature

func proveVerify(_ context.Context, c *cmd) error {
	verifiers, err := c.verifiers()
	if err != nil {
		return err
	}
	var policy *witness.Policy
	if c.policy != "" {
		if policy, err = c.readPolicy(c.policy, nil); err != nil {
			return err
		}
		if verifiers == nil {
			verifiers = policy.Verifiers()
		}
	}
	if verifiers == nil {
		return usageError{errors.New("prove-verify needs -key or -policy: a receipt cannot vouch for itself")}
	}
	var accept func([]byte) error
	if policy != nil {
		accept = func(msg []byte) error {
			_, _, err := policy.Check(msg)
			return err
		}
	}
	v := audit.NewReceiptVerifier(verifiers, accept)
	var proofs []proof
	var failed error
	for _, name := range c.args {
		p, record, err := c.check(v, policy, name)
		if err != nil {
			p.Problem = err.Error()
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
		}
		proofs = append(proofs, p)
		if err != nil || c.json {
			continue
		}
		fmt.Fprintf(c.stdout, "%sproven: entry %d of the %d that %s signed\n", audit.Format(record), record.Index, p.Checkpoint.Size, p.Checkpoint.Origin)
		for _, w := range p.Witnesses {
			fmt.Fprintf(c.stdout, "witness: %s, %s\n", w.Witness, w.Time.Format("2006-01-02 15:04:05Z"))
		}
	}
	if c.json {
		var out any = proofs
		if len(proofs) == 1 {
			out = proofs[0]
		}
		return errors.Join(printJSONLine(c.stdout, out), failed) // as entries keep their form
	}
	return failed
}

func (c *cmd) check(v *audit.ReceiptVerifier, policy *witness.Policy, name string) (proof, audit.Record, error) {
	p := proof{File: name}
	text, err := readFile(name)
	if err != nil {
		return p, audit.Record{}, err
	}
	var receipt audit.Receipt
	if err := receipt.UnmarshalText(text); err != nil {
		return p, audit.Record{}, fmt.Errorf("%w: %w", audit.ErrCorrupt, err)
	}
	record, checkpoint, err := v.Verify(&receipt)
	if err != nil {
		return p, audit.Record{}, err
	}
	p.Valid, p.Digest, p.Checkpoint = true, receipt.Digest(), &checkpoint
	if p.Record, err = json.Marshal(record); err != nil {
		return p, audit.Record{}, err
	}
	if policy != nil {
		_, p.Witnesses, err = policy.Check(receipt.Checkpoint)
	}
	return p, record, err
}
