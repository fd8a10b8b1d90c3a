package bulk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
)

var contextCanceled = context.Canceled

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func readBody(r *http.Request, v any) error { return json.NewDecoder(r.Body).Decode(v) }
