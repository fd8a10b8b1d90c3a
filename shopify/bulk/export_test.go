package bulk

import (
	"context"
	"errors"
	"iter"
	"os"
	"reflect"
	"strings"
)

// ScanKeys is what is found in a line before it is decoded.
func ScanKeys(line []byte) (id, parent, typename string, err error) {
	k, err := scanKeys(line, nil)
	return string(k.id), string(k.parent), string(k.typename), err
}

// ChunkObjects is how many objects are handed over at once.
const ChunkObjects = chunkObjects

// JoinAhead gives out the objects of partitions that hold these lines.
func JoinAhead[T any](ctx context.Context, dir string, parts [][]string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if err := joinAhead(ctx, dir, parts, yield); err != nil && !errors.Is(err, errStop) {
			yield(zero, err)
		}
	}
}

func joinAhead[T any](ctx context.Context, dir string, parts [][]string, yield func(T, error) bool) error {
	o := DecodeOptions{Limits: Limits{Dir: dir}}
	o.setDefaults()
	plan, err := planFor(reflect.TypeFor[T]())
	if err != nil {
		return err
	}
	d := newDecoder[T](ctx, plan, strings.NewReader(""), &o)
	d.spill.behind, d.yield = true, yield
	defer func() { _ = d.spill.close() }()
	list := make([]*partition, len(parts))
	n := int64(0)
	for i, lines := range parts {
		list[i] = &partition{}
		for _, l := range lines {
			n++
			line := []byte(l)
			k, err := scanKeys(line, plan.keys)
			if err != nil {
				return err
			}
			if err := d.add(list[i], &record{line: line, keys: k, n: n}); err != nil {
				return err
			}
		}
		if err := list[i].finish(&d.spill); err != nil {
			return err
		}
	}
	if err := d.spill.flush(); err != nil {
		return err
	}
	return d.ahead(list)
}

// WriteBehind writes blocks to a file in a goroutine, one after the other, and
// returns the errors of all its calls.
func WriteBehind(f *os.File, blocks ...[]byte) error {
	w := newBlockWriter(f)
	defer w.close()
	at := int64(0)
	var errs []error
	for _, b := range blocks {
		_, err := w.write(b, at)
		errs = append(errs, err)
		at += int64(len(b))
	}
	return errors.Join(append(errs, w.flush())...)
}
