package shopifytest

import "slices"

// A BulkFault is something that goes wrong on purpose with a bulk operation or
// with the file of its results. It hits operations that start after it was
// injected; their files keep it.
type BulkFault struct {
	// Kind is which operations to hit, "QUERY" or "MUTATION". If empty, both.
	Kind string `json:"kind"`
	// Times is how many operations are hit. If zero, one; if negative, all.
	Times int `json:"times"`

	// Shuffle writes the lines of the file in no order.
	Shuffle bool `json:"shuffle"`
	// Fail ends the operation as FAILED with this error code, ACCESS_DENIED,
	// INTERNAL_SERVER_ERROR or TIMEOUT, and with the first half of its lines
	// as partial data.
	Fail string `json:"fail"`
	// Expire ends the operation as EXPIRED.
	Expire bool `json:"expire"`
	// StopAfter ends a mutation after so many rows, as COMPLETED.
	StopAfter int `json:"stop_after"`
	// Hold keeps the operation RUNNING until the channel is closed.
	Hold <-chan struct{} `json:"-"`

	// CutAfter breaks the connection of a download after so many bytes, the
	// first Cuts times; if Cuts is negative, always.
	CutAfter int64 `json:"cut_after"`
	Cuts     int   `json:"cuts"`
	// Change gives the file another ETag as soon as somebody asks for a part.
	Change bool `json:"change"`
	// NoRanges sends the whole file to whoever asks for a part.
	NoRanges bool `json:"no_ranges"`
	// Gzip compresses the file for clients that take that.
	Gzip bool `json:"gzip"`
	// ExpiredURL refuses the download as seven days later.
	ExpiredURL bool `json:"expired_url"`
	// Status answers downloads with this HTTP status.
	Status int `json:"status"`
}

type armedBulkFault struct {
	BulkFault
	id   string
	left int // < 0: without end
}

// InjectBulk arms a fault of bulk operations. The function returned disarms it.
func (s *Shop) InjectBulk(f BulkFault) (remove func()) {
	_, remove = s.bulk.inject(f)
	return remove
}

func (w *bulkWork) inject(f BulkFault) (id string, remove func()) {
	armed := &armedBulkFault{BulkFault: f, id: randomHex(8), left: f.Times}
	if armed.left == 0 {
		armed.left = 1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, armed)
	return armed.id, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = slices.DeleteFunc(w.faults, func(f *armedBulkFault) bool { return f == armed })
	}
}

// takeFault returns the oldest fault for an operation of the kind, and counts it.
func (w *bulkWork) takeFault(kind string) BulkFault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, f := range w.faults {
		if f.Kind != "" && f.Kind != kind {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		if f.left == 0 {
			w.faults = slices.Delete(w.faults, i, i+1)
		}
		return f.BulkFault
	}
	return BulkFault{}
}
