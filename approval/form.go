package approval

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// FormOf returns an edit form for an action that is a struct or a pointer to
// one: a field for each exported field of the struct that has the tag "edit", in
// their order, named as in JSON. With [ApplyForm] it makes an [Editor] of an
// action:
//
//	type Discount struct {
//		Percent int            `json:"percent" edit:"Discount in percent,required"`
//		Limit   approval.Money `json:"limit"   edit:"At most"`
//		Scope   string         `json:"scope"   edit:"For,one_of=order|shipping"`
//		Note    string         `json:"note"    edit:"Note to the customer,multiline,max=500"`
//		Tags    []string       `json:"tags"    edit:"Tags"`
//		Order   string         `json:"order"`  // nobody changes that
//	}
//
//	func (d Discount) EditForm() []approval.FormField { return approval.FormOf(d) }
//	func (d Discount) ApplyEdit(values map[string]string) (approval.Action, error) {
//		return approval.ApplyForm(d, values)
//	}
//
// The tag begins with the label; the options after it are required, multiline,
// decimal (for text that is an exact number), max= (a number of characters) and
// one_of= (choices between bars).
//
// A string becomes a [FieldText], a bool a [FieldCheckbox], a whole number a
// [FieldInteger], a floating-point number a [FieldDecimal], a list of strings a
// [FieldList]; of [Money] the amount is changed, as "limit.amount"; of another
// struct its own fields with tags are, as "outer.inner". A type with MarshalText
// and UnmarshalText is its text. A pointer to any of these is nil where the text
// is empty.
//
// FormOf panics if a tag makes no sense or stands at a field of another type,
// which a queue reports as an invalid action when the action is proposed.
func FormOf(action any) []FormField {
	v := reflect.ValueOf(action)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		panic(fmt.Sprintf("approval: a %T is not a struct", action))
	}
	var form []FormField
	eachField(v, "", func(f FormField, at reflect.Value) {
		f.Value = textOf(at)
		form = append(form, f)
	})
	return form
}

// ApplyForm returns a copy of an action with the values of a form that [FormOf]
// made. A value that is none for its field is an [*InvalidError] that names the
// field. It panics where FormOf does.
func ApplyForm[A any](action A, values map[string]string) (A, error) {
	// A pointer is copied with what it points to, so that the caller's stays as
	// it is. What lies deeper is replaced, never written to.
	v := reflect.New(reflect.TypeFor[A]()).Elem()
	v.Set(reflect.ValueOf(&action).Elem())
	target := v
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		copied := reflect.New(v.Type().Elem())
		copied.Elem().Set(v.Elem())
		v.Set(copied)
		target = copied.Elem()
	}
	if target.Kind() != reflect.Struct {
		panic(fmt.Sprintf("approval: a %T is not a struct", action))
	}
	var err error
	eachField(target, "", func(f FormField, at reflect.Value) {
		value, ok := values[f.Name]
		if !ok || err != nil {
			return
		}
		if err = f.Check(value); err == nil && setText(at, value) != nil {
			err = invalid(f.Name, "is not possible")
		}
	})
	if err != nil {
		return action, err
	}
	return v.Interface().(A), nil
}

var (
	moneyType     = reflect.TypeFor[Money]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	textParser    = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// eachField visits the fields of a struct that have a tag, each with its form
// field, which has no value yet.
func eachField(v reflect.Value, prefix string, visit func(FormField, reflect.Value)) {
	t := v.Type()
	for i := range t.NumField() {
		field := t.Field(i)
		tag, ok := field.Tag.Lookup("edit")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		name = prefix + cmp.Or(name, field.Name)
		if !field.IsExported() {
			panic("approval: the field " + name + " is not exported")
		}
		f := parseTag(name, tag)
		at := v.Field(i)
		switch {
		case field.Type == moneyType:
			f.Name, f.Type = name+".amount", FieldDecimal
			visit(f, at.FieldByName("Amount"))
		case field.Type.Kind() == reflect.Struct && !isText(field.Type):
			eachField(at, name+".", visit)
		default:
			f.Type = fieldType(f, field.Type)
			visit(f, at)
		}
	}
}

func parseTag(name, tag string) FormField {
	parts := strings.Split(tag, ",")
	f := FormField{Name: name, Label: parts[0]}
	for _, option := range parts[1:] {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "required":
			f.Required = true
		case "multiline":
			f.Type = FieldTextArea
		case "decimal":
			f.Type = FieldDecimal
		case "max":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				panic("approval: max of the field " + name + " is not a positive number")
			}
			f.MaxLength = n
		case "one_of":
			f.Type = FieldSelect
			for choice := range strings.SplitSeq(value, "|") {
				f.Options = append(f.Options, Option{Value: choice})
			}
		default:
			panic(fmt.Sprintf("approval: the field %s has an unknown option %q", name, option))
		}
	}
	return f
}

func isText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(textMarshaler) && p.Implements(textParser)
}

// fieldType is the type of the form field for a value of type t.
func fieldType(f FormField, t reflect.Type) FieldType {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	isString := t.Kind() == reflect.String || isText(t)
	var natural FieldType
	switch {
	case isString:
		natural = cmp.Or(f.Type, FieldText)
	case t.Kind() == reflect.Bool:
		natural = FieldCheckbox
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		natural = FieldInteger
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		natural = FieldDecimal
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		natural = FieldList
	default:
		panic(fmt.Sprintf("approval: the field %s is a %s, which has no form", f.Name, t))
	}
	if f.Type != "" && f.Type != natural {
		panic(fmt.Sprintf("approval: the field %s is a %s, which cannot be %s", f.Name, t, f.Type))
	}
	return natural
}

// textOf returns a value as a form shows it.
func textOf(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if isText(v.Type()) {
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		text, err := copied.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			panic("approval: a value has no text")
		}
		return string(text)
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return "true"
		}
		return ""
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits())
	case reflect.Slice:
		lines := make([]string, v.Len())
		for i := range lines {
			lines[i] = v.Index(i).String()
		}
		return strings.Join(lines, "\n")
	}
	return fmt.Sprint(v.Interface())
}

// setText sets v to what a form says.
func setText(v reflect.Value, text string) error {
	if v.Kind() == reflect.Pointer {
		if text == "" {
			v.SetZero()
			return nil
		}
		fresh := reflect.New(v.Type().Elem())
		if err := setText(fresh.Elem(), text); err != nil {
			return err
		}
		v.Set(fresh)
		return nil
	}
	if isText(v.Type()) {
		fresh := reflect.New(v.Type())
		if err := fresh.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return err
		}
		v.Set(fresh.Elem())
		return nil
	}
	switch kind := v.Kind(); {
	case kind == reflect.String:
		v.SetString(text)
	case kind == reflect.Bool:
		v.SetBool(text == "true")
	case kind == reflect.Slice:
		v.Set(linesOf(v.Type(), text))
	case text == "":
		v.SetZero()
	case kind >= reflect.Int && kind <= reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetInt(n)
	case kind >= reflect.Uint && kind <= reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetUint(n)
	default:
		x, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetFloat(x)
	}
	return nil
}

// linesOf is the list of the lines of text that say something.
func linesOf(t reflect.Type, text string) reflect.Value {
	list := reflect.MakeSlice(t, 0, strings.Count(text, "\n")+1)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = reflect.Append(list, reflect.ValueOf(line).Convert(t.Elem()))
		}
	}
	if list.Len() == 0 {
		return reflect.Zero(t)
	}
	return list
}
