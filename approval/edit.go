package approval

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// edit makes a new revision of rec with the values of d.
func (q *Queue) edit(ctx context.Context, rec *Record, d Decision, now time.Time) error {
	r := &rec.Request
	if err := checkValues(r.Form, d.Edit); err != nil {
		return err
	}
	k, edited, err := q.applyEdit(r, d.Edit)
	if err != nil {
		return err
	}
	before := *r
	r.Revision++
	if _, err := q.judge(ctx, k, r, edited, now, asEdit); err != nil {
		return err
	}
	if bytes.Equal(before.Args, r.Args) {
		*r = before // nothing was changed, so what was shown still stands
		return nil
	}
	if r.Ruling.Verdict == RuleDeny {
		return &ForbiddenError{WhyPolicy, cut("The policy does not allow this change: "+r.Ruling.Reason, maxReason)}
	}
	changes, err := diff(before.Args, r.Args)
	if err != nil {
		return err
	}
	r.Edits = append(r.Edits, Edit{
		Revision: r.Revision, By: d.By, Channel: d.Channel, At: now,
		Before: before.Digest, After: r.Digest, Changes: changes,
	})
	return rec.emit(ruledEntry(r, now))
}

// applyEdit returns the action of r with the given values.
func (q *Queue) applyEdit(r *Request, values map[string]string) (*kind, Action, error) {
	k := q.kind(r.Kind)
	if k == nil {
		return nil, nil, invalid("action", "is of a type that is not registered")
	}
	var edited Action
	err := guard(func() error {
		a, err := k.decode(r.Args)
		if err != nil {
			return err
		}
		e, ok := a.(Editor)
		if !ok {
			return invalid("edit", "cannot be changed")
		}
		edited, err = e.ApplyEdit(values)
		return err
	})
	if err != nil {
		return nil, nil, &InvalidError{Field: "edit", Reason: err.Error(), Err: err}
	}
	after, err := q.kindOfAction(edited)
	if err != nil {
		return nil, nil, err
	}
	if after != k {
		return nil, nil, invalid("edit", "made another kind of action")
	}
	return k, edited, nil
}

// defaultMaxLength bounds a value whose field does not say, in characters.
const defaultMaxLength = 4000

// checkValues refuses values that the form does not allow.
func checkValues(form []FormField, values map[string]string) error {
	fields := make(map[string]FormField, len(form))
	for _, f := range form {
		fields[f.Name] = f
	}
	for name, value := range values {
		f, ok := fields[name]
		if !ok {
			return invalid("edit", "has a value for a field that cannot be changed")
		}
		if err := f.Check(value); err != nil {
			return err
		}
	}
	return nil
}

// Check returns nil if value is one for f, or an [*InvalidError] with the name of
// f. Whether the action then makes sense is another question: see
// [Queue.TryEdit].
func (f FormField) Check(value string) error {
	if reason := f.refuses(value); reason != "" {
		return invalid(f.Name, reason)
	}
	return nil
}

// Numbers as people write them, without exponent.
var (
	integerPattern = regexp.MustCompile(`^-?[0-9]{1,18}$`)
	decimalPattern = regexp.MustCompile(`^-?[0-9]{1,40}(\.[0-9]{1,40})?$`)
)

// refuses says why value is not one for f.
func (f FormField) refuses(value string) string {
	limit := f.MaxLength
	if limit == 0 {
		limit = defaultMaxLength
	}
	switch {
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return "is not text"
	case utf8.RuneCountInString(value) > limit:
		return fmt.Sprintf("is longer than %d characters", limit)
	case f.Required && strings.TrimSpace(value) == "":
		return "is required"
	}
	switch f.Type {
	case FieldCheckbox:
		if value != "" && value != "true" {
			return "is neither checked nor not"
		}
	case FieldSelect:
		for _, o := range f.Options {
			if o.Value == value {
				return ""
			}
		}
		if value != "" || f.Required {
			return "is not one of the choices"
		}
	case FieldInteger:
		if value != "" && !integerPattern.MatchString(value) {
			return "is not a whole number"
		}
	case FieldDecimal:
		if value != "" && !decimalPattern.MatchString(value) {
			return "is not a number such as 12.50"
		}
	case FieldTextArea, FieldList:
	default:
		if strings.ContainsAny(value, "\r\n") {
			return "has more than one line"
		}
	}
	return ""
}
