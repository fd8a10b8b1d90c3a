package approvaltest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/posai-go/posai/approval"
)

// promise is what callers were told of a request, and what must hold
// from then on, whatever dies.
type promise struct {
	Key     string
	ID      string         `json:",omitempty"` // Propose returned it
	Decided bool           `json:",omitempty"` // Decide said that it is decided
	End     approval.State `json:",omitempty"` // it was seen to have ended like this
}

// promises is the file that keeps them, one after the other. What is written
// there outlives the process.
type promises string

func (file promises) add(p promise) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return appendFile(string(file), append(data, '\n'))
}

// read returns what was promised, by key.
func (file promises) read() (map[string]promise, error) {
	data, err := os.ReadFile(string(file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	known := map[string]promise{}
	for line := range bytes.Lines(data) {
		var p promise
		if err := json.Unmarshal(line, &p); err != nil {
			return nil, err
		}
		was := known[p.Key]
		p.ID, p.Decided, p.End = cmp.Or(was.ID, p.ID), was.Decided || p.Decided, cmp.Or(was.End, p.End)
		known[p.Key] = p
	}
	return known, nil
}

func appendFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
