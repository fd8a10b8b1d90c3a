package rag

import (
	"time"
)

// A Change is something that an index is told: [Put], [PutPage], [Delete], [SetCollections]
// or [SetStock]. The set is closed. Changes may come late, twice and in any order: the same
// set of them leads to the same state.
type Change interface {
	validate() error
}

// Put adds a document or replaces it, unless a later version is known.
//
// Collections that are nil keep what is known, as do the levels of a variant: those
// that the document has count like [SetStock], so one that is older than what is known
// has no effect, and a variant without Stock keeps its own.
type Put struct {
	Document Document

	// Triggered is when the change was reported. It decides between two documents
	// with the same UpdatedAt, since Shopify's has whole seconds; if that is equal
	// too, the contents decide, so that the order of arrival does not.
	Triggered time.Time
}

// PutPage puts all sections of a page, as [Sections] makes them, and removes those that
// the page had before, unless a later version of the page is known. Without sections,
// it removes the page.
type PutPage struct {
	Page      string
	Sections  []Document // whose Page is this one
	UpdatedAt time.Time
}

// Delete removes a document.
type Delete struct {
	ID string

	// At is when it was deleted: a document that was updated later is put again. If
	// zero, it is deleted for good, as a product of Shopify's is, whose ID never
	// comes back.
	At time.Time
}

// SetCollections says which collections a product is in.
type SetCollections struct {
	ID          string
	Collections []string
	At          time.Time
}

// SetStock says what of an inventory item there is at a location. It may come before the
// product that it is about.
type SetStock struct {
	InventoryItem string
	Level

	// Unknown: the item is not stocked there any more. Available has no meaning
	// then.
	Unknown bool

	// Triggered is as in [Put].
	Triggered time.Time
}

func (c Put) validate() error { return c.Document.Validate() }

func (c PutPage) validate() error {
	if len(c.Sections) > maxLabels {
		return invalid("page of %d sections", len(c.Sections))
	}
	seen := make(map[string]bool, len(c.Sections))
	for i := range c.Sections {
		d := &c.Sections[i]
		if d.Page != c.Page || !d.UpdatedAt.Equal(c.UpdatedAt) || seen[d.ID] {
			return invalid("section that does not belong to its page")
		}
		seen[d.ID] = true
		if err := d.Validate(); err != nil {
			return err
		}
	}
	return validID("page", c.Page)
}

func (c Delete) validate() error { return validID("document", c.ID) }

func (c SetCollections) validate() error {
	if len(c.Collections) > maxLabels {
		return invalid("more than %d collections", maxLabels)
	}
	for _, id := range c.Collections {
		if err := validID("collection", id); err != nil {
			return err
		}
	}
	return validID("document", c.ID)
}

func (c SetStock) validate() error {
	if err := validID("location", c.Location); err != nil {
		return err
	}
	return validID("inventory item", c.InventoryItem)
}
