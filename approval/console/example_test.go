package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

// Tag is an action: a tag on an order.
type Tag struct{ Order, Tag string }

func (Tag) Kind() string      { return "order.tag" }
func (t Tag) Validate() error { return nil }

func (t Tag) Preview() approval.Preview {
	return approval.Preview{Title: "Tag order " + t.Order + " as " + t.Tag}
}

// A queue with a console. The manager gets a link, opens it and sees what
// waits.
func Example() {
	dir := must(os.MkdirTemp("", "console"))
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	entries := must(filestore.Open(filepath.Join(dir, "audit"), nil))
	trail := must(audit.Open(ctx, entries, nil))
	defer func() { _ = trail.Close() }()
	store := must(sqlstore.Open(ctx, "sqlite://"+filepath.Join(dir, "approval.db"), nil))
	defer func() { _ = store.Close() }()
	policy := approval.Rules("v1", approval.Rule{Then: approval.Ask(approval.Role("manager"), 0, "Tags are asked for")})
	queue := must(approval.NewQueue(store, trail, policy, nil))
	tag := approval.Executor[Tag, string]{Execute: func(context.Context, approval.Execution, Tag) (string, error) { return "tagged", nil }}
	check(approval.Register(queue, tag))

	// The console, below a path, and a link for the manager.
	links := must(console.NewSignedLinks([]byte("a secret of at least 32 random bytes"), nil))
	pages := must(console.New(queue, links, nil))
	mux := http.NewServeMux()
	mux.Handle("/approvals/", http.StripPrefix("/approvals", pages))
	server := httptest.NewServer(mux)
	defer server.Close()
	defer pages.Close()
	manager := approval.Principal{ID: "staff-1", Name: "Maria Lopez", Type: approval.Human, Roles: []string{"manager"}}
	link := must(links.Link(server.URL+"/approvals/", manager, ""))

	assistant := approval.Principal{ID: "assistant", Type: approval.AI}
	must(queue.Propose(ctx, Tag{Order: "1043", Tag: "vip"}, approval.Proposal{Key: "1043", Proposer: assistant}))

	fmt.Println(headings(link, server.URL+"/approvals/"))
	// Output:
	// Sign in, then: 1 request for you, Tag order 1043 as vip
}

// headings opens a sign-in link, confirms it and says what the pages are about.
func headings(link, list string) string {
	jar := must(cookiejar.New(nil))
	browser := &http.Client{Jar: jar}
	page := read(browser.Get(link))
	signIn := heading(page)
	u := must(url.Parse(link))
	token := u.Query().Get("token")
	u.RawQuery = ""
	_ = read(browser.PostForm(u.String(), url.Values{"token": {token}}))
	page = read(browser.Get(list))
	title := regexp.MustCompile(`<h3><a [^>]*>([^<]*)</a>`).FindStringSubmatch(page)
	if title == nil {
		panic("nothing waits")
	}
	return signIn + ", then: " + heading(page) + ", " + title[1]
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
