package eval

import (
	"bytes"
	"encoding"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
)

// csv makes a JSON object of each record, so that all formats decode alike.
func (r *reader[Row, In, Want]) csv(data []byte) error {
	in := csv.NewReader(bytes.NewReader(data))
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return r.fail(csvLine(in, err), "not CSV", err)
	}
	columns, detail := columnsOf(reflect.TypeFor[Row](), header)
	if detail != "" {
		return r.fail(1, detail, nil)
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.fail(csvLine(in, err), "not CSV, or another number of fields than the header", err)
		}
		line, _ := in.FieldPos(0)
		object := map[string]any{}
		size := 0
		for i, cell := range record {
			if size += len(cell); size > r.opts.MaxLine {
				return r.fail(line, "a record that is too large", nil)
			}
			if cell != "" {
				columns[i].set(object, cell)
			}
		}
		text, err := json.Marshal(object)
		if err != nil {
			return r.fail(line, "a cell that is neither a number nor true or false", err)
		}
		if err := r.row(line, text); err != nil {
			return err
		}
	}
}

func csvLine(in *csv.Reader, err error) int {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return p.Line
	}
	line, _ := in.FieldPos(0)
	return line
}

// A column says where the cells of a column go.
type column struct {
	path []string
	kind reflect.Kind // String, Bool, Float64 for every number, Slice
	elem reflect.Kind // of a slice
}

// columnsOf finds the fields that a header names.
func columnsOf(row reflect.Type, header []string) (columns []column, problem string) {
	seen := map[string]bool{}
	for _, name := range header {
		if nameProblem(name) != "" || len(strings.Split(name, ".")) > 8 {
			return nil, "a column without a proper name"
		}
		// A column inside of another one's value would write over it.
		for at := len(name); at > 0; at = strings.LastIndexByte(name[:at], '.') {
			if seen[name[:at]] {
				return nil, "two columns for one field"
			}
		}
		for other := range seen {
			if strings.HasPrefix(other, name+".") {
				return nil, "two columns for one field"
			}
		}
		seen[name] = true
		c := column{path: strings.Split(name, ".")}
		c.kind, c.elem = kindAt(row, c.path)
		columns = append(columns, c)
	}
	return columns, ""
}

var unmarshalers = []reflect.Type{reflect.TypeFor[encoding.TextUnmarshaler](), reflect.TypeFor[json.Unmarshaler]()}

// kindAt is what the field at a path takes. What is not known takes a string, and
// decoding will tell.
func kindAt(t reflect.Type, path []string) (kind, elem reflect.Kind) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) > 0 {
		if t.Kind() != reflect.Struct {
			return reflect.String, 0
		}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			if f.IsExported() && strings.EqualFold(name, path[0]) {
				return kindAt(f.Type, path[1:])
			}
		}
		return reflect.String, 0
	}
	for _, u := range unmarshalers {
		if t.Implements(u) || reflect.PointerTo(t).Implements(u) {
			return reflect.String, 0
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		return reflect.Bool, 0
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return reflect.String, 0 // base64
		}
		elem, _ := kindAt(t.Elem(), nil)
		return reflect.Slice, elem
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return reflect.Float64, 0
	}
	return reflect.String, 0
}

func (c column) set(object map[string]any, cell string) {
	for _, name := range c.path[:len(c.path)-1] {
		inner, ok := object[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[name] = inner
		}
		object = inner
	}
	object[c.path[len(c.path)-1]] = c.value(cell)
}

func (c column) value(cell string) any {
	if c.kind != reflect.Slice {
		return scalar(c.kind, cell)
	}
	var list []any
	for item := range strings.SplitSeq(cell, ";") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, scalar(c.elem, item))
		}
	}
	return list
}

// scalar is a cell as JSON. Numbers and truth values go as they are written; one
// that is neither fails to marshal.
func scalar(kind reflect.Kind, cell string) any {
	if kind == reflect.String {
		return cell
	}
	return json.RawMessage(strings.TrimSpace(cell))
}
