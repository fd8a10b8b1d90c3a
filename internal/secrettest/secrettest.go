// Package secrettest prints values in all the ways in which they get into logs, and
// looks for secrets in what comes out.
package secrettest

import (
	"bytes"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

// Check fails the test if a secret shows when one of the values is printed: by
// itself, as a part of something else, exported or not, or by slog. fmt calls no
// methods of what an unexported field holds, so a value is safe there only if its
// secret is in a function, or behind two pointers. Types whose secrets are exported fields
// cannot be: hold them against [CheckSelf].
func Check(t testing.TB, secret string, values ...any) {
	t.Helper()
	check(t, secret, values, func(v any) []any {
		return []any{v, []any{v}, map[string]any{"key": v}, struct{ Value any }{v}, struct{ value any }{v}, &struct{ value any }{v}}
	})
}

// CheckSelf is [Check] without unexported fields around the values.
func CheckSelf(t testing.TB, secret string, values ...any) {
	t.Helper()
	check(t, secret, values, func(v any) []any { return []any{v, []any{v}, map[string]any{"key": v}, struct{ Value any }{v}} })
}

func check(t testing.TB, secret string, values []any, around func(any) []any) {
	t.Helper()
	if len(secret) < 8 {
		t.Fatal("a secret that would be found by accident")
	}
	forms := []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%d", []byte(secret))}
	for _, value := range values {
		look := func(how, text string) {
			t.Helper()
			for _, form := range forms {
				if strings.Contains(text, form) {
					t.Errorf("%T: %s shows the secret", value, how)
					return
				}
			}
		}
		for _, v := range around(value) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
				look(verb+" of "+reflect.TypeOf(v).Kind().String(), fmt.Sprintf(verb, v))
			}
		}
		var log bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).Info("it", "value", value)
		}
		look("slog", log.String())
	}
}
