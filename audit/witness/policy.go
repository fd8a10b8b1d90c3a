package witness

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
)

// Bounds of a policy file.
const (
	MaxPolicySize = 1 << 20 // bytes
	MaxMembers    = 1024    // logs, witnesses and groups together
)

// What a caller may branch on with errors.Is.
var (
	// ErrPolicy: a policy file is malformed.
	ErrPolicy = errors.New("witness: bad policy")

	// ErrQuorum: fewer witnesses have cosigned the checkpoint than the policy
	// asks for.
	ErrQuorum = errors.New("witness: quorum not reached")
)

// Policy says whose signatures make a checkpoint believable: those of which
// logs, and those of how many of which witnesses. The zero Policy knows nobody
// and believes nothing; [ParsePolicy] makes one.
type Policy struct {
	Logs      []Log
	Witnesses []Witness

	groups []group
	quorum string // name of a witness or group; empty: none is needed
	valid  bool
}

// Log is a log that a policy knows.
type Log struct {
	Verifier note.Verifier
	URL      string // prefix of its tiles, or empty
}

// Witness is a witness that a policy knows.
type Witness struct {
	Name     string // within the policy
	Verifier *Verifier
	URL      string // its submission prefix, or empty
}

type group struct {
	name    string
	need    int
	members []string
}

// ParsePolicy reads a policy file (https://c2sp.org/tlog-policy):
//
//	log <vkey> [<url>]
//	witness <name> <vkey> [<url>]
//	group <name> all|any|<k> <name>...
//	quorum <name>|none
//
// An error matches [ErrPolicy] and names the line.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > MaxPolicySize {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrPolicy, MaxPolicySize)
	}
	if i := bytes.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }); i >= 0 {
		return nil, fmt.Errorf("%w: control character at offset %d", ErrPolicy, i)
	}
	p := &policyParser{names: map[string]bool{}, used: map[string]bool{}, keys: map[string]bool{}}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := p.line(fields); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrPolicy, n, err)
		}
	}
	if !p.valid {
		return nil, fmt.Errorf("%w: no quorum line", ErrPolicy)
	}
	return &p.Policy, nil
}

type policyParser struct {
	Policy
	names map[string]bool // of witnesses and groups
	used  map[string]bool // members of a group
	keys  map[string]bool // public keys
}

func (p *policyParser) line(fields []string) error {
	if len(p.Logs)+len(p.Witnesses)+len(p.groups) >= MaxMembers {
		return fmt.Errorf("more than %d logs, witnesses and groups", MaxMembers)
	}
	switch word, args := fields[0], fields[1:]; {
	case word == "log" && (len(args) == 1 || len(args) == 2):
		return p.log(args)
	case word == "witness" && (len(args) == 2 || len(args) == 3):
		return p.witness(args)
	case word == "group" && len(args) >= 3:
		return p.group(args[0], args[1], args[2:])
	case word == "quorum" && len(args) == 1:
		if p.valid {
			return errors.New("a second quorum")
		}
		if args[0] != "none" {
			if !p.names[args[0]] {
				return errors.New("the quorum is not defined above")
			}
			p.quorum = args[0]
		}
		p.valid = true
		return nil
	}
	return errors.New("neither log, witness, group nor quorum in its form")
}

func (p *policyParser) log(args []string) error {
	v, err := note.NewVerifier(args[0])
	if err != nil {
		return errors.New("not the verifier key of a log")
	}
	_, key, _ := strings.Cut(args[0], "+")
	_, key, _ = strings.Cut(key, "+")
	if !p.key("log " + key) {
		return errors.New("a second log with the same key")
	}
	u, err := prefix(args[1:])
	if err != nil {
		return err
	}
	p.Logs = append(p.Logs, Log{Verifier: v, URL: u})
	return nil
}

func (p *policyParser) witness(args []string) error {
	v, err := NewVerifier(args[1])
	if err != nil {
		return err
	}
	if !p.key("witness " + v.key) {
		return errors.New("a second witness with the same key")
	}
	if err := p.define(args[0]); err != nil {
		return err
	}
	u, err := prefix(args[2:])
	if err != nil {
		return err
	}
	p.Witnesses = append(p.Witnesses, Witness{Name: args[0], Verifier: v, URL: u})
	return nil
}

func (p *policyParser) group(name, need string, members []string) error {
	g := group{name: name, members: members}
	switch need {
	case "all":
		g.need = len(members)
	case "any":
		g.need = 1
	default:
		k, err := strconv.Atoi(need)
		if err != nil || strconv.Itoa(k) != need || k < 1 || k > len(members) {
			return errors.New("the threshold is neither all, any nor a number of members")
		}
		g.need = k
	}
	for _, m := range members {
		if !p.names[m] {
			return errors.New("a member is not defined above")
		}
		if p.used[m] {
			return errors.New("a member is in a group already")
		}
		p.used[m] = true
	}
	if err := p.define(name); err != nil {
		return err
	}
	p.groups = append(p.groups, g)
	return nil
}

func (p *policyParser) define(name string) error {
	if name == "none" || p.names[name] {
		return errors.New("the name is taken")
	}
	p.names[name] = true
	return nil
}

func (p *policyParser) key(key string) bool {
	seen := p.keys[key]
	p.keys[key] = true
	return !seen
}

func prefix(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	u, err := url.Parse(args[0])
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("not the URL of a web server")
	}
	return strings.TrimRight(args[0], "/"), nil
}

// Verifiers returns those of all logs and witnesses of the policy.
func (p *Policy) Verifiers() note.Verifiers {
	var all []note.Verifier
	for _, l := range p.Logs {
		all = append(all, l.Verifier)
	}
	for _, w := range p.Witnesses {
		all = append(all, w.Verifier)
	}
	return note.VerifierList(all...)
}

// Cosignature says that a witness has seen the checkpoint.
type Cosignature struct {
	Witness string    `json:"witness"` // name within the policy
	Time    time.Time `json:"time"`    // when the witness signed, to the second
}

// Check returns the checkpoint in the note msg, and who cosigned it, where a
// log of the policy has signed it and its quorum of witnesses has cosigned it.
// Otherwise an error matches [audit.ErrCheckpoint] or [ErrQuorum]; with the
// latter, the results are valid all the same.
func (p *Policy) Check(msg []byte) (audit.Checkpoint, []Cosignature, error) {
	c, err := audit.ParseCheckpoint(msg, p.logs())
	if err != nil {
		return audit.Checkpoint{}, nil, err
	}
	var seen []Cosignature
	have := map[string]bool{}
	for _, w := range p.Witnesses {
		// One by one, as a bad signature of one must not spoil the others.
		n, err := note.Open(msg, note.VerifierList(w.Verifier))
		if err != nil {
			continue
		}
		at, err := Time(n.Sigs[0])
		if err != nil {
			continue
		}
		have[w.Name] = true
		seen = append(seen, Cosignature{Witness: w.Name, Time: at})
	}
	if !p.reached(have) {
		return c, seen, fmt.Errorf("%w: %d of %d witnesses have cosigned", ErrQuorum, len(seen), len(p.Witnesses))
	}
	return c, seen, nil
}

func (p *Policy) logs() note.Verifiers {
	var logs []note.Verifier
	for _, l := range p.Logs {
		logs = append(logs, l.Verifier)
	}
	return note.VerifierList(logs...)
}

// reached reports whether the witnesses with these names are a quorum. Groups
// only refer to what is above them, so one pass in order decides them all.
func (p *Policy) reached(have map[string]bool) bool {
	if !p.valid {
		return false
	}
	for _, g := range p.groups {
		n := 0
		for _, m := range g.members {
			if have[m] {
				n++
			}
		}
		have[g.name] = n >= g.need
	}
	return p.quorum == "" || have[p.quorum]
}

// NewPolicy returns the policy that the log is known by its key and that at
// least need of the witnesses must have cosigned.
func NewPolicy(log note.Verifier, need int, witnesses ...Witness) (*Policy, error) {
	if need < 0 || need > len(witnesses) {
		return nil, fmt.Errorf("%w: %d of %d witnesses", ErrPolicy, need, len(witnesses))
	}
	p := &Policy{Logs: []Log{{Verifier: log}}, Witnesses: slices.Clone(witnesses), valid: true}
	g := group{name: "quorum", need: need}
	for i, w := range p.Witnesses {
		if w.Verifier == nil || w.Name == "" || w.Name == g.name || slices.Contains(g.members, w.Name) {
			return nil, fmt.Errorf("%w: witness %d has no verifier, or no name of its own", ErrPolicy, i)
		}
		g.members = append(g.members, w.Name)
	}
	if need > 0 {
		p.groups, p.quorum = []group{g}, g.name
	}
	return p, nil
}
