package approval_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

// TestNetworkErrorsWithoutMark: an executor that hands on what net/http says is
// never called again after its request may have arrived.
func TestNetworkErrorsWithoutMark(t *testing.T) {
	t.Parallel()
	hijack := func(w http.ResponseWriter, answer string, reset bool) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(answer))
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"ends without an answer": func(w http.ResponseWriter) { hijack(w, "", false) },
		"is reset":               func(w http.ResponseWriter) { hijack(w, "", true) },
		"ends within the answer": func(w http.ResponseWriter) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", false)
		},
		"answers nonsense": func(w http.ResponseWriter) { hijack(w, "hello\r\n\r\n", false) },
	} {
		for _, find := range []bool{false, true} {
			if find {
				name += ", read back"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var effects atomic.Int32
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					effects.Add(1)
					answer(w)
				}))
				defer server.Close()
				f := newBareQueue(t, allowAll, &approval.Options{Backoff: func(int) time.Duration { return time.Millisecond }})
				var seen atomic.Bool
				ex := approval.Executor[note, receipt]{Execute: func(ctx context.Context, _ approval.Execution, _ note) (receipt, error) {
					req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader("{}"))
					if err != nil {
						return receipt{}, approval.Permanent(err)
					}
					resp, err := server.Client().Do(req)
					if err != nil {
						return receipt{}, err
					}
					defer resp.Body.Close()
					buf := make([]byte, 1000)
					for err == nil {
						_, err = resp.Body.Read(buf)
					}
					return receipt{}, err
				}}
				if find {
					// What happened is seen only after a moment.
					ex.Find = func(context.Context, approval.Execution, note) (receipt, bool, error) {
						return receipt{1}, seen.Swap(true), nil
					}
					ex.Settle = 100 * time.Millisecond
				}
				require.NoError(t, approval.Register(f.Queue, ex))
				f.start(t)
				r := f.propose(t, note{Text: "a"})
				want := approval.Uncertain
				if find {
					want = approval.Executed
				}
				f.reaches(t, r.ID, want)
				assert.EqualValues(t, 1, effects.Load())
			})
		}
	}
}
