package salesforce

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// usage is how many of the day's API calls the org has used, as the last answer said. The
// day is the last 24 hours. https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
type usage struct {
	mu          sync.Mutex
	used, limit int
	at          time.Time // when Salesforce said so; zero if it did not yet
}

// stalled is how long a used-up allowance is believed: after it one request asks again.
const stalled = 5 * time.Minute

func (u *usage) note(header string, now time.Time) {
	used, limit, ok := parseLimitInfo(header)
	if !ok {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.used, u.limit, u.at = used, limit, now
}

// check fails when less than the reserve is left.
func (u *usage) check(reserve float64, now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if reserve == 0 || u.limit == 0 || float64(u.used) < float64(u.limit)*(1-reserve) {
		return nil
	}
	if left := stalled - now.Sub(u.at); left > 0 {
		return &crm.LimitError{Limit: "reserve of the daily API calls", RetryAfter: left}
	}
	u.at = now // one asks, the others wait for what it hears
	return nil
}

// parseLimitInfo reads "api-usage=25/5000" among what the header Sforce-Limit-Info lists.
func parseLimitInfo(header string) (used, limit int, ok bool) {
	for part := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		rest, is := strings.CutPrefix(part, "api-usage=")
		if !is {
			continue
		}
		a, b, slash := strings.Cut(rest, "/")
		used, err := strconv.ParseUint(a, 10, 31)
		limit, err2 := strconv.ParseUint(b, 10, 31)
		if !slash || err != nil || err2 != nil || limit == 0 {
			return 0, 0, false
		}
		return int(used), int(limit), true
	}
	return 0, 0, false
}
