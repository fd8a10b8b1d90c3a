package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/posai-go/posai/audit"
)

// digestPrefix keeps the digest apart from all other uses of SHA-256, and
// names the version of the encoding.
const digestPrefix = "posai/approval/request/v1\n"

// ComputeDigest returns the digest of what a decision about r is bound to:
// "sha256:" and, in hexadecimal, the SHA-256 of the line
// "posai/approval/request/v1", a line feed, and the canonical JSON of an object
// with these members:
//
//	id, kind, revision     of the request
//	args, preview          what is done and what people see of it
//	policy_version, need   under which rules, and who has to approve
//	shop, location         where
//	escalation             who can approve later, if the ruling says so
//	subjects, amount       what it is about, what is at stake
//	proposer               the ID of the proposer
//
// Canonical means: members sorted by the bytes of their names, no white space,
// only the string escapes that RFC 8785 has, numbers as exact decimals without
// exponent or idle zeros.
func (r *Request) ComputeDigest() (string, error) {
	data, err := json.Marshal(struct {
		ID            string          `json:"id"`
		Kind          string          `json:"kind"`
		Revision      int             `json:"revision"`
		Args          json.RawMessage `json:"args"`
		Preview       Preview         `json:"preview"`
		PolicyVersion string          `json:"policy_version"`
		Need          Need            `json:"need"`
		Escalation    []Escalation    `json:"escalation,omitempty"`
		Shop          string          `json:"shop"`
		Location      string          `json:"location"`
		Subjects      []audit.Subject `json:"subjects"`
		Amount        Money           `json:"amount"`
		Proposer      string          `json:"proposer"`
	}{
		r.ID, r.Kind, r.Revision, r.Args, r.Preview, r.PolicyVersion, r.Ruling.Need, r.Ruling.Escalation,
		r.Shop, r.Location, r.Subjects, r.Amount, r.Proposer.ID,
	})
	if err == nil {
		data, err = canonical(data)
	}
	if err != nil {
		return "", fmt.Errorf("approval: digest: %w", err)
	}
	sum := sha256.Sum256(append([]byte(digestPrefix), data...))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
