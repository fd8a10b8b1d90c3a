package slack

import (
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
)

// shownAt is when a card came to show what it shows: when it was posted, or when
// the last edit was made, after which it was changed in place. When the person
// looked is not known; it was not before that. It is zero if the message's time
// cannot be read.
// https://docs.slack.dev/messaging/retrieving-messages#individual_messages
func shownAt(ts string, r *approval.Request) time.Time {
	seconds, fraction, _ := strings.Cut(ts, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || s <= 0 || s >= 1<<36 || len(fraction) > 6 {
		return time.Time{}
	}
	micros, err := strconv.ParseUint((fraction + "000000")[:6], 10, 32)
	if err != nil {
		return time.Time{}
	}
	at := time.Unix(s, int64(micros)*1000)
	if n := len(r.Edits); n > 0 && r.Edits[n-1].At.After(at) {
		at = r.Edits[n-1].At
	}
	return at.UTC()
}
