package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/rollout"
)

// Channel is the name under which the console's decisions are recorded.
const Channel = "console"

// Options are the optional settings of [New].
type Options struct {
	// Title stands at the top of every page. If empty, "Approvals".
	Title string

	// Key signs forms, so that a form shown by one process is accepted by
	// another, and after a restart. At least 32 random bytes. If nil, a random
	// key that dies with the process.
	Key []byte

	// SignInURL is where people who are not signed in are sent, for an
	// [Authenticator] of your own. The parameter next is added: the path that
	// they came for. If empty, they get a page that says so.
	SignInURL string

	// Visible says whether a person may see a request. If nil, those see it
	// who can decide it, and those who have any role and no location or the
	// request's location.
	Visible func(p approval.Principal, r *approval.Request) bool

	// LocationName returns what people call the location with a GID, "" if it
	// has no name. If nil, "Location" and the number in the GID.
	LocationName func(gid string) string

	// KindName returns what people call a kind of action, "" if it has no name.
	// If nil, the kind itself.
	KindName func(kind string) string

	// Locations are the GIDs of the locations that the list can be narrowed to
	// and that can be stopped on their own. If nil, none.
	Locations []string

	// Rollouts are the plans that the console shows, and moves for those who may
	// change [approval.Controls] of the whole shop; they alone see the figures.
	Rollouts []*rollout.Rollout

	// Reasons are offered when somebody rejects. If nil, a few that fit most
	// shops; if empty and not nil, a text field alone.
	Reasons []string

	// TimeZone is the time zone of the times shown. If nil, [time.Local].
	TimeZone *time.Location

	// PageSize is the number of requests of each group on the list. If zero,
	// 50; at most 500.
	PageSize int

	// MaxStreams is the number of open pages that get live updates at the
	// same time; further ones load themselves again now and then. If zero, 256.
	// One person has at most an eighth of them, and at least 4.
	MaxStreams int

	// Logger gets what goes wrong inside, without any content of requests. If
	// nil, nothing is logged.
	Logger *slog.Logger
}

// DefaultReasons are the reasons to reject that the console offers if
// [Options].Reasons is nil.
func DefaultReasons() []string {
	return []string{"Not right for this customer", "Wrong or unsuitable content", "Too expensive", "Handled in another way"}
}

// Console is the web console of one queue, an [http.Handler]. It is safe for
// concurrent use.
type Console struct {
	queue   *approval.Queue
	auth    Authenticator
	opts    Options
	pages   *pages
	forms   sealer
	cross   *http.CrossOriginProtection
	streams *streams
	closed  chan struct{}
	close   sync.Once

	counted     *kept[*counted]
	reports     *kept[*rollout.Report]
	comparisons *kept[compared]

	seesAnywhere bool // by the caller's rule, of which nothing is known
}

// New returns a console for q in which auth says who is who.
func New(q *approval.Queue, auth Authenticator, opts *Options) (*Console, error) {
	if q == nil || auth == nil {
		return nil, errors.New("console: a queue and an authenticator are needed")
	}
	c := &Console{queue: q, auth: auth, cross: http.NewCrossOriginProtection(), closed: make(chan struct{})}
	c.counted, c.reports, c.comparisons = newKept[*counted](), newKept[*rollout.Report](), newKept[compared]()
	if opts != nil {
		c.opts = *opts
		c.opts.Reasons = slices.Clone(opts.Reasons)
		c.opts.Locations = slices.Clone(opts.Locations)
		c.opts.Rollouts = slices.Clone(opts.Rollouts)
	}
	o := &c.opts
	if o.Title == "" {
		o.Title = "Approvals"
	}
	if o.Key != nil && len(o.Key) < minKey {
		return nil, fmt.Errorf("console: a key of %d bytes is too short, %d are needed", len(o.Key), minKey)
	}
	key := slices.Clone(o.Key)
	if key == nil {
		key = make([]byte, minKey)
		_, _ = rand.Read(key) // never fails
	}
	c.forms = newSealer(key, "form")
	c.seesAnywhere = o.Visible != nil
	if o.Visible == nil {
		o.Visible = visible
	}
	if o.Reasons == nil {
		o.Reasons = DefaultReasons()
	}
	if o.TimeZone == nil {
		o.TimeZone = time.Local
	}
	switch {
	case o.PageSize < 0 || o.PageSize > 500:
		return nil, errors.New("console: PageSize must be between 1 and 500")
	case o.PageSize == 0:
		o.PageSize = 50
	}
	switch {
	case o.MaxStreams < 0:
		return nil, errors.New("console: MaxStreams cannot be negative")
	case o.MaxStreams == 0:
		o.MaxStreams = 256
	}
	c.streams = newStreams(o.MaxStreams)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.pages, err = loadPages(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return c, nil
}

// Close ends the live updates of all open pages, which would otherwise keep
// [http.Server.Shutdown] waiting; register it with
// [http.Server.RegisterOnShutdown]. Pages and decisions still work afterwards.
func (c *Console) Close() { c.close.Do(func() { close(c.closed) }) }

// ServeHTTP serves the console. Behind a path, mount it with
// [http.StripPrefix]: the pages refer to one another relatively.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.URL.Path == "" && !strings.HasSuffix(requestPath(r), "/") {
		redirect(w, lastSegment(requestPath(r))+"/")
		return
	}
	if err := c.cross.Check(r); err != nil {
		c.refuse(w, r, nil, http.StatusForbidden, crossOrigin)
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 2 && parts[0] == "assets":
		if !allow(w, r, http.MethodGet) {
			return
		}
		if !c.pages.serveAsset(w, r, parts[1]) {
			c.refuse(w, r, nil, http.StatusNotFound, noPage)
		}
	case len(parts) == 1 && parts[0] == "sign-in":
		if allow(w, r, http.MethodGet, http.MethodPost) {
			c.signIn(w, r)
		}
	default:
		method, page := c.route(parts, r.Method)
		if page == nil {
			c.refuse(w, r, nil, http.StatusNotFound, noPage)
		} else if allow(w, r, method...) {
			c.signedIn(w, r, page)
		}
	}
}

// signedIn lets a request through to next with the person who sends it.
func (c *Console) signedIn(w http.ResponseWriter, r *http.Request, next func(http.ResponseWriter, *http.Request, approval.Principal)) {
	me, err := c.auth.Authenticate(r)
	switch {
	case errors.Is(err, ErrSignedOut):
		c.sendToSignIn(w, r)
	case err != nil:
		c.opts.Logger.ErrorContext(r.Context(), "console: authenticator failed", "error", err)
		c.refuse(w, r, nil, http.StatusServiceUnavailable, noSignIn)
	case me.ID == "":
		c.opts.Logger.ErrorContext(r.Context(), "console: authenticator returned a principal without an ID")
		c.refuse(w, r, nil, http.StatusServiceUnavailable, noSignIn)
	default:
		next(w, r, me)
	}
}

// allow answers 405 unless r has one of the methods; HEAD comes with GET.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) || r.Method == http.MethodHead && slices.Contains(methods, http.MethodGet) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	return false
}

// root leads from the page of r to the list, relatively, whatever the console
// is mounted under.
func root(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if n := strings.Count(path, "/"); n > 0 {
		return strings.Repeat("../", n)
	}
	return "./"
}

// redirect answers 303 to a place relative to the request, which
// [http.Redirect] would make absolute from the stripped path.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// requestPath is the path before a prefix was stripped.
func requestPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	return path
}

func lastSegment(path string) string { return "./" + path[strings.LastIndexByte(path, '/')+1:] }
