package rag

import (
	"slices"
)

// pageSize is the number of elements of a page.
const pageSize = 256

// paged is a persistent slice. The zero value is empty.
type paged[E any] struct {
	pages []*page[E]
	gen   uint64 // of pages
}

type page[E any] struct {
	gen uint64
	at  [pageSize]E
}

// get returns element i, which must be below len.
func (p *paged[E]) get(i uint32) E { return p.pages[i/pageSize].at[i%pageSize] }

// set changes element i, or adds it.
func (p *paged[E]) set(gen uint64, i uint32, e E) {
	if p.gen != gen {
		p.pages, p.gen = slices.Clone(p.pages), gen
	}
	at := int(i / pageSize)
	for len(p.pages) <= at {
		p.pages = append(p.pages, &page[E]{gen: gen})
	}
	if p.pages[at].gen != gen {
		c := *p.pages[at]
		c.gen = gen
		p.pages[at] = &c
	}
	p.pages[at].at[i%pageSize] = e
}
