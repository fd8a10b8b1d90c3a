package rag

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// ErrSnapshot is returned for a snapshot that is damaged, cut off, or of another version.
// The index is as it was.
var ErrSnapshot = errors.New("rag: not a snapshot that can be loaded")

// A snapshot is
//
//	"posairag", the version (4 bytes), then numbers as varints and strings with their
//	length in front: model, dimensions, locations, documents (record, and a vector or
//	none), what was deleted, what has come before its document; then the SHA-256 of all
//	that (32 bytes)
//
// Words are not in it: they are analyzed anew, so a snapshot outlives a change of the
// analysis. The checksum finds damage, not forgery, so everything is checked as if it
// came from a stranger.
const (
	snapshotMagic   = "posairag"
	snapshotVersion = 1

	maxRecord = 64 << 20 // bytes
	maxModel  = 1024
)

// Save writes a snapshot of the index as it is now. Changes go on meanwhile.
func (m *Memory) Save(w io.Writer) error {
	v := m.view.Load()
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	e := snapshotWriter{w: out}
	e.bytes([]byte(snapshotMagic))
	e.bytes(binary.LittleEndian.AppendUint32(nil, snapshotVersion))
	e.string(v.vectors.model)
	e.number(uint64(v.vectors.dims)) //nolint:gosec // not negative
	e.number(uint64(len(v.locations)))
	for _, l := range v.locations {
		e.string(l)
	}
	e.number(uint64(v.docs)) //nolint:gosec // not negative
	n := words(v.vectors.dims)
	for ord, r := range v.all {
		e.string(string(r))
		if !v.vectors.holds(ord) {
			e.bytes([]byte{0})
			continue
		}
		e.bytes([]byte{1})
		c, i := v.vectors.at[ord/chunkSize], int(ord%chunkSize)
		b := binary.LittleEndian.AppendUint32(e.buf[:0], math.Float32bits(c.scale[i]))
		for _, h := range c.high[i*n : (i+1)*n] {
			b = binary.LittleEndian.AppendUint64(b, h)
		}
		for _, l := range c.low[i*v.vectors.dims : (i+1)*v.vectors.dims] {
			b = binary.LittleEndian.AppendUint16(b, l)
		}
		e.bytes(b)
		e.buf = b
	}
	e.number(uint64(v.gone.n)) //nolint:gosec // not negative
	for l := range v.gone.leaves {
		for _, g := range l.vals {
			e.string(g.id)
			e.signed(g.at)
		}
	}
	e.number(uint64(v.loose.n)) //nolint:gosec // not negative
	for l := range v.loose.leaves {
		for _, o := range l.vals {
			e.string(o.item)
			e.bytes(appendLevels(nil, o.levels))
			e.string(o.id)
			e.signed(o.grouped)
			e.bytes(appendStrings(nil, o.groups))
		}
	}
	if e.err == nil {
		e.err = out.Flush()
	}
	if e.err == nil {
		_, e.err = w.Write(sum.Sum(nil))
	}
	if e.err != nil {
		return fmt.Errorf("rag: save: %w", e.err)
	}
	return nil
}

// SaveFile writes a snapshot to a file, with mode 0600. The file has the old content or
// all of the new one, whatever happens.
func (m *Memory) SaveFile(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".rag-*")
	if err != nil {
		return fmt.Errorf("rag: save: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := m.Save(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("rag: save: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("rag: save: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("rag: save: %w", err)
	}
	// The new name is durable when the folder is; where that cannot be asked for, it
	// is soon.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

// LoadFile reads a snapshot from a file, as [Memory.Load] does.
func (m *Memory) LoadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("rag: load: %w", err)
	}
	defer func() { _ = f.Close() }()
	return m.Load(f)
}

// Load reads a snapshot, which takes the place of all that the index has. Searches go on
// in the old state until it is read. Its errors match [ErrSnapshot] or [ErrFull], or are
// the reader's. Vectors of another model than the embedder's are replaced by the next
// [Memory.Embed].
func (m *Memory) Load(r io.Reader) error {
	m.write.Lock()
	defer m.write.Unlock()
	m.gen++
	t := &tx{m: m, gen: m.gen}
	d := &snapshotReader{r: bufio.NewReaderSize(r, 1<<20), sum: sha256.New()}
	if err := t.load(d); err != nil {
		if d.err != nil && !errors.Is(d.err, io.EOF) && !errors.Is(d.err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("rag: load: %w", d.err)
		}
		return err
	}
	m.view.Store(&t.view)
	return nil
}

func broken(what string) error { return fmt.Errorf("%w: %s", ErrSnapshot, what) }

func (t *tx) load(d *snapshotReader) error {
	if string(d.take(len(snapshotMagic))) != snapshotMagic {
		return broken("it does not begin like one")
	}
	if b := d.take(4); b == nil || binary.LittleEndian.Uint32(b) != snapshotVersion {
		return broken("another version")
	}
	t.vectors.model = d.string(maxModel)
	dims := d.number()
	if dims > maxDims {
		return broken("dimensions")
	}
	t.vectors.dims = int(dims) //nolint:gosec // bounded
	for range d.number() {
		l := d.string(maxID)
		if d.err != nil || l == "" || len(t.locations) >= 1<<16 || slices.Contains(t.locations, l) {
			return broken("locations")
		}
		t.locations = append(t.locations, l)
	}
	if err := t.loadDocuments(d); err != nil {
		return err
	}
	for range d.number() {
		g := grave{id: d.string(2 * maxID), at: d.signed()}
		if dead, _ := t.grave(g.id); d.err != nil || dead {
			return broken("deleted documents")
		}
		t.gone.add(t.gen, hashString(g.id), g)
	}
	for range d.number() {
		if err := t.loadOrphan(d); err != nil {
			return err
		}
	}
	want := d.sum.Sum(nil)
	if got := d.take(sha256.Size); string(got) != string(want) {
		return broken("checksum")
	}
	if _, err := d.r.ReadByte(); !errors.Is(err, io.EOF) {
		return broken("more than a snapshot")
	}
	return nil
}

func (t *tx) loadDocuments(d *snapshotReader) error {
	for range d.number() {
		r := record(d.string(maxRecord))
		if d.err != nil {
			return broken("cut off")
		}
		if t.docs >= t.m.opts.MaxDocuments {
			return ErrFull
		}
		s, err := r.check(t.locations)
		if err != nil {
			return err
		}
		if _, exists := t.byID(s.doc.ID); exists {
			return broken("a document twice")
		}
		ord := t.ords
		t.insert(&s)
		switch flag := d.take(1); {
		case flag == nil:
			return broken("cut off")
		case flag[0] == 0:
			continue
		case flag[0] != 1 || t.vectors.dims == 0:
			return broken("vector")
		}
		if err := t.loadVector(d, ord); err != nil {
			return err
		}
	}
	return nil
}

// check decodes a record of a stranger.
func (r record) check(locations []string) (state, error) {
	s, ok := r.decode()
	if !ok {
		return s, broken("record")
	}
	for _, levels := range s.levels {
		if !validLevels(levels, locations) {
			return s, broken("stock")
		}
	}
	d := s.document(locations)
	for i := range d.Variants {
		s.doc.Variants[i].Stock = nil
	}
	if err := d.Validate(); err != nil {
		return s, broken("document")
	}
	if again, _ := s.encode(nil); again != r {
		return s, broken("record in another form")
	}
	return s, nil
}

func validLevels(levels []level, locations []string) bool {
	for i, l := range levels {
		if int(l.location) >= len(locations) || i > 0 && levels[i-1].location >= l.location {
			return false
		}
	}
	return true
}

// loadVector computes what a scan relies on from the bits.
func (t *tx) loadVector(d *snapshotReader, ord uint32) error {
	dims := t.vectors.dims
	n := words(dims)
	b := d.take(4 + 8*n + 2*dims)
	if b == nil {
		return broken("cut off")
	}
	scale := math.Float32frombits(binary.LittleEndian.Uint32(b))
	if !(scale > 0 && scale < 1.1) {
		return broken("vector")
	}
	v := make([]float64, dims)
	norm := 0.0
	used := make([]uint64, n)
	for i := range v {
		w, shift := position(i)
		h := binary.LittleEndian.Uint64(b[4+8*w:])
		used[w] |= (1<<planeBits - 1) << shift
		u := h>>shift&(1<<planeBits-1)<<lowBits | uint64(binary.LittleEndian.Uint16(b[4+8*n+2*i:]))
		v[i] = float64(scale) * (2*float64(u)/fullScale - 1)
		norm += v[i] * v[i]
	}
	for w := range used {
		if binary.LittleEndian.Uint64(b[4+8*w:])&^used[w] != 0 {
			return broken("vector")
		}
	}
	if math.Abs(norm-1) > 1e-4 {
		return broken("vector")
	}
	if !t.vectors.holds(ord) {
		t.vectors.n++
	}
	c := t.chunk(ord).ownSlab(t.gen)
	i := int(ord % chunkSize)
	for w := range n {
		c.high[i*n+w] = binary.LittleEndian.Uint64(b[4+8*w:])
	}
	for j := range dims {
		c.low[i*dims+j] = binary.LittleEndian.Uint16(b[4+8*n+2*j:])
	}
	c.scale[i] = scale
	c.measure(i, dims)
	c.has[i/64] |= 1 << (i % 64)
	return nil
}

func (t *tx) loadOrphan(d *snapshotReader) error {
	o := orphan{item: d.string(maxID)}
	for range d.number() {
		l := level{location: uint32(d.number()), triggered: math.MinInt64} //nolint:gosec // checked below
		b := d.take(1)
		if b == nil || len(o.levels) > maxLevels {
			return broken("stock")
		}
		flags := b[0]
		l.unknown, l.untracked = flags&1 != 0, flags&4 != 0
		l.available, l.updated = d.signed(), d.signed()
		if flags&2 != 0 {
			l.triggered = d.signed()
		}
		o.levels = append(o.levels, l)
	}
	o.id = d.string(maxID)
	o.grouped = d.signed()
	for range d.number() {
		o.groups = append(o.groups, d.string(maxID))
		if d.err != nil || len(o.groups) > maxLabels {
			return broken("collections")
		}
	}
	if d.err != nil || (o.item == "") == (o.id == "") || !validLevels(o.levels, t.locations) {
		return broken("stock")
	}
	t.loose.add(t.gen, hashString(o.item+o.id), o)
	return nil
}

type snapshotWriter struct {
	w   *bufio.Writer
	buf []byte
	err error
}

func (e *snapshotWriter) bytes(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *snapshotWriter) number(n uint64) {
	e.buf = binary.AppendUvarint(e.buf[:0], n)
	e.bytes(e.buf)
}

func (e *snapshotWriter) signed(n int64) {
	e.buf = binary.AppendVarint(e.buf[:0], n)
	e.bytes(e.buf)
}

func (e *snapshotWriter) string(s string) {
	e.number(uint64(len(s)))
	if e.err == nil {
		_, e.err = e.w.WriteString(s)
	}
}

// A snapshotReader reads and hashes. After an error it returns zero values.
type snapshotReader struct {
	r   *bufio.Reader
	sum hash.Hash
	buf []byte
	err error
}

// take reads n bytes, which are valid until the next call, or returns nil. Memory grows
// with what is read, not with what is announced.
func (d *snapshotReader) take(n int) []byte {
	const step = 1 << 20
	d.buf = d.buf[:0]
	for len(d.buf) < n && d.err == nil {
		at := len(d.buf)
		d.buf = slices.Grow(d.buf, min(step, n-at))[:at+min(step, n-at)]
		_, d.err = io.ReadFull(d.r, d.buf[at:])
	}
	if d.err != nil {
		return nil
	}
	d.sum.Write(d.buf)
	return d.buf
}

func (d *snapshotReader) number() uint64 {
	n := uint64(0)
	for shift := 0; shift < 64; shift += 7 {
		b := d.take(1)
		if b == nil {
			return 0
		}
		n |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			return n
		}
	}
	d.err = io.ErrUnexpectedEOF
	return 0
}

func (d *snapshotReader) signed() int64 {
	u := d.number()
	n := int64(u >> 1) //nolint:gosec // zigzag
	if u&1 != 0 {
		n = ^n
	}
	return n
}

func (d *snapshotReader) string(most int) string {
	n := d.number()
	if n > uint64(most) { //nolint:gosec // positive
		d.err = io.ErrUnexpectedEOF
		return ""
	}
	return string(d.take(int(n))) //nolint:gosec // bounded
}
