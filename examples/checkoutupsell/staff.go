package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
)

// subjectPinned is the type under which the audit log names who was pinned in, as the
// device says.
const subjectPinned = "pos_staff_claim"

// staff says by which ID the console, or Slack, knows whom Shopify knows by a number:
// the account of a register, and who pins in there. Without it, somebody who asks at the
// register and decides at the console would be two people to the queue.
type staff map[int64]string

// simulatedStaff are the people of a simulated shop: an associate whose account the
// register has, and the manager.
func simulatedStaff() staff { return staff{70: demo.Manager.ID, 71: "staff:associate"} }

// String implements [flag.Value].
func (s staff) String() string {
	list := make([]string, 0, len(s))
	for _, n := range slices.Sorted(maps.Keys(s)) {
		list = append(list, strconv.FormatInt(n, 10)+"="+s[n])
	}
	return strings.Join(list, ",")
}

// Set implements [flag.Value].
func (s *staff) Set(text string) error {
	out := staff{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		number, id, ok := strings.Cut(pair, "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || n < 1 || id == "" || len(id) > 256 || out[n] != "" {
			return errors.New("must be NUMBER=id,… with each number once, such as 12345=staff:manager")
		}
		out[n] = id
	}
	*s = out
	return nil
}

// proposer is who asks at a register: whose account signed the question. An account that
// is nobody's, such as a device's own, says nothing about who stands there. Then who is
// pinned in counts: nobody signed that, but all that follows from it is that they do not
// decide.
func (s staff) proposer(account string, pinned int64) approval.Principal {
	n, err := strconv.ParseInt(account, 10, 64)
	if id := s[n]; err == nil && id != "" {
		return approval.Principal{ID: id, Name: "Account " + account + " at the register", Type: approval.Human}
	}
	if id := s[pinned]; id != "" {
		return approval.Principal{ID: id, Name: "Pinned in at the register, as the device says", Type: approval.Human}
	}
	return approval.Principal{ID: "shopify:account/" + account, Name: "Account at the register", Type: approval.Human}
}

// claim is what the device says about who is pinned in, for the manager and the log.
func (s staff) claim(account string, pinned int64) ([]approval.Evidence, []audit.Subject) {
	who := func(n int64, text string) string {
		if id := s[n]; id != "" {
			return text + " (" + id + ")"
		}
		return text + ", not known here"
	}
	n, _ := strconv.ParseInt(account, 10, 64) // 0 is nobody's
	evidence := []approval.Evidence{{Label: "Signed in at the register", Text: who(n, "account "+account)}}
	if pinned == 0 {
		return append(evidence, approval.Evidence{Label: "Pinned in", Text: "the device names nobody"}), nil
	}
	text := who(pinned, fmt.Sprintf("staff member %d", pinned)) + "; the device says so, nobody signed it"
	return append(evidence, approval.Evidence{Label: "Pinned in", Text: text}), []audit.Subject{{Type: subjectPinned, ID: numbered("StaffMember", pinned)}}
}
