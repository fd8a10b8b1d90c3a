package mail

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
)

// asked is who was asked about a request, by person. Each request has a document
// of its own.
type asked map[string]note

// note is what is remembered of one person: that a mail about a revision is
// being sent, or was. What is not confirmed when its time is over was not sent:
// its sender died.
type note struct {
	Revision int       `json:"revision"`
	Sent     bool      `json:"sent,omitzero"`
	Token    string    `json:"token,omitzero"` // of whoever is sending
	Until    time.Time `json:"until,omitzero"` // by the store's clock
}

const documents = "mail/asked/"

// change applies fn to what is remembered of a request. fn says whether to write.
func (a *Asker) change(ctx context.Context, request string, fn func(asked) bool) error {
	for {
		doc, err := a.store.Document(ctx, documents+request)
		if err != nil {
			return err
		}
		all := asked{}
		if doc.Version > 0 {
			if err := json.Unmarshal(doc.Data, &all); err != nil {
				return errors.New("mail: what is remembered cannot be read")
			}
		}
		if !fn(all) {
			return nil
		}
		data, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("mail: %w", err)
		}
		_, err = a.store.SetDocument(ctx, approval.Document{Name: doc.Name, Version: doc.Version, Data: data})
		if !errors.Is(err, approval.ErrConflict) {
			return err
		}
	}
}

// claim is what became of the wish to ask somebody.
type claim struct {
	mine  bool
	token string
	sent  bool          // it was done before
	left  time.Duration // how long somebody else may still be at it
}

// claim notes that a person is being asked, unless somebody is at it or has
// done it.
func (a *Asker) claim(ctx context.Context, r *approval.Request, person string) (c claim, err error) {
	now, err := a.store.Now(ctx)
	if err != nil {
		return claim{}, err
	}
	token, life := rand.Text(), 2*a.opts.SendTimeout
	err = a.change(ctx, r.ID, func(all asked) bool {
		c = claim{token: token}
		if n, ok := all[person]; ok && n.Revision == r.Revision {
			c.sent, c.left = n.Sent, n.Until.Sub(now)
			if c.sent || c.left > 0 {
				return false
			}
		}
		c.mine = true
		all[person] = note{Revision: r.Revision, Token: token, Until: now.Add(life)}
		return true
	})
	if err != nil {
		return claim{}, err
	}
	return c, nil
}

// confirm notes that the mail was sent.
func (a *Asker) confirm(ctx context.Context, r *approval.Request, person, token string) error {
	return a.change(ctx, r.ID, func(all asked) bool {
		if all[person].Token != token {
			return false // somebody took over, and will say so
		}
		all[person] = note{Revision: r.Revision, Sent: true}
		return true
	})
}

func (a *Asker) unclaim(ctx context.Context, r *approval.Request, person, token string) error {
	return a.change(ctx, r.ID, func(all asked) bool {
		if all[person].Token != token {
			return false
		}
		delete(all, person)
		return true
	})
}

// drop drops what is remembered of one request.
func (a *Asker) drop(ctx context.Context, request string) error {
	doc, err := a.store.Document(ctx, documents+request)
	if err != nil || doc.Version == 0 {
		return err
	}
	if err := a.store.DropDocument(ctx, doc.Name, doc.Version); !errors.Is(err, approval.ErrConflict) {
		return err
	}
	return nil // the next look at everything drops it
}

// forget drops what is remembered of requests that do not wait any more.
func (a *Asker) forget(ctx context.Context, waiting map[string]bool) error {
	const page = 200
	for after := ""; ; {
		docs, err := a.store.Documents(ctx, documents, after, page)
		if err != nil {
			return err
		}
		for _, d := range docs {
			after = d.Name
			id := strings.TrimPrefix(d.Name, documents)
			if waiting[id] {
				continue
			}
			// Another process may have asked about one that came since.
			r, err := a.queue.Get(ctx, id)
			if err != nil && !errors.Is(err, approval.ErrNotFound) {
				return err
			}
			if err == nil && r.State == approval.Pending {
				continue
			}
			if err := a.store.DropDocument(ctx, d.Name, d.Version); err != nil && !errors.Is(err, approval.ErrConflict) {
				return err
			}
		}
		if len(docs) < page {
			return nil
		}
	}
}
