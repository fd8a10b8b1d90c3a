package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm/csvcrm"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// register is a simulated POS extension.
type register struct {
	url      string
	sim      *shopifytest.Shop
	clientID string
}

func (r *register) do(ctx context.Context, method, path string, body, result any) error {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, content)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+shopifytest.SignSessionToken(r.sim.Secret(), shopifytest.SessionClaims{
		Shop: r.sim.Domain(), ClientID: r.clientID, Account: "71", Issued: time.Now(),
	}))
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		var problem struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(answer, &problem) // the status says enough
		return fmt.Errorf("%s: %s", resp.Status, problem.Error)
	}
	return json.Unmarshal(answer, result)
}

func (r *register) customer(ctx context.Context, id int64) (*desk.Customer, error) {
	var c desk.Customer
	err := r.do(ctx, http.MethodGet, fmt.Sprint("/pos/customers/", id), nil, &c)
	return &c, err
}

func (r *register) note(ctx context.Context, id int64, n desk.NewNote) error {
	return r.do(ctx, http.MethodPost, fmt.Sprint("/pos/customers/", id, "/notes"), n, new(desk.Note))
}

// crmState is what the CSV files say.
type crmState struct {
	contacts  map[string]map[string]string // by key, then by column
	purchases int
	digest    string // of the bytes of both files
}

// settled waits until nothing is on the way, and returns the CRM's state.
func (d *demonstration) settled(ctx context.Context) (*crmState, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := d.sim.WaitIdle(ctx); err != nil {
		return nil, err
	}
	if err := d.idle(ctx); err != nil {
		return nil, err
	}
	files, ok := d.sink.(*csvcrm.Sink)
	if !ok {
		return nil, errors.New("the CRM is not made of files")
	}
	if err := files.Flush(ctx); err != nil {
		return nil, err
	}
	return readState(d.crmDir())
}

func readState(dir string) (*crmState, error) {
	s := &crmState{contacts: map[string]map[string]string{}}
	sum := sha256.New()
	for _, name := range []string{csvcrm.Contacts, csvcrm.Purchases} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		_, _ = sum.Write(content) // never fails
		rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		if err != nil {
			return nil, err
		}
		if name == csvcrm.Purchases {
			s.purchases = len(rows) - 1
			continue
		}
		for _, row := range rows[1:] {
			cells := map[string]string{}
			for i, title := range rows[0] {
				cells[title] = row[i]
			}
			s.contacts[cells["key"]] = cells
		}
	}
	s.digest = hex.EncodeToString(sum.Sum(nil)[:6])
	return s, nil
}
