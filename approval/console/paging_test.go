package console_test

import (
	"html"
	"net/url"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/internal/testqueue"
)

var keys atomic.Int64

var moreWaiting = regexp.MustCompile(`href="\./(\?[^"]*wait=[^"]*)"`)

func TestWhatWaitsGoesOn(t *testing.T) {
	s := newSite(t, &console.Options{PageSize: 2})
	var want []string
	for i := range 5 {
		want = append(want, s.Propose(t, "612.50", testqueue.Thanks(strconv.Itoa(1000+i))).ID)
	}
	maria := s.visit(t, testqueue.Maria)
	var got []string
	path := "?q=customer" // what narrows the list goes on with it
	for pages := 0; path != ""; pages++ {
		require.Less(t, pages, 4)
		page, _ := maria.page(path)
		for _, m := range regexp.MustCompile(`id="r-([^"]+)"`).FindAllStringSubmatch(page, -1) {
			got = append(got, m[1])
		}
		path = ""
		if m := moreWaiting.FindStringSubmatch(page); m != nil {
			path = html.UnescapeString(m[1])
			assert.Contains(t, path, "q=customer")
			assert.Contains(t, page, map[bool]string{true: "The first 2 requests for you", false: "2 more requests for you"}[pages == 0])
		}
	}
	assert.Equal(t, want, got)

	// Programs page as well.
	got = nil
	for after := ""; ; {
		res, body := maria.get("?"+url.Values{"wait": {after}}.Encode(), "application/json")
		a := maria.json(res, body)
		for _, w := range a.Waiting {
			got = append(got, w.ID)
		}
		if after = a.WaitingNext; after == "" {
			break
		}
	}
	assert.Equal(t, want, got)
}

// What others have to decide hides nothing of what is somebody's own.
func TestTheListOfOnePlaceIsWhole(t *testing.T) {
	for name, opts := range map[string]*console.Options{
		"narrowed by the store": {PageSize: 1},
		"by a rule of the caller": {PageSize: 1, Visible: func(p approval.Principal, r *approval.Request) bool {
			return p.At(r.Location)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, opts)
			decide := func(r *approval.Request, by approval.Principal) {
				_, err := s.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Reject, By: by})
				require.NoError(t, err)
			}
			at := func(location string) *approval.Request {
				r, err := s.Queue.Queue.Propose(t.Context(), testqueue.Thanks("1"), approval.Proposal{
					Key: "at " + location + strconv.Itoa(int(keys.Add(1))), Location: location, Proposer: testqueue.Assistant,
					Amount: approval.Money{Amount: "612.50", Currency: "EUR"},
				})
				require.NoError(t, err)
				return r
			}
			here := testqueue.Harbor.Locations[0]
			old := at(here)
			decide(old, testqueue.Harbor)
			for range 12 {
				s.Propose(t, "612.50", testqueue.Thanks("1043"))
				decide(s.Propose(t, "612.50", testqueue.Thanks("1043")), testqueue.Maria)
			}
			mine := at(here)
			harbor := s.visit(t, testqueue.Harbor)
			walk := func(parameter string) (ids []string, pages int) {
				for after := ""; pages < 8; {
					pages++
					res, body := harbor.get("?"+url.Values{"show": {"all"}, parameter: {after}}.Encode(), "application/json")
					a := harbor.json(res, body)
					list := a.Waiting
					after = a.WaitingNext
					if parameter == "after" {
						list, after = a.Decided, a.DecidedNext
					}
					for _, r := range list {
						ids = append(ids, r.ID)
					}
					if after == "" {
						return ids, pages
					}
				}
				return ids, pages
			}
			waiting, pages := walk("wait")
			assert.Equal(t, []string{mine.ID}, waiting)
			decided, _ := walk("after")
			assert.Equal(t, []string{old.ID}, decided)
			page, _ := harbor.page("")
			if opts.Visible == nil {
				assert.Equal(t, 1, pages, "nothing else is looked at")
				assert.Contains(t, page, "1 request for you")
			} else {
				assert.NotContains(t, page, "All done")
				assert.Contains(t, page, "There are more that wait")
				assert.Contains(t, page, "this page is short")
			}
		})
	}
}

func TestStandingInWidensTheList(t *testing.T) {
	s := newSite(t, nil)
	r := s.Propose(t, "612.50", testqueue.Thanks("1043")) // at Main Street
	harbor := s.visit(t, testqueue.Harbor)
	page, _ := harbor.page("")
	assert.NotContains(t, page, r.ID)
	_, err := s.Delegate(t.Context(), approval.Delegation{
		From: testqueue.Maria, To: testqueue.Harbor.ID, By: testqueue.Maria, Reason: "away", Until: r.CreatedAt.AddDate(0, 0, 1),
	})
	require.NoError(t, err)
	page, _ = harbor.page("")
	assert.Contains(t, page, r.ID)
}
