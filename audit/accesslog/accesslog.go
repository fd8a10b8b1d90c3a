// Package accesslog records in an audit log every read of customers' protected
// data through a [shopify.Client], as Shopify's protection requirements ask for
// ("keep an access log to protected customer data",
// https://shopify.dev/docs/apps/launch/protected-customer-data).
//
//	hooks, err := accesslog.Hooks(log, nil)
//	if err != nil {
//		return err
//	}
//	client, err := shopify.NewClient(shop, tokens, &shopify.Options{Hooks: []shopify.Hooks{hooks}})
//
// An entry says who read which fields of whose data, with which operation, and
// never the values. It is durable before the caller gets the data: where it
// cannot be written, the call fails with [shopify.ErrWithheld].
//
// This is the one package of the module that knows both shopify and audit.
package accesslog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/shopify"
)

// Action is the action of the entries.
const Action = "shopify.read"

// Log is where entries go: an [*audit.Log].
type Log interface {
	Append(ctx context.Context, e audit.Entry) (audit.Record, error)
}

// Options are the optional settings of [Hooks].
type Options struct {
	// Actor says on whose behalf a call is made. If nil, or where it returns an
	// actor without a type, the system.
	Actor func(ctx context.Context) audit.Actor

	// Correlation says which flow a call belongs to. If nil, none.
	Correlation func(ctx context.Context) string

	// Purpose says what the data is read for, a sentence for people. If nil, none.
	Purpose func(ctx context.Context) string
}

// Hooks returns the hooks of a client whose reads are to be recorded. opts may be
// nil.
//
// An entry has the kind "read" and the action "shopify.read"; the subjects are the
// objects whose data it was ("customer", "order", … with their GIDs; where log has
// a vault, customers by pseudonym), the effect has the operation and Shopify's
// request ID, and the attributes are fields ("Customer.email Customer.firstName"),
// content ("email name") and values, their number. A response about more objects
// than an entry has room for makes several entries.
func Hooks(log Log, opts *Options) (shopify.Hooks, error) {
	if log == nil {
		return shopify.Hooks{}, errors.New("accesslog: no log")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	return shopify.Hooks{Protected: func(ctx context.Context, access shopify.ProtectedAccess) error {
		for _, e := range entries(ctx, access, o) {
			if _, err := log.Append(ctx, e); err != nil {
				return fmt.Errorf("accesslog: %w", err)
			}
		}
		return nil
	}}, nil
}

// entries returns what is to be recorded of one response.
func entries(ctx context.Context, access shopify.ProtectedAccess, o Options) []audit.Entry {
	e := audit.Entry{
		Kind: audit.KindRead, Action: Action, Shop: string(access.Shop), Attributes: attributes(access.Fields),
		Effect: &audit.Effect{Operation: access.Operation.Name, RequestID: access.RequestID},
	}
	if o.Actor != nil {
		e.Actor = o.Actor(ctx)
	}
	if e.Actor.Type == "" {
		e.Actor.Type = audit.System
	}
	if o.Correlation != nil {
		e.Correlation = o.Correlation(ctx)
	}
	if o.Purpose != nil {
		e.Note = o.Purpose(ctx)
	}
	whose := subjects(access.Fields)
	var out []audit.Entry
	for first := true; first || len(whose) > 0; first = false {
		n := min(len(whose), audit.MaxSubjects)
		e.Subjects, whose = whose[:n:n], whose[n:]
		out = append(out, e)
	}
	return out
}

// subjects returns the objects whose data it was, each once, in the order of the
// response.
func subjects(fields []shopify.ProtectedField) []audit.Subject {
	var out []audit.Subject
	seen := map[shopify.GID]bool{}
	for _, f := range fields {
		for _, id := range f.Objects {
			if !seen[id] {
				seen[id] = true
				out = append(out, audit.Subject{Type: typeOf(id), ID: string(id)})
			}
		}
	}
	return out
}

// typeOf returns the type of a subject: "draft_order" for a DraftOrder.
func typeOf(id shopify.GID) string {
	var b strings.Builder
	for i, r := range id.Type() {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return "object"
	}
	return b.String()
}

// attributes says which fields were read, without their values. What does not
// fit into one attribute goes into further ones.
func attributes(fields []shopify.ProtectedField) map[string]string {
	out := map[string]string{}
	var contents []string
	values, part, line := 0, 1, ""
	flush := func() {
		name := "fields"
		if part > 1 {
			name += "." + strconv.Itoa(part)
		}
		if len(out) < audit.MaxAttributes-2 {
			out[name] = line
		}
		part, line = part+1, ""
	}
	for _, f := range fields {
		values += f.Count
		if !strings.Contains(" "+strings.Join(contents, " ")+" ", " "+f.Content+" ") {
			contents = append(contents, f.Content)
		}
		if len(line)+1+len(f.Field) > audit.MaxValueSize {
			flush()
		}
		line = strings.TrimPrefix(line+" "+f.Field, " ")
	}
	flush()
	out["content"] = strings.Join(contents, " ")
	out["values"] = strconv.Itoa(values)
	return out
}
