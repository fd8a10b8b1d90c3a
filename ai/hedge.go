package ai

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// Hedge returns middleware for those who cannot wait: if a model has not answered,
// or a stream has not begun, after a time, it asks another model as well and takes
// whichever is first; the slower call is canceled. If other is nil, the same model
// is asked a second time. It panics if after is not positive.
//
// Both calls may cost money, and the provider may bill the canceled one: put
// [Budget] around each model. An error is not hedged, see [Retry] and [Fallback];
// but while the second call is under way, an error of the first waits for it.
//
// Nothing is started in the usual case that the first answer is in time, and no
// goroutine outlives the call.
func Hedge(after time.Duration, other Model) Middleware {
	if after <= 0 {
		panic("ai: Hedge must wait for a positive time")
	}
	return func(m Model) Model {
		h := &hedger{Model: m, other: other, after: after}
		if other == nil {
			h.other = m
		}
		return h
	}
}

type hedger struct {
	Model
	other Model
	after time.Duration
}

// A race is one hedged call. The first call runs on the caller's goroutine; the
// second, if it comes to that, on that of the timer.
type race struct {
	*hedger
	ctx    context.Context //nolint:containedctx // of the call that the race is
	req    *Request
	timer  *time.Timer
	winner atomic.Int32 // 0: none yet, 1: the first call, 2: the second

	firstCtx    context.Context //nolint:containedctx // likewise
	cancelFirst context.CancelFunc

	mu           sync.Mutex
	over         bool // the second call need not go on
	cancelSecond context.CancelFunc
	ended        sync.WaitGroup // the second call
	panicked     any            // in the second

	// What the second call came to.
	resp *Response
	err  error
	head Event
	next func() (Event, error, bool)
	stop func()
}

// start begins the race; run is the second call, when the time has come.
func (h *hedger) start(ctx context.Context, req *Request, run func(*race, context.Context)) *race {
	r := &race{hedger: h, ctx: ctx, req: req}
	r.firstCtx, r.cancelFirst = context.WithCancel(ctx)
	r.ended.Add(1)
	r.timer = time.AfterFunc(h.after, func() { r.runSecond(run) })
	return r
}

func (r *race) runSecond(run func(*race, context.Context)) {
	defer r.ended.Done()
	defer func() { r.panicked = recover() }()
	ctx, cancel := context.WithCancel(r.ctx)
	r.mu.Lock()
	r.cancelSecond = cancel
	if r.over {
		cancel()
	}
	r.mu.Unlock()
	run(r, ctx)
}

func (r *race) end() {
	r.cancelFirst()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.cancelSecond != nil {
		r.cancelSecond()
	}
}

// won reports whether the call of that number is the first to answer. The other
// one is canceled then.
func (r *race) won(number int32) bool {
	if !r.winner.CompareAndSwap(0, number) {
		return false
	}
	if number == 1 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over = true
		if r.cancelSecond != nil {
			r.cancelSecond()
		}
	} else {
		r.cancelFirst()
	}
	return true
}

// second waits for the second call. It returns false if it never began.
func (r *race) second() bool {
	if r.timer.Stop() {
		return false
	}
	r.ended.Wait()
	if r.panicked != nil {
		panic(r.panicked) // on the goroutine of who called the model
	}
	return true
}

// Generate implements [Model].
func (h *hedger) Generate(ctx context.Context, req *Request) (*Response, error) {
	r := h.start(ctx, req, (*race).generateSecond)
	defer r.end()
	resp, err := h.Model.Generate(r.firstCtx, req)
	if err == nil && r.won(1) {
		r.second()
		return resp, nil
	}
	if r.second() && r.err == nil {
		return r.resp, nil
	}
	return resp, err
}

func (r *race) generateSecond(ctx context.Context) {
	r.resp, r.err = r.other.Generate(ctx, r.req)
	if r.err == nil {
		r.won(2)
	}
}

// Stream implements [Model].
func (h *hedger) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := h.start(ctx, req, (*race).streamSecond)
		defer r.end()
		err := h.first(r, req, yield)
		if err == nil { // delivered, or left
			return
		}
		if !r.second() || r.winner.Load() != 2 {
			yield(nil, err)
			return
		}
		// The second call won: its stream goes on here.
		defer r.stop()
		for ev, err, ok := r.head, error(nil), true; ok; ev, err, ok = r.next() {
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// streamSecond reads the first event of the second stream.
func (r *race) streamSecond(ctx context.Context) {
	r.next, r.stop = iter.Pull2(r.other.Stream(ctx, r.req))
	ev, err, ok := r.next()
	if ok && err == nil && r.won(2) {
		r.head = ev
		return
	}
	r.stop()
}

// first passes the first stream on, if it begins before the second. An error
// before that is returned.
func (h *hedger) first(r *race, req *Request, yield func(Event, error) bool) error {
	began := false
	for ev, err := range h.Model.Stream(r.firstCtx, req) {
		if !began {
			if err != nil {
				return err
			}
			if !r.won(1) {
				return context.Canceled // the second has begun
			}
			r.second()
			began = true
		}
		if !yield(ev, err) || err != nil {
			return nil
		}
	}
	if !began {
		return &Error{Class: ErrEmptyReply, Provider: h.Info().Provider}
	}
	return nil
}
