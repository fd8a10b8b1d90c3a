package audit

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
)

// DataRequest says who wants data erased or exported, and why.
type DataRequest struct {
	// ID makes a repeated request the same one, such as the ID of the webhook
	// delivery that asked. If empty, it is a new one.
	ID string

	// Actor is who asks. If zero, the system.
	Actor Actor

	Shop string // shop domain
	Note string // a sentence for people, without personal data
}

func (r *DataRequest) entry(kind Kind, action, step string) Entry {
	e := Entry{ID: action + "/" + r.ID + step, Kind: kind, Correlation: r.ID, Action: action, Actor: r.Actor, Shop: r.Shop, Note: r.Note}
	if r.ID == "" {
		e.ID = ""
	}
	if e.Actor == (Actor{}) {
		e.Actor = Actor{Type: System}
	}
	return e
}

// The actions of the entries that data requests leave.
const (
	actionErase  = "audit.erase"
	actionExport = "audit.export"
)

// ErasureReport says what [Log.Erase] did.
type ErasureReport struct {
	// Pseudonym is what the log called the subject; empty where it had no key.
	Pseudonym string `json:"pseudonym,omitzero"`

	Keys    int   `json:"keys"`    // keys destroyed now; 0 where that was done before
	Entries int64 `json:"entries"` // entries that can no longer be tied to the subject
	Parts   int64 `json:"parts"`   // sealed parts of them that can no longer be read

	// Plain is the number of entries that name the subject in the clear, since
	// they were written without a vault. They cannot be changed.
	Plain int64 `json:"plain,omitzero"`

	// Record is the entry that says so, of [KindErased].
	Record Record `json:"record"`
}

// Erase destroys the keys of the subject, so that nobody can read what was sealed
// under them or tell whose pseudonym it was, and records that. Every proof stays
// valid. A subject of type "shop", whose ID is the shop domain, takes the keys of
// all subjects with it that were first seen in entries of that shop.
//
// It first records that it starts, then destroys, then records that it is done.
// After an error it is repeated with the same request; repeating a request that
// is done changes nothing. Package audit/compliance has the compliance webhooks of
// a shop call it.
func (l *Log) Erase(ctx context.Context, subject Subject, req DataRequest) (*ErasureReport, error) {
	if l.vault == nil {
		return nil, errNoVault
	}
	var report ErasureReport
	started := req.entry(KindStarted, actionErase, "/started")
	before, err := l.Get(ctx, started.ID)
	switch {
	case err == nil:
		report.read(before.Entry)
	case !errors.Is(err, ErrNotFound):
		return nil, err
	default:
		if err := l.inspect(ctx, subject, &report); err != nil {
			return nil, err
		}
		if report.Pseudonym != "" {
			report.write(&started, subject.Type)
			if _, err := l.Append(ctx, started); err != nil {
				return nil, err
			}
		}
	}
	if report.Keys, err = l.vault.destroy(ctx, subject); err != nil {
		return nil, err
	}
	erased := req.entry(KindErased, actionErase, "")
	report.write(&erased, subject.Type)
	report.Record, err = l.Append(ctx, erased)
	if err != nil {
		return nil, err
	}
	return &report, nil
}

var errNoVault = errors.New("audit: the log has no vault")

// inspect counts what an erasure will concern.
func (l *Log) inspect(ctx context.Context, subject Subject, report *ErasureReport) error {
	row, err := l.vault.find(ctx, subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	report.Pseudonym = row.Pseudonym
	for r, err := range l.Trail(ctx, Query{Subject: subject}) {
		if err != nil {
			return err
		}
		if slices.Contains(r.Entry.Subjects, subject) {
			report.Plain++
			continue
		}
		report.Entries++
		for _, p := range r.Entry.Sealed {
			if slices.Contains(p.Of, row.Pseudonym) {
				report.Parts++
			}
		}
	}
	return nil
}

// write puts the report into an entry, and read takes it back. How many keys
// there were differs when an erasure is repeated, so it is left out.
func (r *ErasureReport) write(e *Entry, subjectType string) {
	if r.Pseudonym != "" {
		e.Subjects = []Subject{{subjectType, r.Pseudonym}}
	}
	e.Attributes = map[string]string{
		"entries": strconv.FormatInt(r.Entries, 10),
		"parts":   strconv.FormatInt(r.Parts, 10),
		"plain":   strconv.FormatInt(r.Plain, 10),
	}
}

func (r *ErasureReport) read(e Entry) {
	for _, s := range e.Subjects {
		r.Pseudonym = s.ID
	}
	r.Entries, _ = strconv.ParseInt(e.Attributes["entries"], 10, 64)
	r.Parts, _ = strconv.ParseInt(e.Attributes["parts"], 10, 64)
	r.Plain, _ = strconv.ParseInt(e.Attributes["plain"], 10, 64)
}

// Export yields all records about the subject, with the content of the sealed
// parts that are about them, to answer a request for their data. It records first
// that it does. Parts about others stay sealed; erased ones are marked so.
func (l *Log) Export(ctx context.Context, subject Subject, req DataRequest) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := l.export(ctx, subject, req, yield); err != nil {
			yield(Record{}, err)
		}
	}
}

func (l *Log) export(ctx context.Context, subject Subject, req DataRequest, yield func(Record, error) bool) error {
	if l.vault == nil {
		return errNoVault
	}
	row, err := l.vault.find(ctx, subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	read := req.entry(KindRead, actionExport, "")
	if row.Pseudonym != "" {
		read.Subjects = []Subject{{subject.Type, row.Pseudonym}}
	}
	if _, err := l.Append(ctx, read); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	for r, err := range l.Trail(ctx, Query{Subject: subject}) {
		if err == nil {
			r, err = l.unseal(ctx, r, func(p Part) bool { return slices.Contains(p.Of, row.Pseudonym) })
		}
		if err != nil {
			return err
		}
		if !yield(r, nil) {
			return nil
		}
	}
	return nil
}
