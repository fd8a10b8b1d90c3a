package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/posai-go/posai/audit"
)

// digestPrefix keeps the digest apart from all other uses of SHA-256, and
// names the version of the encoding. The first version had no verdict and no
// expiry; requests from that time have such digests still.
const (
	digestPrefix      = "posai/approval/request/v2\n"
	firstDigestPrefix = "posai/approval/request/v1\n"
)

// ComputeDigest returns the digest of what a decision about r is bound to:
// "sha256:" and, in hexadecimal, the SHA-256 of the line
// "posai/approval/request/v2", a line feed, and the canonical JSON of an object
// with these members:
//
//	id, kind, revision     of the request
//	args, preview          what is done and what people see of it
//	policy_version, need   under which rules, and who has to approve
//	verdict                of the ruling
//	shop, location         where
//	escalation             who can approve later, if the ruling says so
//	subjects, amount       what it is about, what is at stake
//	proposer               the ID of the proposer
//	expires_at             until when, if the proposal says so
//
// Canonical means: members sorted by the bytes of their names, no white space,
// only the string escapes that RFC 8785 has, numbers as exact decimals without
// exponent or idle zeros.
func (r *Request) ComputeDigest() (string, error) {
	return r.digest(digestPrefix, r.Ruling.Verdict, r.Proposal.ExpiresAt)
}

func (r *Request) digest(prefix string, verdict RulingVerdict, expires time.Time) (string, error) {
	data, err := json.Marshal(struct {
		ID            string          `json:"id"`
		Kind          string          `json:"kind"`
		Revision      int             `json:"revision"`
		Args          json.RawMessage `json:"args"`
		Preview       Preview         `json:"preview"`
		PolicyVersion string          `json:"policy_version"`
		Verdict       RulingVerdict   `json:"verdict,omitzero"`
		Need          Need            `json:"need"`
		Escalation    []Escalation    `json:"escalation,omitempty"`
		Shop          string          `json:"shop"`
		Location      string          `json:"location"`
		Subjects      []audit.Subject `json:"subjects"`
		Amount        Money           `json:"amount"`
		Proposer      string          `json:"proposer"`
		ExpiresAt     time.Time       `json:"expires_at,omitzero"`
	}{
		r.ID, r.Kind, r.Revision, r.Args, r.Preview, r.PolicyVersion, verdict, r.Ruling.Need, r.Ruling.Escalation,
		r.Shop, r.Location, r.Subjects, r.Amount, r.Proposer.ID, expires.UTC(),
	})
	if err == nil {
		data, err = canonical(data)
	}
	if err != nil {
		return "", fmt.Errorf("approval: digest: %w", err)
	}
	sum := sha256.Sum256(append([]byte(prefix), data...))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
